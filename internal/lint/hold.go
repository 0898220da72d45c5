package lint

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"quell/internal/strictyaml"
)

// holds compares how long rules hold with what comes after.
func (c *checker) holds() {
	climbs := c.climbs()
	p := c.in.Policy.WithDefaults()
	for _, r := range c.rules {
		if r.section != "holds" {
			continue
		}
		at, longest := c.longest(r)
		if at == nil {
			continue
		}
		if p.AlertTimeout > 0 && longest >= p.AlertTimeout {
			c.find(Finding{
				Kind: kindOutlasts, Place: place(at),
				Text: fmt.Sprintf("hold of %s outlasts its alerts, which count as lost when nobody tells of them for %s", short(longest), short(p.AlertTimeout)),
				Hint: "hold for less, or raise hold.alert_timeout",
			})
		}
		c.late(r, at, longest, climbs)
		if longest > p.HoldMax && r.tree.Get("max") == nil {
			c.find(Finding{
				Kind: kindOverMax, Place: place(at),
				Text: fmt.Sprintf("hold of %s is longer than hold.max (%s), which does not cut it short", short(longest), short(p.HoldMax)),
			})
		}
	}
	if at := c.config.Get("hold").Get("default"); at != nil && p.Hold > p.HoldMax {
		c.find(Finding{
			Kind: kindOverMax, Place: place(at), Text: fmt.Sprintf("hold.default of %s is longer than hold.max (%s), which does not cut it short", short(p.Hold), short(p.HoldMax)),
		})
	}
}

// longest is for how long a rule may hold, and where it says so; nil if it says nothing.
func (c *checker) longest(r *rule) (at *strictyaml.Tree, d time.Duration) {
	at = r.tree.Get("hold")
	d, ok := span(at)
	if !ok {
		return nil, 0
	}
	if limit, ok := span(r.tree.Get("max")); ok && limit > d {
		return r.tree.Get("max"), limit
	}
	return at, d
}

// late reports a hold that is longer than the escalation behind it, wherever that begins.
func (c *checker) late(r *rule, at *strictyaml.Tree, longest time.Duration, climbs map[string]time.Duration) {
	root := c.config.Get("route")
	if root == nil {
		return
	}
	policy, most := "", time.Duration(-1)
	for _, e := range ends(root, r.matchers, end{}) {
		climb := climbs[e.policy]
		if e.policy == "" || climb == 0 || longest <= climb {
			return // somewhere it is not
		}
		if climb > most {
			policy, most = e.policy, climb
		}
	}
	c.find(Finding{
		Kind: kindLate, Place: place(at),
		Text: fmt.Sprintf("hold of %s is longer than the whole escalation policy %s behind it, %s", short(longest), strictyaml.Quote(policy), short(most)),
		Hint: "what may wait that long need not be escalated that fast",
	})
}

// short writes a duration as people do: 5m, 1h30m.
func short(d time.Duration) string { return model.Duration(d).String() }
