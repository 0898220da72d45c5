package correlate

import (
	"time"

	"quell/correlate/trend"
)

// ChronicAction is what quell does about chronic trouble. The zero value leaves it to [DefaultChronic].
type ChronicAction uint8

// What may be done. Whatever is done, readers of the incident see that it is chronic.
const (
	ChronicNone   ChronicAction = iota + 1 // nobody is told
	ChronicNotice                          // a message that wakes nobody
	ChronicPage                            // a page, while it is ill
)

var chronicActionNames = [...]string{ChronicNone: "none", ChronicNotice: "notice", ChronicPage: "page"}

// String returns the word in rules and API.
func (a ChronicAction) String() string { return wordOf(chronicActionNames[:], int(a)) }

// MarshalText returns the word.
func (a ChronicAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the word.
func (a *ChronicAction) UnmarshalText(b []byte) error {
	n, err := parseWord(chronicActionNames[:], string(b))
	*a = ChronicAction(n)
	return err
}

// ChronicRule says how much self-healing is too much. Zero fields take the values of [DefaultChronic].
type ChronicRule struct {
	// Budget is for how long trouble may last within Window, all its episodes together, without anybody being told. Where no rule gives one
	// it is at least twice the hold: what may heal once may do so twice.
	Budget time.Duration
	// Window is the sliding window of Budget and Recoveries, and how long what was told is not told again. Its bucket is a 24th of it, by
	// which the window may be longer.
	Window time.Duration
	// Recoveries is how often trouble may end within Window before it is recurring.
	Recoveries int
	// Flaps says from which penalty on trouble flaps, and at which one it has come to rest; see [trend.Penalty].
	Flaps trend.Marks
	// Action is for trouble that flaps, recurs, or gets more frequent or slower to heal; OverBudget for what is over its budget.
	Action, OverBudget ChronicAction
	// Why names the rule, for reasons.
	Why string
	// Rule is nil for what no rule says.
	Rule *RuleID
}

// ChronicWindowMax is the longest window of a rule.
const ChronicWindowMax = 7 * 24 * time.Hour

// DefaultChronic is what applies where no rule says otherwise.
func DefaultChronic() ChronicRule {
	return ChronicRule{
		Budget: 30 * time.Minute, Window: 24 * time.Hour, Recoveries: 24,
		Flaps:  trend.Marks{High: 4, Low: 1.5, HalfLife: 30 * time.Minute},
		Action: ChronicNotice, OverBudget: ChronicPage, Why: "default",
	}
}

// withDefaults fills in what the rule leaves open. hold is how long the trouble may be held anyway.
func (r ChronicRule) withDefaults(hold time.Duration) ChronicRule {
	d := DefaultChronic()
	if r.Budget == 0 {
		r.Budget = max(d.Budget, 2*hold)
	}
	if r.Window == 0 {
		r.Window = d.Window
	}
	if r.Recoveries == 0 {
		r.Recoveries = d.Recoveries
	}
	if r.Flaps.HalfLife == 0 {
		r.Flaps.HalfLife = d.Flaps.HalfLife
	}
	if r.Flaps.High == 0 {
		r.Flaps.High = max(d.Flaps.High, r.Flaps.Low)
	}
	if r.Flaps.Low == 0 {
		r.Flaps.Low = min(d.Flaps.Low, r.Flaps.High/2)
	}
	if r.Action == 0 {
		r.Action = d.Action
	}
	if r.OverBudget == 0 {
		r.OverBudget = d.OverBudget
	}
	if r.Why == "" {
		r.Why = d.Why
	}
	return r
}
