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

const (
	// tellAgain is how soon operators may be told anew that deliveries die at one integration, if it took something in between.
	tellAgain = time.Hour
	// undeliveredPrefix begins the marks that say when they were told.
	undeliveredPrefix = "undelivered/"
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

// deadLetters is an index of table Dead, and who was told of it. It belongs to the loop.
type deadLetters struct {
	list []letter // by id
	told map[routing.Target]toldUndelivered
}

// toldUndelivered is a mark: when operators were told that deliveries to a target die, and whether it took something since.
type toldUndelivered struct {
	Target routing.Target `json:"target"`
	At     time.Time      `json:"at"`
	Works  bool           `json:"works,omitempty"`
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
	l.dead = deadLetters{told: make(map[routing.Target]toldUndelivered)}
	err := scanLetters(l.store, 0, func(row *deadLetter) error {
		l.dead.list = append(l.dead.list, letterOf(row))
		return nil
	})
	if err != nil {
		return err
	}
	return l.store.Scan(storage.Marks, []byte(undeliveredPrefix), []byte("undelivered0"), func(_, v []byte) error {
		var m toldUndelivered
		if err := json.Unmarshal(v, &m); err != nil {
			return err
		}
		l.dead.told[m.Target] = m
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

// bury keeps a delivery that was given up, and tells operators if they were not told that such die there.
func (s *step) bury(r *notify.Result) {
	d, dead := &r.Delivery, &s.loop.dead
	row := deadLetter{Delivery: *d, Died: s.at, Error: r.Err.Error(), Reason: notify.Reason(r.Err), Attempts: r.Attempts}
	s.put(storage.Dead, outboxKey(d.ID), &row)
	at, _ := dead.find(d.ID)
	dead.list = slices.Insert(dead.list, at, letterOf(&row))
	for keep := s.loop.current().config.Retention.DeadLetters; len(dead.list) > keep; {
		s.exhume(dead.list[0].id)
	}
	told, known := dead.told[d.Target]
	if known && (!told.Works || s.at.Sub(told.At) < tellAgain) {
		return
	}
	if messages := s.loop.escalations.Router().Undelivered(s.at, d, row.Error); len(messages) > 0 {
		s.tell(toldUndelivered{Target: d.Target, At: s.at})
		s.deliver(messages)
	}
}

// works notes that an integration took something.
func (s *step) works(t routing.Target) {
	told, known := s.loop.dead.told[t]
	switch {
	case !known:
	case s.at.Sub(told.At) >= tellAgain:
		delete(s.loop.dead.told, t)
		s.delete(storage.Marks, undeliveredPrefix+t.String())
	case !told.Works:
		told.Works = true
		s.tell(told)
	}
}

func (s *step) tell(m toldUndelivered) {
	s.loop.dead.told[m.Target] = m
	s.put(storage.Marks, undeliveredPrefix+m.Target.String(), m)
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
