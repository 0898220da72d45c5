package learn

import "slices"

// Scope says how near the entities of a pair must be. The zero value is invalid.
type Scope uint8

// Scopes of proposals.
const (
	// Same: cause and effect are types of symptoms on one entity.
	Same Scope = iota + 1
	// Near: types on two entities of which one depends on the other or owns it.
	Near
	// Namespace: types on two entities of one namespace, of which no dependencies are known.
	Namespace
	// Between: cause and effect are entities, whatever their symptoms.
	Between
)

// place is where a start is heard: on its entity, around it, in its namespace, or everywhere.
type place struct {
	kind placeKind
	ent  uint32
}

type placeKind uint8

const (
	on     placeKind = iota + 1 // starts on the entity
	around                      // starts on what depends on it or is owned by it
	within                      // starts on the entities of a namespace
	all                         // starts of entities as a whole; ent is 0
)

// expiry says that the oldest start at a place leaves the window some time after at.
type expiry struct {
	place place
	at    int64
}

// finding is a cause that was heard before an effect, or at the same instant.
type finding struct {
	cause  uint32
	before bool
}

// countBatch counts the starts of one instant. All of them are put where others hear them before the first is counted, so that their
// order within the instant does not matter.
func (l *Learner) countBatch() {
	for _, s := range l.batch {
		for _, p := range l.heardAt(s) {
			l.put(p, s)
		}
	}
	for _, s := range l.batch {
		l.compare(s)
	}
	l.batch = l.batch[:0]
}

// heardAt lists the places at which others hear a start.
func (l *Learner) heardAt(s start) []place {
	if s.typ == anyType {
		return []place{{kind: all}}
	}
	places := []place{{on, s.ent}}
	near := l.near(s.ent)
	for _, ent := range near {
		places = append(places, place{around, ent})
	}
	if ns := l.space(s.ent); len(near) == 0 && ns != 0 {
		places = append(places, place{within, ns})
	}
	return places
}

func (l *Learner) put(p place, s start) {
	if len(l.queue) >= maxHeard {
		l.stats.Dropped++
		return
	}
	l.places[p] = append(l.places[p], s)
	l.queue = append(l.queue, expiry{p, s.at})
}

// expire forgets what began before a time.
func (l *Learner) expire(before int64) {
	n := 0
	for n < len(l.queue) && l.queue[n].at < before {
		p := l.queue[n].place
		if rest := l.places[p][1:]; len(rest) > 0 {
			l.places[p] = rest
		} else {
			delete(l.places, p)
		}
		n++
	}
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil // lets the memory of a storm go
	}
}

// compare counts an effect with the causes that were heard where it is.
func (l *Learner) compare(s start) {
	if s.typ == anyType {
		if len(l.places[place{kind: all}]) > maxPlace {
			l.stats.Storms++
			return
		}
		l.hear(s, place{kind: all})
		l.count(Between, s)
		return
	}
	l.hear(s, place{on, s.ent})
	l.count(Same, s)
	near := l.near(s.ent)
	l.hear(s, place{around, s.ent})
	for _, ent := range near {
		l.hear(s, place{on, ent})
	}
	l.count(Near, s)
	if ns := l.space(s.ent); len(near) == 0 && ns != 0 {
		l.hear(s, place{within, ns})
		l.count(Namespace, s)
	}
}

// hear collects the causes at a place, each once: strictly before the effect if any of its starts is.
func (l *Learner) hear(s start, p place) {
	heard := l.places[p]
	for _, c := range heard[max(0, len(heard)-maxPlace):] {
		cause := c.typ
		switch {
		case s.typ == anyType:
			cause = c.ent
			if cause == s.ent {
				continue
			}
		case c.typ == s.typ, (c.ent == s.ent) != (p == place{on, s.ent}):
			continue
		}
		k := slices.IndexFunc(l.found, func(f finding) bool { return f.cause == cause })
		if k < 0 {
			k = len(l.found)
			l.found = append(l.found, finding{cause: cause})
		}
		l.found[k].before = l.found[k].before || c.at < s.at
	}
}

// count adds what was found to the pairs of a scope.
func (l *Learner) count(scope Scope, s start) {
	effect := s.typ
	if s.typ == anyType {
		effect = s.ent
	}
	for _, f := range l.found {
		l.pairOf(scope, f.cause, effect).count(l, meeting{s, f.cause < effect, f.before})
	}
	l.found = l.found[:0]
}
