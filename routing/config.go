package routing

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate"
)

// DefaultDeliverWithin is how long receivers have to accept a page where [Policy] does not say.
const DefaultDeliverWithin = 2 * time.Minute

// Config is who is told what. It is plain data without secrets, and must not change while a [Router] uses it.
type Config struct {
	// Route is the root of the route tree. Its receiver is told what concerns quell itself, too.
	Route *Route `json:"route"`
	// Receivers are the integrations of each receiver. One that has none shows what it gets in the API only.
	Receivers map[string][]Target `json:"receivers,omitempty"`
	// DeliverWithin is how long each receiver has to accept a page, by its name; those that are missing have what [Policy] says.
	DeliverWithin map[string]time.Duration `json:"deliver_within,omitempty"`
	// Chats are the integrations beside Slack's where people read and nobody is woken: they get notices, and no page rests on them alone
	// where their receiver has others.
	Chats []Target `json:"chats,omitempty"`
	// Policies are what routes may name instead of a receiver.
	Policies []Policy `json:"policies,omitempty"`
	// TimeIntervals are Alertmanager's, by name.
	TimeIntervals map[string][]timeinterval.TimeInterval `json:"time_intervals,omitempty"`
	// Places are where policies and time intervals are defined, "file:line:col" by "policy/NAME" and "time_interval/NAME", for reasons. What
	// has none is named without. Nothing compares them.
	Places map[string]string `json:"places,omitempty"`
}

// Policy is who is told of an incident one after the other until somebody acknowledges it, or it is over.
type Policy struct {
	Name string `json:"name"`
	// Steps are taken in order; there is at least one.
	Steps []Step `json:"steps"`
	// Repeats is how often the steps begin anew at most, RepeatWait after the last one; zero repeats are none.
	Repeats    int           `json:"repeats,omitempty"`
	RepeatWait time.Duration `json:"repeat_wait,omitempty"`
	// DeliverWithin is how long the receivers of a step have to accept what they are sent; then the next step is taken at once. Zero
	// means [DefaultDeliverWithin]. What [Config] says of a receiver wins.
	DeliverWithin time.Duration `json:"deliver_within,omitempty"`
}

// Step tells some receivers. One out of its hours is passed over; if all are, the policy waits for the first that is not.
type Step struct {
	Receivers []string `json:"receivers"`
	// Notice is true if nobody is to be woken: only chat integrations get it.
	Notice bool `json:"notice,omitempty"`
	// Wait is how long people have to acknowledge the incident before the next step is taken. That of the last step does not count.
	Wait time.Duration `json:"wait,omitempty"`
	Hours
}

// Hours are when something is told, by names of time intervals as in Alertmanager's routes: while any of Active lasts, always if
// there are none, but never while any of Mute does.
type Hours struct {
	Active []string `json:"active_time_intervals,omitempty"`
	Mute   []string `json:"mute_time_intervals,omitempty"`
}

// Encode returns the configuration as text for [correlate.Policy.Routing]. The same configuration gives the same text.
func (c *Config) Encode() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic("routing: configuration cannot be encoded: " + err.Error()) // no checked one has a value that could fail
	}
	return string(b)
}

// Decode reads what [Config.Encode] made. Empty text is a configuration that tells nobody anything. It fails on other text, and if a
// time zone is not known here.
func Decode(text string) (*Config, error) {
	c := &Config{Route: new(Route)}
	if text == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	if c.Route == nil {
		c.Route = new(Route)
	}
	return c, nil
}

// policy finds a policy by name.
func (c *Config) policy(name string) (*Policy, bool) {
	k := slices.IndexFunc(c.Policies, func(p Policy) bool { return p.Name == name })
	if k < 0 {
		return nil, false
	}
	return &c.Policies[k], true
}

// open reports whether something with these hours is told at a time.
func (c *Config) open(h Hours, at time.Time) bool {
	within := func(name string) bool {
		return slices.ContainsFunc(c.TimeIntervals[name], func(ti timeinterval.TimeInterval) bool { return ti.ContainsTime(at.UTC()) })
	}
	return (len(h.Active) == 0 || slices.ContainsFunc(h.Active, within)) && !slices.ContainsFunc(h.Mute, within)
}

// quarter is what the offsets of all time zones of today are multiples of: days begin, and clocks are put forward and back, at full
// quarters of an hour only.
const quarter = 15 * time.Minute

// Opens returns the first moment from now on, within the time given, that is in all of some hours; if there is none, ok is false and at
// is where the search ended. It looks at the moments only at which an interval may begin or end, some hundred a day.
func (c *Config) Opens(now time.Time, within time.Duration, hours ...Hours) (at time.Time, ok bool) {
	open := func(at time.Time) bool {
		return !slices.ContainsFunc(hours, func(h Hours) bool { return !c.open(h, at) })
	}
	if open(now) {
		return now, true
	}
	offsets := c.offsets(hours)
	end := now.Add(within)
	for q := now.Truncate(quarter); !q.After(end); q = q.Add(quarter) {
		for _, offset := range offsets {
			if at := q.Add(offset); at.After(now) && open(at) {
				return at, true
			}
		}
	}
	return end, false
}

// offsets are when within a quarter of an hour the intervals of some hours begin or end, sorted.
func (c *Config) offsets(hours []Hours) []time.Duration {
	list := []time.Duration{0}
	for _, h := range hours {
		for _, name := range slices.Concat(h.Active, h.Mute) {
			for _, ti := range c.TimeIntervals[name] {
				for _, r := range ti.Times {
					list = append(list, time.Duration(r.StartMinute)*time.Minute%quarter, time.Duration(r.EndMinute)*time.Minute%quarter)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Compile makes the router of a policy's text. The text was made by [Config.Encode] of a checked configuration; it panics on any other.
func Compile(p *correlate.Policy, o Options) *Router {
	c, err := Decode(p.Routing)
	if err != nil {
		panic(err.Error())
	}
	return New(c, o)
}
