package correlate

import (
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/heal"
)

// Outlook is what was known, when an incident's deadline was set, about how long trouble like that lasts.
type Outlook struct {
	// At is when the model was asked, and Age how old the present trouble was then.
	At  time.Time      `json:"t"`
	Age model.Duration `json:"age"`
	// Class is the most specific class of which enough is known. Cases counts those of its cases that lasted at least as long as this one, and
	// of which is known whether they healed within the budget; old ones count less. Levels are all classes that the numbers rest on,
	// from general to specific, with what each has seen.
	Class  string         `json:"class"`
	Cases  float64        `json:"cases"`
	Levels []OutlookLevel `json:"levels"`
	// Within is for how much longer waiting pays, and Heals the chance, from 0 to 1, that the trouble heals by itself in that time. Budget is
	// the longest that it may be left alone, counted from its beginning, and InBudget the chance that it heals in what is left of that.
	Heals    float64        `json:"heals"`
	Within   model.Duration `json:"within"`
	InBudget float64        `json:"in_budget"`
	Budget   model.Duration `json:"budget"`
	// Threshold is how likely, from 0 to 1, healing within the whole budget must be to wait for all of it, and Rule says where it comes from.
	Threshold float64 `json:"threshold"`
	Rule      string  `json:"rule"`
	// RuleID is the rule; nil if the policy's defaults say so.
	RuleID *RuleID `json:"rule_id,omitempty"`
	// Median is how much longer it takes until half of the cases that lasted this long have healed; nil if that is beyond what is known.
	Median *model.Duration `json:"median,omitempty"`
}

// OutlookLevel is one class of incidents, and how many of them were seen, those of long ago counting less.
type OutlookLevel struct {
	Class string  `json:"class"`
	Cases float64 `json:"cases"`
}

// gatherFor is the least time between the beginning of trouble and its page, even if the model says that it will not heal: its cause needs
// time to show as well.
const gatherFor = time.Minute

// leastHold is the least time by which a deadline is put off. Less is not worth an entry in the timeline.
const leastHold = 15 * time.Second

// classLevels is how many classes are too general to decide by: everything, and every entity of a kind. They only lend to the others.
const classLevels = 2

// outlook asks what is known of trouble like that of i; nil if the rule wants a fixed hold, or too little is known.
func (e *Engine) outlook(i *incident, rule HoldRule) *Outlook {
	c := e.classOfTrouble(i)
	if rule.Threshold <= 0 || c.Kind == "" || c.Alert == "" {
		return nil
	}
	age, budget := time.Duration(e.now-i.heldFrom), max(rule.Max, rule.Hold)
	est := e.estimate(c)
	if est == nil {
		return nil
	}
	levels := est.Levels()
	k := len(levels) - 1
	for k >= classLevels && levels[k].Fates(age, budget) < float64(e.policy.HoldCases) {
		k--
	}
	if k < classLevels || age >= budget {
		return nil
	}
	v := est.Until(age, heal.Bet{Budget: budget, Threshold: rule.Threshold})
	o := &Outlook{
		At: fromNano(e.now), Age: model.Duration(age), Class: levels[k].Class, Cases: milli(levels[k].Fates(age, budget)),
		Heals: milli(v.Heals), Within: model.Duration(v.Until - age), InBudget: milli(v.Budget), Budget: model.Duration(budget),
		Threshold: rule.Threshold, Rule: rule.Why, RuleID: rule.Rule,
	}
	for _, l := range levels {
		o.Levels = append(o.Levels, OutlookLevel{l.Class, milli(l.Cases)})
	}
	if more, ok := est.Quantile(age, 0.5); ok {
		median := model.Duration(more.Round(time.Second))
		o.Median = &median
	}
	return o
}

// until is when a page is due by o.
func (o *Outlook) until(i *incident) int64 {
	return i.heldFrom + int64(max(time.Duration(o.Age+o.Within), gatherFor))
}

// reason puts o in a sentence for a deadline. Every hold asks for one, so it is put together without fmt.
func (o *Outlook) reason(at int64) string {
	word, share, within, last, more := "held: ", o.Heals, o.Within, "", ""
	if o.Age > 0 {
		word, last, more = "held longer: ", " that last "+round(time.Duration(o.Age)), " more"
	}
	if o.Within == 0 {
		word, share, within, more = "held: only ", o.InBudget, o.Budget-o.Age, ""
		if o.Age > 0 {
			word = "held no longer: only "
		}
	} else if o.Median != nil {
		more += ", median " + round(time.Duration(*o.Median))
	}
	return word + percent(float32(share)) + " of " + strconv.FormatFloat(o.Cases, 'f', 0, 64) + " like it" + last +
		" heal within " + round(time.Duration(within)) + more + "; pages at " + clock(at) + " (" + o.Class + "; " + o.Rule + ")"
}

// holdRule is how long an incident with symptom s may last until it is paged, by its rule or else by the policy.
func (e *Engine) holdRule(s *symptom) HoldRule {
	rule, ok := e.holdOf(s)
	switch {
	case !ok:
		return HoldRule{Hold: e.policy.Hold, Max: e.policy.HoldMax, Threshold: max(e.policy.HoldThreshold, 0), Why: "default hold"}
	case rule.Max == 0:
		rule.Max = e.policy.HoldMax
	}
	return rule
}

// strictest is the rule by which an incident that has used up its deadline may be held for longer: of those of its active symptoms that has
// the shortest budget. until is the earliest end of a fixed hold among them, 0 if there is none. It costs one look at each symptom.
func (e *Engine) strictest(i *incident) (rule HoldRule, until int64) {
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if !s.active() {
			continue
		}
		r := e.holdRule(s)
		switch {
		case r.Threshold <= 0:
			if at := s.since + int64(r.Hold); until == 0 || at < until {
				until = at
			}
		case rule.Threshold == 0 || r.Max < rule.Max:
			rule = r
		}
	}
	return rule, until
}

// pays is until when waiting for i, the hold of which is over, still pays by what is known of trouble like it; the outlook is nil if it
// does not.
func (e *Engine) pays(i *incident) (until int64, o *Outlook) {
	if i.active == 0 || i.lost > 0 || i.silence != nil { // what a silence hid pages when that ends
		return 0, nil
	}
	rule, fixed := e.strictest(i)
	if o = e.outlook(i, rule); o == nil || o.Within == 0 {
		return 0, nil
	}
	if until = o.until(i); fixed != 0 {
		until = min(until, fixed)
	}
	if until < e.now+int64(leastHold) || e.urgent(i, e.concern(i)) {
		return 0, nil
	}
	return until, o
}

// foresee sets a deadline by an outlook.
func (e *Engine) foresee(i *incident, at int64, o *Outlook) {
	why := o.reason(at)
	if at < o.until(i) {
		why += "; a fixed hold ends then"
	}
	e.setHoldBy(i, at, why, o.RuleID)
	i.outlook, i.foreseen = o, true
}

// curtail looks whether waiting for an incident that turned out to be of another class pays for a shorter time than it was to be held. It
// never lengthens a deadline: that has time until it is due.
func (e *Engine) curtail(i *incident) {
	if !e.follow(i) || i.state != Held || !i.foreseen && !i.ruled || i.heldUntil <= e.now {
		return
	}
	s := e.spokesman(i)
	if s == nil || !s.active() {
		return
	}
	if o := e.outlook(i, e.holdRule(s)); o != nil {
		if at := max(o.until(i), e.now); at < i.heldUntil {
			e.foresee(i, at, o)
		}
	}
}
