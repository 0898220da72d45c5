package app

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"quell/correlate"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

// deadLetter is a row of table Dead: a delivery that was given up.
type deadLetter struct {
	Delivery routing.Delivery `json:"delivery"`
	Died     time.Time        `json:"died"`
	// Error says why, Reason in one word; Attempts is how often the last process tried it.
	Error    string `json:"error"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
}

// letter is what the loop remembers of one.
type letter struct {
	id         uint64
	target     routing.Target
	page       bool
	incident   correlate.IncidentID
	generation int
	died       time.Time
}

// deadLetters is an index of table Dead. It belongs to the loop.
type deadLetters struct {
	list []letter // by id
}

func letterOf(row *deadLetter) letter {
	d := &row.Delivery
	l := letter{id: d.ID, target: d.Target, page: d.Action == routing.Trigger, died: row.Died}
	if d.Incident != nil {
		l.incident, l.generation = d.Incident.ID, d.Incident.Generation
	}
	return l
}

// restoreLetters reads what is in the store.
func (l *loop) restoreLetters() error {
	l.dead = deadLetters{}
	return scanLetters(l.store, 0, func(row *deadLetter) error {
		l.dead.list = append(l.dead.list, letterOf(row))
		return nil
	})
}

// scanLetters reads the dead letters with ids of at least from.
func scanLetters(st store, from uint64, fn func(*deadLetter) error) error {
	return st.Scan(storage.Dead, binary.BigEndian.AppendUint64(nil, from), nil, func(_, v []byte) error {
		row := new(deadLetter)
		if err := json.Unmarshal(v, row); err != nil {
			return err
		}
		return fn(row)
	})
}

// bury keeps a delivery that was given up, and tells operators if they do not know that such die there.
func (s *step) bury(r *notify.Result) {
	d, dead := &r.Delivery, &s.loop.dead
	row := deadLetter{Delivery: *d, Died: s.at, Error: r.Err.Error(), Reason: notify.Reason(r.Err), Attempts: r.Attempts}
	s.put(storage.Dead, outboxKey(d.ID), &row)
	at, _ := dead.find(d.ID)
	dead.list = slices.Insert(dead.list, at, letterOf(&row))
	for keep := s.loop.current().config.Retention.DeadLetters; len(dead.list) > keep; {
		s.exhume(dead.list[0].id)
	}
	lasts := time.Duration(0)
	if !s.loop.configured(d.Target) {
		lasts = momentLasts // what waited is refused, and nothing can show that it is well
	}
	s.raise(lasts, s.loop.escalations.Router().Undelivered(s.at, d, row.Error))
}

// configured reports whether a receiver in force has an integration.
func (l *loop) configured(t routing.Target) bool {
	return slices.Contains(l.current().config.Targets()[t.Receiver], t)
}

// works notes that an integration took something.
func (s *step) works(t routing.Target) {
	key := s.loop.escalations.Router().UndeliveredKey(t.String())
	s.loop.conditions.Clear(s.at, key, t.String()+" takes what it is sent", deliversAgain)
}

// exhume takes a dead letter out of the store.
func (s *step) exhume(id uint64) {
	if at, found := s.loop.dead.find(id); found {
		s.loop.dead.list = slices.Delete(s.loop.dead.list, at, at+1)
		s.delete(storage.Dead, outboxKey(id))
	}
}

// find returns where a letter is, or belongs.
func (x *deadLetters) find(id uint64) (at int, found bool) {
	return slices.BinarySearchFunc(x.list, id, func(l letter, id uint64) int { return cmp.Compare(l.id, id) })
}

// counts are how many letters there are by target.
func (x *deadLetters) counts() map[routing.Target]int {
	counts := make(map[routing.Target]int)
	for i := range x.list {
		counts[x.list[i].target]++
	}
	return counts
}

// trimLetters drops those that the retention no longer covers.
func (s *step) trimLetters(before time.Time, keep int) {
	var old []uint64
	for i, l := range s.loop.dead.list {
		if l.died.Before(before) || i < len(s.loop.dead.list)-keep {
			old = append(old, l.id)
		}
	}
	for _, id := range old[:min(len(old), storage.TrimLimit)] {
		s.exhume(id)
	}
}

// unheardLetter returns an error if a page died, and its incident is open and no other page of it arrived.
func (l *loop) unheardLetter() error {
	for i := range l.dead.list {
		x := &l.dead.list[i]
		if !x.page || !l.escalations.Unheard(x.incident, x.generation) {
			continue
		}
		if inc, ok := l.engine.Incident(x.incident, 1); ok && inc.State.Open() && inc.Generation == x.generation {
			return fmt.Errorf("the page for %s was given up at %s and has reached nobody", x.incident, x.died.Format(time.RFC3339))
		}
	}
	return nil
}
