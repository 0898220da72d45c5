package rules

import (
	"cmp"
	"time"

	"quell/correlate"
	"quell/correlate/trend"
	"quell/internal/strictyaml"
)

// Chronic returns what the first matching rule under "chronic" says.
func (s *Set) Chronic(l correlate.Labels) (rule correlate.ChronicRule, ok bool) {
	for _, r := range s.chronic.matching(l) {
		return r, true
	}
	return correlate.ChronicRule{}, false
}

// chronicActions are the words for what is done; none of them leaves it to the default.
var chronicActions = map[string]correlate.ChronicAction{
	"none": correlate.ChronicNone, "notice": correlate.ChronicNotice, "page": correlate.ChronicPage,
}

// chronic adds a rule about how much self-healing is too much.
func (r *reader) chronic(n strictyaml.Node) {
	var why, action, overBudget string
	var rule correlate.ChronicRule
	h := r.rule("chronic", n, strictyaml.Fields{
		"budget":         strictyaml.Duration(&rule.Budget, time.Second, correlate.ChronicWindowMax),
		"window":         strictyaml.Duration(&rule.Window, time.Hour, correlate.ChronicWindowMax),
		"recoveries":     strictyaml.Int(&rule.Recoveries, 2, 10_000),
		"flap_high":      strictyaml.Float(&rule.Flaps.High, 1, trend.MaxPenalty),
		"flap_low":       strictyaml.Float(&rule.Flaps.Low, 0.1, trend.MaxPenalty),
		"flap_half_life": strictyaml.Duration(&rule.Flaps.HalfLife, time.Minute, 24*time.Hour),
		"action":         strictyaml.Word(&action, "none", "notice", "page"),
		"over_budget":    strictyaml.Word(&overBudget, "none", "notice", "page"),
		"why":            strictyaml.String(&why),
	})
	f := rule.Flaps
	switch {
	case f.High != 0 && f.Low >= f.High:
		n.Problem("flap_low is not below flap_high", "")
	case f.High != 0 && f.Low != 0 && f.High > f.Ceiling():
		n.Problem("flap_high is never reached", "what flaps comes to rest within three half-lives, so that penalties end at eight times flap_low")
	case f.High == 0 && f.Low >= correlate.DefaultChronic().Flaps.High:
		n.Problem("flap_low is not below the default of flap_high", "give flap_high as well")
	}
	if rule.Budget > cmp.Or(rule.Window, correlate.DefaultChronic().Window) {
		n.Problem("budget is longer than its window", "")
	}
	rule.Action, rule.OverBudget = chronicActions[action], chronicActions[overBudget]
	rule.Why, rule.Rule = h.reason(why), &h.id
	r.set.chronic.add(h, rule)
}
