package proposal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/learn"
	"quell/internal/english"
)

// maxProposals bounds how many proposals are written, the strongest: nobody reviews more, and rule files have a size limit.
const maxProposals = 500

// Report is what a history supports, and how that was found.
type Report struct {
	Proposals  []learn.Proposal
	Stats      learn.Stats
	Thresholds learn.Thresholds
	Window     time.Duration
	// Late and Dropped are those of the [History].
	Late, Dropped int
}

// Report ends the history and tells what it supports.
func (h *History) Report(th learn.Thresholds, window time.Duration) *Report {
	proposals, stats := h.Proposals(th)
	return &Report{proposals, stats, th, window, h.Late, h.Dropped}
}

// entry is a proposal on its way into a file: where is the value of the key on, empty for dependencies.
type entry struct {
	learn.Proposal
	where string
}

// entries splits the proposals into causes and dependencies. Of two for the same names the stronger counts: entities
// may be near by their dependencies and by their namespace.
func (r *Report) entries() (causes, dependencies []entry) {
	seen := make(map[string]bool)
	for _, p := range r.Proposals {
		e := entry{p, map[learn.Scope]string{learn.Same: "same", learn.Near: "near", learn.Namespace: "near"}[p.Scope]}
		key := strings.Join([]string{e.where, p.Cause, p.Effect}, "\n")
		if seen[key] || len(seen) == maxProposals {
			continue
		}
		seen[key] = true
		if p.Scope == learn.Between {
			dependencies = append(dependencies, e)
		} else {
			causes = append(causes, e)
		}
	}
	return causes, dependencies
}

// numbers tells a proposal's evidence in words.
func numbers(p *learn.Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seen %s in %s", times(p.Seen), english.Count(int(math.Round(p.Episodes)), "episode"))
	if p.Scope != learn.Between {
		fmt.Fprintf(&b, " on %s", english.Count(int(p.Entities), "entity"))
	}
	fmt.Fprintf(&b, " over %s; %s × more often than chance; first in %.0f %%", english.Count(int(p.Days), "day"), about(p.Lift), 100*p.Precedence)
	if p.Scope == learn.Namespace {
		b.WriteString("; only their namespace is known to be shared")
	}
	return b.String()
}

func times(n float64) string {
	if whole(n) == "1" {
		return "once"
	}
	return whole(n) + " times"
}

// whole writes a count, which may have fractions where things came at one instant or have faded.
func whole(n float64) string { return fmt.Sprintf("%.0f", n) }

// about writes a ratio with two digits that count.
func about(x float64) string {
	if x < 10 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return fmt.Sprintf("%.0f", math.Round(x/unit)*unit)
}

// Rules writes a rules file that quell check takes as it is, the strongest proposals first, each under its evidence.
func (r *Report) Rules(w io.Writer) error {
	out := bufio.NewWriter(w)
	causes, dependencies := r.entries()
	r.header(out, len(causes)+len(dependencies))
	if len(causes) > 0 {
		_, _ = fmt.Fprintln(out, "\ncauses:") // a write error comes back from Flush, here and below
	}
	note := quoted("learned from " + r.period())
	for _, e := range causes {
		_, _ = fmt.Fprintf(out, "  # %s\n  - {cause: %s, effect: %s, on: %s, weight: %s, note: %s}\n",
			numbers(&e.Proposal), quoted(e.Cause), quoted(e.Effect), e.where, weight(e.Weight), note)
	}
	if len(dependencies) > 0 {
		_, _ = fmt.Fprintln(out, "\ndependencies:")
	}
	for _, e := range dependencies {
		_, _ = fmt.Fprintf(out, "  # %s\n  - {from: %s, to: %s, type: learned, note: %s}\n",
			numbers(&e.Proposal), quoted(e.Effect), quoted(e.Cause), note)
	}
	return out.Flush()
}

func (r *Report) header(out io.Writer, n int) {
	_, _ = fmt.Fprintf(out, `# A PROPOSAL by quell learn, from %s: %s.
# It is not in force. Read it, delete what you do not believe, and list the file under rules.files of the configuration.
#
# What is proposed came within %s before its effect at least %s times (a storm is one time) on %s, at least %s × as often
# as chance gives, and first in at least %.0f %% of the times that the two came together. Chance makes about one
# proposal in twenty at most. That one thing follows another does not prove that it is caused by it: a third may cause both.
# Weight is half the share of the effect that the cause explains, since what is learned is weaker than what is declared.
`, r.period(), english.Count(int(r.Stats.Starts), "symptom"), model.Duration(r.Window), whole(r.Thresholds.Episodes),
		english.Count(int(r.Thresholds.Days), "day"), about(r.Thresholds.Lift), 100*r.Thresholds.Precedence)
	for _, l := range r.limits(n) {
		_, _ = fmt.Fprintf(out, "# %s\n", l)
	}
	if n == 0 {
		_, _ = fmt.Fprintln(out, "#\n# History supports no proposal.")
	}
}

// limits tells what was left out, if anything.
func (r *Report) limits(written int) []string {
	var lines []string
	for _, l := range []struct {
		n    int
		text string
	}{
		{len(r.Proposals) - written, "weaker proposals are left out."},
		{r.Stats.Dropped + r.Dropped, "symptoms were left out for want of memory."},
		{r.Stats.PrunedPairs, "rare pairs were forgotten for want of memory."},
		{r.Late, "symptoms were told too late to count as starts."},
	} {
		if l.n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s", l.n, l.text))
		}
	}
	return lines
}

// period is "2026-01-02 to 2026-02-03".
func (r *Report) period() string {
	if r.Stats.From.IsZero() {
		return "no time at all"
	}
	return r.Stats.From.Format(time.DateOnly) + " to " + r.Stats.To.Format(time.DateOnly)
}

func weight(w float64) string { return fmt.Sprintf("%.2f", max(w, 0.01)) }

// quoted writes text in double quotes. JSON's escapes are YAML's, too.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// Text writes a table for people.
func (r *Report) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHERE\tCAUSE\tEFFECT\tEVIDENCE") // a write error comes back from Flush, here and below
	causes, dependencies := r.entries()
	for _, e := range append(causes, dependencies...) {
		if e.where == "" {
			e.where = "dependency"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.where, e.Cause, e.Effect, numbers(&e.Proposal))
	}
	_, _ = fmt.Fprintf(table, "\n%s, %s of %s\n", r.period(), english.Count(int(r.Stats.Starts), "symptom"), english.Count(int(r.Stats.Types), "type"))
	for _, l := range r.limits(len(causes) + len(dependencies)) {
		_, _ = fmt.Fprintln(table, l)
	}
	return table.Flush()
}

// jsonProposal is a line of JSON output.
type jsonProposal struct {
	Cause      string  `json:"cause"`
	Effect     string  `json:"effect"`
	On         string  `json:"on"`
	Seen       float64 `json:"seen"`
	Episodes   float64 `json:"episodes"`
	Expected   float64 `json:"expected"`
	Lift       float64 `json:"lift"`
	Precedence float64 `json:"precedence"`
	Explained  float64 `json:"explained"`
	Weight     float64 `json:"weight"`
	Days       int     `json:"days"`
	Entities   int     `json:"entities,omitempty"`
	LogChance  float64 `json:"log_chance"`
}

var scopeNames = map[learn.Scope]string{
	learn.Same: "same", learn.Near: "near", learn.Namespace: "namespace", learn.Between: "dependency",
}

// JSON writes all proposals as JSON Lines, and a summary last.
func (r *Report) JSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, p := range r.Proposals {
		line := jsonProposal{
			p.Cause, p.Effect, scopeNames[p.Scope], p.Seen, p.Episodes, p.Expected, p.Lift, p.Precedence, p.Explained, p.Weight,
			p.Days, p.Entities, p.LogChance,
		}
		if err := e.Encode(line); err != nil {
			return fmt.Errorf("write proposals: %w", err)
		}
	}
	summary := map[string]any{"summary": map[string]any{
		"from": r.Stats.From, "to": r.Stats.To, "symptoms": r.Stats.Starts, "flaps": r.Stats.Flaps, "types": r.Stats.Types,
		"late": r.Late, "dropped": r.Stats.Dropped + r.Dropped, "pruned_pairs": r.Stats.PrunedPairs, "storms": r.Stats.Storms,
		"proposals": len(r.Proposals),
	}}
	if err := e.Encode(summary); err != nil {
		return fmt.Errorf("write proposals: %w", err)
	}
	return out.Flush()
}
