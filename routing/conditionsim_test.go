package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"quell/internal/fake/dice"
)

// conditionModel knows one condition by what befell it, minute by minute, and looks at all of it each time.
type conditionModel struct {
	// bad is true while it lasts; well is the minute in which it became so, and settle for how long it has to stay so.
	bad          bool
	well, settle int
	// told is the minute in which people were told last, and open are those who were.
	told int
	open []string
}

// over reports whether it ended by a minute.
func (m *conditionModel) over(minute int) bool {
	return len(m.open) > 0 && !m.bad && minute >= m.well+m.settle
}

// conditionWorld is two conditions, a state and a moment, under random trouble.
type conditionWorld struct {
	*spoken
	r      *rand.Rand
	models map[string]*conditionModel
	minute int
	// settle is of the state, lasts of the moment.
	settle, lasts int
	want          []string
}

// TestConditionsAgreeWithAModel plays random trouble, restarts among it: people are told when the model says so, and told the end once, all
// of them and nobody else.
func TestConditionsAgreeWithAModel(t *testing.T) {
	seeds := dice.New(t)
	for range 200 {
		seed := seeds.Uint64()
		w := &conditionWorld{
			spoken: newSpoken(t), r: rand.New(rand.NewPCG(seed, 0)),
			models: map[string]*conditionModel{"state": {}, "moment": {}},
		}
		w.line = func(minute int, d *Delivery) string {
			return fmt.Sprintf("%05d %s %s %s", minute, d.Action, d.Key, d.Target.Receiver)
		}
		w.settle, w.lasts = 1+w.r.IntN(90), 1+w.r.IntN(90)
		for w.minute < 1500 {
			w.next()
		}
		w.clears("state")
		w.minute += 10_000
		w.ends()
		slices.Sort(w.want)
		slices.Sort(w.log)
		if !slices.Equal(w.want, w.log) || len(w.rows) > 0 || len(w.open) != countClosed(w.open) {
			t.Fatalf("seed %d: want %q, got %q; %d rows are left", seed, w.want, w.log, len(w.rows))
		}
	}
}

func countClosed(open map[string]bool) (n int) {
	for _, is := range open {
		if !is {
			n++
		}
	}
	return n
}

// next lets something befall one of them.
func (w *conditionWorld) next() {
	w.minute += w.r.IntN(40)
	w.ends()
	key := []string{"state", "moment"}[w.r.IntN(2)]
	switch w.r.IntN(4) {
	case 0:
		w.pass(w.minute) // a restart
	case 1:
		w.clears(key)
	default:
		w.raises(key)
	}
}

// ends has both say what is over by now.
func (w *conditionWorld) ends() {
	for key, m := range w.models {
		if !m.over(w.minute) {
			continue
		}
		for _, receiver := range m.open {
			w.want = append(w.want, fmt.Sprintf("%05d resolve %s %s", m.well+m.settle, key, receiver))
		}
		*m = conditionModel{}
	}
	w.pass(w.minute)
}

func (w *conditionWorld) clears(key string) {
	if m := w.models[key]; key == "state" && m.bad {
		m.bad, m.well, m.settle = false, w.minute, w.settle
	}
	if key == "state" {
		w.x.Clear(w.at(w.minute), key, "it is good", time.Duration(w.settle)*time.Minute)
		w.note(w.minute, nil)
	}
}

func (w *conditionWorld) raises(key string) {
	m, lasts := w.models[key], 0
	receivers := []string{"a", "b", "c"}[w.r.IntN(2):]
	receivers = receivers[:w.r.IntN(len(receivers)+1)]
	known, lasted := len(m.open) > 0, m.bad
	if len(receivers) > 0 {
		m.bad = key == "state"
		if key == "moment" {
			lasts = w.lasts
			m.well, m.settle = w.minute, w.lasts
		}
		if !known || !lasted && w.minute-m.told >= 60 {
			m.told = w.minute
			for _, receiver := range receivers {
				if !slices.Contains(m.open, receiver) {
					m.open = append(m.open, receiver)
				}
				w.want = append(w.want, fmt.Sprintf("%05d operator %s %s", w.minute, key, receiver))
			}
		}
	}
	var list []Delivery
	for _, receiver := range receivers {
		list = append(list, Delivery{
			Target: Target{Receiver: receiver, Type: "pagerduty"}, Action: Operator, Key: key, Text: "it is bad",
			Created: w.at(w.minute), Expires: w.at(w.minute + 60),
		})
	}
	w.note(w.minute, w.x.Raise(w.at(w.minute), time.Duration(lasts)*time.Minute, list))
}
