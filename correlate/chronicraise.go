package correlate

import (
	"fmt"
	"slices"
	"time"
)

// ChronicKind is a way in which trouble is chronic. The zero value is invalid.
type ChronicKind uint8

// Ways to be chronic, in the order in which they are looked at.
const (
	OverBudget ChronicKind = iota + 1
	Flapping
	Recurring
	MoreFrequent
	Slower
)

var chronicKindNames = [...]string{OverBudget: "over-budget", Flapping: "flapping", Recurring: "recurring", MoreFrequent: "more-frequent", Slower: "slower"}

// String returns the word in API and docs.
func (k ChronicKind) String() string { return wordOf(chronicKindNames[:], int(k)) }

// MarshalText returns the word.
func (k ChronicKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the word.
func (k *ChronicKind) UnmarshalText(b []byte) error {
	n, err := parseWord(chronicKindNames[:], string(b))
	*k = ChronicKind(n)
	return err
}

// Chronic says in which way the trouble of an incident is chronic, with the numbers as they were when it was looked at last.
type Chronic struct {
	Kind ChronicKind `json:"kind"`
	// Since is when people were told, or would have been by another action; it may be of an incident before.
	Since time.Time `json:"since"`
	// Action is what was done then.
	Action ChronicAction `json:"action"`
	// Reason is a clause for people, with the numbers that matter; Rule names the rule.
	Reason string `json:"reason"`
	Rule   string `json:"rule"`
	// RuleID is the rule; nil if the defaults say so.
	RuleID *RuleID `json:"rule_id,omitempty"`
	// Subject is what the episodes are counted for: the root, or its workload, with the class of the trouble before it.
	Subject string `json:"subject"`
	// Ended is how often trouble ended within the window, HiddenSeconds for how long it lasted without anybody being told.
	Ended         int     `json:"ended"`
	HiddenSeconds float64 `json:"hidden_seconds"`
	BudgetSeconds float64 `json:"budget_seconds"`
	WindowSeconds float64 `json:"window_seconds"`
	// Penalty is the flap penalty.
	Penalty float64 `json:"penalty"`
	// PValue is the chance of such a trend if nothing had changed; zero for other kinds.
	PValue float64 `json:"p_value,omitempty"`
}

// until is how long nobody is told of the same again.
func (c *Chronic) until() int64 {
	return toNano(c.Since) + int64(c.WindowSeconds*float64(time.Second))
}

// chronicTrendFor is how long a trend that was told is not told again, at least.
const chronicTrendFor = 7 * 24 * time.Hour

// chronicPause is how long a kind is not told again.
func (r *ChronicRule) chronicPause(kind ChronicKind) time.Duration {
	if kind == MoreFrequent || kind == Slower {
		return max(r.Window, chronicTrendFor)
	}
	return r.Window
}

// chronicTold reports whether people know of a case in this way.
func (e *Engine) chronicTold(c *chronicCase, kind ChronicKind) bool {
	return e.now < c.tellAgain(kind)
}

// tellAgain is from when on people are told again of a case in this way; 0 if they were never told.
func (c *chronicCase) tellAgain(kind ChronicKind) int64 {
	if c.record == nil || c.record.Told[kind] == 0 {
		return 0
	}
	return c.record.Told[kind] + int64(c.rule.chronicPause(kind))
}

// judgeChronic looks in which ways an open incident is chronic, and tells of those that are not known. The case is that of the incident.
func (e *Engine) judgeChronic(i *incident, c chronicCase) {
	r := c.record
	if allowed := e.allowance(i); allowed != 0 {
		// Whoever suppresses it said for how long that is well: nothing but that is told.
		c.rule.Budget, c.rule.Action = max(c.rule.Budget, allowed), ChronicNone
	}
	hidden, ended := r.within(e.now, c.rule.Window)
	if i.illSince != 0 {
		hidden += i.unheard(e.now)
	}
	x := Chronic{
		Since: fromNano(e.now), Rule: c.rule.Why, RuleID: c.rule.Rule, Subject: c.subject, Ended: ended, HiddenSeconds: time.Duration(hidden).Seconds(),
		BudgetSeconds: c.rule.Budget.Seconds(), WindowSeconds: c.rule.Window.Seconds(),
	}
	if hidden >= int64(c.rule.Budget) {
		x.Kind, x.Action = OverBudget, c.rule.OverBudget
		x.Reason = fmt.Sprintf("is over its self-heal budget: ill for %s within %s without anybody being told (budget %s, %s); %s ended in that time",
			round(time.Duration(hidden)), round(c.rule.Window), round(c.rule.Budget), c.rule.Why, times(ended, "episode"))
		e.raiseChronic(i, &c, x)
	}
	if r == nil {
		return
	}
	x.Action, x.Penalty = c.rule.Action, r.Flaps.Value(e.now, c.rule.Flaps)
	if r.Flaps.Over && e.now < r.Flaps.Rests(c.rule.Flaps) {
		x.Kind = Flapping
		x.Reason = fmt.Sprintf("flaps: it ended %s within %s; the penalty is %.1f, and flaps from %.1f on (half of it goes in %s, %s); it stays one incident until that is %.1f",
			times(ended, "time"), round(c.rule.Window), x.Penalty, min(c.rule.Flaps.High, c.rule.Flaps.Ceiling()), round(c.rule.Flaps.HalfLife), c.rule.Why, c.rule.Flaps.Low)
		e.raiseChronic(i, &c, x)
	}
	if ended >= c.rule.Recoveries {
		x.Kind = Recurring
		x.Reason = fmt.Sprintf("recurs: it ended %s within %s (from %d on it counts as recurring, %s)",
			times(ended, "time"), round(c.rule.Window), c.rule.Recoveries, c.rule.Why)
		e.raiseChronic(i, &c, x)
	}
	for _, w := range r.Worse {
		x.Kind, x.Reason, x.PValue = w.Kind, w.Reason, w.PValue
		e.raiseChronic(i, &c, x)
	}
}

// times counts things for a sentence.
func times(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// raiseChronic tells once that i is chronic, by the action of its rule, and shows it on the incident in any case. All that is ever said about
// chronic trouble is said here. A page goes the way of all pages: the hold ends at once. It waits for trouble that is going on: what is
// well need wake nobody.
func (e *Engine) raiseChronic(i *incident, c *chronicCase, x Chronic) {
	if _, all := e.pardoned(i); all {
		return // it is told when that ends, if it is still so
	}
	if e.toldAlready(i, c, x) {
		x.Since = fromNano(c.record.Told[x.Kind])
		e.showChronic(i, x)
		return
	}
	if x.Action == ChronicPage && !i.told() && i.active == 0 {
		return
	}
	e.recordOf(c.chronicName).Told[x.Kind] = e.now
	e.showChronic(i, x)
	switch {
	case x.Action == ChronicNone:
		i.note(fromNano(e.now), Notice, "chronic, but nobody is told: "+x.Reason)
		i.timeline[len(i.timeline)-1].Rule = x.RuleID
	case x.Action == ChronicNotice:
		e.emitBy(i, Notice, "chronic: "+x.Reason, x.RuleID)
	case i.told():
		e.emitBy(i, Update, "chronic: "+x.Reason, x.RuleID)
		e.tell(i)
	default:
		i.overdrawn = true
		e.setHoldBy(i, e.now, chronicHold+x.Reason, x.RuleID)
	}
}

// toldAlready reports whether people know of x, of this case or, since its root was another then, of this very incident.
func (e *Engine) toldAlready(i *incident, c *chronicCase, x Chronic) bool {
	for _, y := range i.chronic {
		if y.Kind == x.Kind && y.Action == x.Action && e.now < toNano(y.Since)+int64(c.rule.chronicPause(x.Kind)) && !e.chronicTold(c, x.Kind) {
			e.recordOf(c.chronicName).Told[x.Kind] = toNano(y.Since)
		}
	}
	return e.chronicTold(c, x.Kind)
}

// chronicHold begins the reason of a hold that chronic trouble ends.
const chronicHold = "not held, since it is chronic: "

// showChronic puts on an incident in which way it is chronic. What is known of that way since before stays; the numbers are new.
func (e *Engine) showChronic(i *incident, x Chronic) {
	e.dirty.incidents[i.id] = struct{}{}
	k := slices.IndexFunc(i.chronic, func(y Chronic) bool { return y.Kind >= x.Kind })
	switch {
	case k < 0:
		i.chronic = append(slices.Clip(i.chronic), x)
	case i.chronic[k].Kind != x.Kind:
		i.chronic = slices.Insert(slices.Clone(i.chronic), k, x)
	default:
		i.chronic = slices.Clone(i.chronic) // copies that were given out stay as they are
		i.chronic[k] = x
	}
}

// expireChronic drops what would be told again by now from an incident that is reopened.
func (i *incident) expireChronic(now int64) {
	i.chronic = slices.DeleteFunc(slices.Clone(i.chronic), func(x Chronic) bool { return x.until() <= now })
}

// inheritChronic takes over what is known of an incident that merges into i.
func (e *Engine) inheritChronic(i, from *incident) {
	for _, x := range from.chronic {
		if !slices.ContainsFunc(i.chronic, func(y Chronic) bool { return y.Kind == x.Kind }) {
			e.showChronic(i, x)
		}
	}
	if from.illSince != 0 && (i.illSince == 0 || from.illSince < i.illSince) {
		i.illSince = from.illSince
		e.lookChronic(i, e.now)
	}
	i.overdrawn = i.overdrawn || from.overdrawn
	from.chronic, from.illSince, from.chronicDue, from.overdrawn, from.calmAt = nil, 0, 0, false, 0
}
