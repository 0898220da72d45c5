// Package score compares the output of a replay with the truth, as the published scorer of the data sets does. It is for runs
// within one process; what documents say comes from the scorer itself.
package score

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"quell/test/evaluation/dataset"
)

// Incident is one incident of a replay's output.
type Incident struct {
	ID        string     `json:"id"`
	Opened    time.Time  `json:"opened"`
	Escalated *time.Time `json:"escalated"`
	Roots     []Root     `json:"roots"`
	Members   []string   `json:"members"`
}

// Root is one candidate for the root cause; the best comes first.
type Root struct {
	Entity string  `json:"entity"`
	Score  float64 `json:"score"`
	Silent bool    `json:"silent"`
}

// Result says how a method did on one case.
type Result struct {
	// Pages counts escalated incidents.
	Pages int
	// Top1 and Top3 say whether a right root is the first, or among the first three, of the primary incident: the escalated one
	// with most members, ties to the earliest; of all incidents if none was escalated.
	Top1, Top3 bool
	// Missed says that nothing was escalated.
	Missed bool
}

// Read takes the incidents out of a replay's output.
func Read(output []byte) ([]Incident, error) {
	var all []Incident
	n := 0
	for line := range bytes.Lines(output) {
		n++
		var l struct {
			Decision string          `json:"decision"`
			Incident json.RawMessage `json:"incident"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Decision != "" || l.Incident == nil {
			continue
		}
		var i Incident
		if err := json.Unmarshal(l.Incident, &i); err != nil {
			return nil, fmt.Errorf("line %d: incident: %w", n, err)
		}
		all = append(all, i)
	}
	return all, nil
}

// Case compares the incidents of one case with the truth.
func Case(incidents []Incident, truth dataset.Truth) Result {
	paged := slices.DeleteFunc(slices.Clone(incidents), func(i Incident) bool { return i.Escalated == nil })
	r := Result{Pages: len(paged), Missed: len(paged) == 0}
	if r.Missed {
		paged = incidents
	}
	if len(paged) == 0 {
		return r
	}
	primary := slices.MinFunc(paged, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(len(b.Members), len(a.Members)), a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	right := func(root Root) bool { return slices.Contains(truth.Roots, root.Entity) }
	first := primary.Roots[:min(3, len(primary.Roots))]
	r.Top1, r.Top3 = len(first) > 0 && right(first[0]), slices.ContainsFunc(first, right)
	return r
}

// Tally sums up the cases of one or more sets.
type Tally struct {
	Cases, Pages, Top1, Top3, Missed int
	// Alerting counts the cases whose root alerts, and Top1Alerting and Top3Alerting the right ones among them.
	Alerting, Top1Alerting, Top3Alerting int
}

// Add counts one case.
func (t *Tally) Add(r Result, rootAlerts bool) {
	t.Cases++
	t.Pages += r.Pages
	for _, c := range []struct {
		when bool
		n    *int
	}{
		{r.Top1, &t.Top1},
		{r.Top3, &t.Top3},
		{r.Missed, &t.Missed},
		{rootAlerts, &t.Alerting},
		{rootAlerts && r.Top1, &t.Top1Alerting},
		{rootAlerts && r.Top3, &t.Top3Alerting},
	} {
		if c.when {
			*c.n++
		}
	}
}
