package routing

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// tellAgain is how soon people may be told anew of a condition that had ended, or that comes again.
	tellAgain = time.Hour
	// conditionRunes bounds what is kept of the text that told of a condition.
	conditionRunes = 2000
)

// Conditions are what quell has to say about itself, as long as it is so: each was raised by messages under one key ([Router.Operator],
// [Router.Undelivered]), and is over once somebody cleared it and it stayed clear for a while. What is no state but a moment, such as one
// body that could not be read, is over when it did not come again for a while. Who was told is told then, once, under the same key: a pager
// would keep it open for ever, otherwise.
//
// One goroutine owns it. Its state are rows that the caller stores in the transaction of the deliveries. There are a handful, so nothing
// here is indexed.
type Conditions struct {
	byKey map[string]*condition
	dirty map[string]struct{}
}

// condition is a row. It is on disk: names may be added, not changed.
type condition struct {
	// Since is when it was raised first, and Told when people were told last; zero if that is only assumed.
	Since time.Time `json:"since"`
	Told  time.Time `json:"told"`
	// Targets are those that were told, Text what they were.
	Targets []Target `json:"targets"`
	Text    string   `json:"text"`
	// Until is when it is over unless it is raised again before; zero while it lasts. Why says what ended it.
	Until time.Time `json:"until,omitzero"`
	Why   string    `json:"why,omitempty"`
}

// NewConditions returns one in which nothing is raised.
func NewConditions() *Conditions {
	return &Conditions{byKey: make(map[string]*condition), dirty: make(map[string]struct{})}
}

// Raise says that a condition is there, and returns which of the messages about it are to be delivered: all of them if it is new, none if
// people know. They are told anew after an hour if it was over in between, or is a moment that comes again. All messages have one key;
// without any there is nobody to tell, and no condition. A moment is over when it did not come again for as long as lasts; zero lasts until
// [Conditions.Clear].
func (x *Conditions) Raise(now time.Time, lasts time.Duration, messages []Delivery) []Delivery {
	if len(messages) == 0 {
		return nil
	}
	key := messages[0].Key
	c := x.byKey[key]
	known := c != nil
	if !known {
		c = &condition{Since: now}
		x.byKey[key] = c
	}
	x.dirty[key] = struct{}{}
	quiet := known && (c.Until.IsZero() || now.Sub(c.Told) < tellAgain)
	c.Until, c.Why = noTime, ""
	if lasts > 0 {
		c.Until, c.Why = now.Add(lasts), "it did not come again for "+span(lasts)
	}
	if quiet {
		return nil
	}
	c.Told, c.Text = now, cutRunes(messages[0].Text, conditionRunes)
	messages = slices.Clone(messages)
	for i := range messages {
		t := messages[i].Target
		if messages[i].Again = slices.Contains(c.Targets, t); !messages[i].Again {
			c.Targets = append(c.Targets, t)
		}
	}
	return messages
}

// Assume says that the targets of messages may have been told of a condition that nothing is known of. They are told its end as if they
// had been, once it is cleared; whoever raises it before that tells everybody all the same.
func (x *Conditions) Assume(now time.Time, messages []Delivery) {
	for i := range messages {
		key := messages[i].Key
		c := x.byKey[key]
		if c == nil {
			c = &condition{Since: now, Text: cutRunes(messages[i].Text, conditionRunes)}
			x.byKey[key] = c
		}
		if t := messages[i].Target; !slices.Contains(c.Targets, t) {
			c.Targets = append(c.Targets, t)
		}
		x.dirty[key] = struct{}{}
	}
}

// Clear says that a condition ended, and why. It is over if it is not raised again before settle has passed.
func (x *Conditions) Clear(now time.Time, key, why string, settle time.Duration) {
	if c := x.byKey[key]; c != nil && c.Until.IsZero() {
		c.Until, c.Why = now.Add(settle), why
		x.dirty[key] = struct{}{}
	}
}

// Step returns what to tell of the conditions that are over by now, and forgets these.
func (x *Conditions) Step(now time.Time) (out []Delivery) {
	for _, key := range slices.Sorted(maps.Keys(x.byKey)) {
		c := x.byKey[key]
		if c.Until.IsZero() || c.Until.After(now) {
			continue
		}
		for _, t := range c.Targets {
			out = append(out, Delivery{
				Target: t, Action: Resolve, Key: key, Reason: c.Why, Text: c.Text, Created: now, Expires: now.Add(DefaultExpire),
			})
		}
		delete(x.byKey, key)
		x.dirty[key] = struct{}{}
	}
	return out
}

// Deadline reports when [Conditions.Step] must be called next; ok is false if never.
func (x *Conditions) Deadline() (at time.Time, ok bool) {
	for _, c := range x.byKey {
		at = earliest(at, c.Until)
	}
	return at, !at.IsZero()
}

// Raised returns who knows a condition of this key, and was not told yet that it is over. The caller must not change it.
func (x *Conditions) Raised(key string) []Target {
	if c := x.byKey[key]; c != nil {
		return c.Targets
	}
	return nil
}

// Keys are the keys of what is raised that begin with prefix, sorted.
func (x *Conditions) Keys(prefix string) []string {
	keys := slices.Sorted(maps.Keys(x.byKey))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Load takes over a row that [Conditions.Changes] gave. It fails on what is none.
func (x *Conditions) Load(key string, row []byte) error {
	c := new(condition)
	if err := json.Unmarshal(row, c); err != nil {
		return err
	}
	x.byKey[key] = c
	return nil
}

// Changes calls put with the row of every condition that changed since the last call, in order; a nil row is gone.
func (x *Conditions) Changes(put func(key string, row []byte)) {
	for _, key := range slices.Sorted(maps.Keys(x.dirty)) {
		c := x.byKey[key]
		if c == nil {
			put(key, nil)
			continue
		}
		row, err := json.Marshal(c)
		if err != nil {
			panic("routing: row cannot be encoded: " + err.Error()) // no row has a field that could fail
		}
		put(key, row)
	}
	clear(x.dirty)
}

// cutRunes shortens text to at most n runes, n at least 1.
func cutRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
