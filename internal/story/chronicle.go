package story

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate"
)

// Chronicle writes down what an engine decides, as the sections want and end of a txtar file have it.
type Chronicle struct {
	start time.Time
	lines []string
	// same counts the last lines that tell of one decision about one incident: a storm need not be read alert by alert.
	same      int
	last      string
	incidents map[correlate.IncidentID]string
}

// NewChronicle returns one of a story that begins at start.
func NewChronicle(start time.Time) *Chronicle {
	return &Chronicle{start: start, incidents: make(map[correlate.IncidentID]string)}
}

// sameMax is how many of such lines are shown.
const sameMax = 8

// Take notes the effects of one step, after it.
func (c *Chronicle) Take(e *correlate.Engine, effects []correlate.Effect) {
	for i := range effects {
		f := &effects[i]
		what := fmt.Sprintf("%s %s", f.Decision, f.Incident)
		if what != c.last {
			c.flush()
			c.last = what
		}
		if c.same++; c.same <= sameMax {
			c.lines = append(c.lines, fmt.Sprintf("%s %s%s\n", f.At.Sub(c.start), what, c.detail(f)))
		}
	}
	for i := range effects {
		c.stands(e, effects[i].Incident)
	}
}

func (c *Chronicle) flush() {
	c.lines = append(c.lines, c.more()...)
	c.same = 0
}

// more says how many decisions of one kind are not shown so far.
func (c *Chronicle) more() []string {
	if c.same <= sameMax {
		return nil
	}
	return []string{fmt.Sprintf("… %d more: %s\n", c.same-sameMax, c.last)}
}

// runnerUpShare is the least share of the leader's score with which one of the next two roots is shown: below it they are what is left
// over, in an order that says nothing.
const runnerUpShare = 0.3

// stands notes how an incident stands: closed ones are forgotten after a while.
func (c *Chronicle) stands(e *correlate.Engine, id correlate.IncidentID) {
	i, ok := e.Incident(id, 0)
	switch {
	case !ok:
		return
	case i.State == correlate.Merged:
		delete(c.incidents, id)
		return
	}
	line := fmt.Sprintf("%s %s root", id, i.State)
	for k, r := range i.Roots {
		if k > 0 && (k > 2 || r.Score < i.Roots[0].Score*runnerUpShare) {
			break
		}
		if k > 0 {
			line += ", then"
		}
		line += " " + string(r.Entity)
		if r.Silent {
			line += " silent"
		}
	}
	line = fmt.Sprintf("%s; members %d", line, i.MemberCount)
	if h := i.HealedBy; h != nil && h.What != correlate.Unexplained {
		line += "; healed at " + h.At.Sub(c.start).String() + " by " + h.String()
	}
	c.incidents[id] = line
}

// Told returns the decisions so far, a line each.
func (c *Chronicle) Told() string {
	return strings.Join(slices.Concat(c.lines, c.more()), "")
}

// End returns how the incidents stand that were not merged away, a line each.
func (c *Chronicle) End(e *correlate.Engine) string {
	var end strings.Builder
	for _, id := range slices.Sorted(maps.Keys(c.incidents)) {
		c.stands(e, id)
		fmt.Fprintln(&end, c.incidents[id])
	}
	return end.String()
}

// toldReasons are how reasons begin that a story is about.
var toldReasons = []string{"held on: ", "not held", "held: ", "held longer: ", "held no longer: ", "silenced: ", "no longer silenced"}

// detail is what matters of a decision beside its word.
func (c *Chronicle) detail(f *correlate.Effect) string {
	switch {
	case f.Decision == correlate.Open || f.Decision == correlate.Reroot:
		silent := ""
		if f.Roots[0].Silent {
			silent = " silent"
		}
		return fmt.Sprintf(" root %s%s", f.Roots[0].Entity, silent)
	case f.Decision == correlate.Notice, strings.HasPrefix(f.Reason, "is over its self-heal budget"), strings.HasPrefix(f.Reason, "flaps"):
		return ", " + lineless(f)
	case f.Decision == correlate.Hold && f.Until.IsZero():
		return ", " + lineless(f)
	case f.Decision == correlate.Hold:
		until := fmt.Sprintf(" until %s", f.Until.Sub(c.start))
		begins := func(with string) bool { return strings.HasPrefix(f.Reason, with) }
		if slices.ContainsFunc(toldReasons, begins) {
			until += ", " + lineless(f)
		}
		return until
	case f.Decision == correlate.Escalate && strings.HasPrefix(f.Reason, "it was silenced by "),
		f.Decision == correlate.Update && strings.HasPrefix(f.Reason, "no longer silenced"):
		return ", " + lineless(f)
	case f.Other != 0:
		return fmt.Sprintf(" into %s", f.Other)
	case f.Decision == correlate.Reopen:
		return fmt.Sprintf(" generation %d", f.Generation)
	case f.Entity != "":
		return fmt.Sprintf(" %s", f.Entity)
	}
	return ""
}

// lineless is the reason of an effect with its rule as it is called wherever it stands: a line more in a pack changes no story.
func lineless(f *correlate.Effect) string {
	if f.Rule == nil {
		return f.Reason
	}
	return strings.ReplaceAll(f.Reason, f.Rule.String(), "rule "+f.Rule.Key())
}
