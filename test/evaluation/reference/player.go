package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"time"

	"quell/test/evaluation/dataset"
)

const (
	// eventTTL is how long a Warning event counts after it was last seen.
	eventTTL = 5 * time.Minute
	// rootsMax bounds the candidates that are printed.
	rootsMax = 10
)

// incident is a group of entities with symptoms.
type incident struct {
	id                string
	opened            time.Time
	escalated, closed *time.Time
	// members numbers the entities by first symptom; live holds the keys of symptoms that have not ended.
	members map[string]int
	live    map[string]string
	// due is when it is paged.
	due time.Time
}

// timer is the end of a hold or of an event. At one moment ends of events come first: what has healed by then is not paged.
type timer struct {
	at       time.Time
	incident *incident
	key      string
}

// player groups symptoms into incidents, in virtual time.
type player struct {
	graph     *graph
	rank      method
	oneForAll bool
	hold      time.Duration
	out       io.Writer

	// all are the incidents that were not merged away, in order of opening.
	all    []*incident
	of     map[string]*incident // by key of a live symptom
	timers []timer
	expiry map[string]time.Time
	moment int
	opened int
	lines  int
}

// play reads a recording, lets time run on until nothing is pending, and prints the incidents.
func (p *player) play(path string) error {
	p.of, p.expiry = make(map[string]*incident), make(map[string]time.Time)
	var last time.Time
	for o, err := range dataset.Observations(path) {
		if err != nil {
			return err
		}
		p.pass(func(at time.Time) bool { return at.Before(o.At) })
		if p.lines++; !o.At.Equal(last) {
			last, p.moment = o.At, p.lines
		}
		if o.Topology != nil {
			p.graph.add(o.Topology)
		}
		for _, s := range o.Symptoms {
			p.take(o.At, s)
		}
	}
	p.pass(func(time.Time) bool { return true })
	return p.report()
}

func (p *player) take(at time.Time, s dataset.Symptom) {
	switch {
	case !s.Firing:
		p.clear(at, s.Key)
	case s.Severity != "info":
		p.fire(at, s)
	}
	if s.Event {
		p.expiry[s.Key] = at.Add(eventTTL)
		p.schedule(timer{at: p.expiry[s.Key], key: s.Key})
	}
}

// fire puts a symptom into an incident; an incident that two groups share makes them one, the oldest.
func (p *player) fire(at time.Time, s dataset.Symptom) {
	if p.of[s.Key] != nil {
		return
	}
	near := p.near(s.Entity)
	if len(near) == 0 {
		p.opened++
		near = []*incident{{id: fmt.Sprintf("R%05d", p.opened), opened: at, members: make(map[string]int), live: make(map[string]string)}}
		p.all = append(p.all, near[0])
	}
	i := near[0]
	for _, other := range near[1:] {
		p.merge(at, i, other)
	}
	if len(i.live) == 0 {
		i.closed, i.due = nil, at.Add(p.hold)
		p.schedule(timer{at: i.due, incident: i})
	}
	if _, ok := i.members[s.Entity]; !ok {
		i.members[s.Entity] = p.moment
	}
	i.live[s.Key] = s.Entity
	p.of[s.Key] = i
}

// near lists the incidents that an entity belongs to, the oldest first.
func (p *player) near(entity string) []*incident {
	if p.oneForAll {
		return p.all
	}
	var near []*incident
	for _, i := range p.all {
		for _, e := range i.live {
			if p.graph.connected(entity, e) {
				near = append(near, i)
				break
			}
		}
	}
	return near
}

// merge moves everything into the older incident. A page already sent stays sent.
func (p *player) merge(at time.Time, into, from *incident) {
	for e, n := range from.members {
		if old, ok := into.members[e]; !ok || n < old {
			into.members[e] = n
		}
	}
	for k, e := range from.live {
		into.live[k], p.of[k] = e, into
	}
	if from.escalated != nil && (into.escalated == nil || from.escalated.Before(*into.escalated)) {
		into.escalated = from.escalated
	}
	from.live = nil // so its hold finds nothing to page
	p.all = slices.DeleteFunc(p.all, func(i *incident) bool { return i == from })
	p.decide(at, "merge", from)
}

func (p *player) clear(at time.Time, key string) {
	i := p.of[key]
	if i == nil {
		return
	}
	delete(p.of, key)
	if delete(i.live, key); len(i.live) == 0 {
		i.closed = &at
	}
}

func (p *player) schedule(t timer) {
	at := sort.Search(len(p.timers), func(k int) bool {
		o := &p.timers[k]
		return o.at.After(t.at) || o.at.Equal(t.at) && o.incident != nil && t.incident == nil
	})
	p.timers = slices.Insert(p.timers, at, t)
}

// pass lets the timers run that are due.
func (p *player) pass(due func(time.Time) bool) {
	for len(p.timers) > 0 && due(p.timers[0].at) {
		t := p.timers[0]
		p.timers = p.timers[1:]
		switch i := t.incident; {
		case i == nil:
			if p.expiry[t.key].Equal(t.at) {
				p.clear(t.at, t.key)
			}
		case len(i.live) > 0 && i.escalated == nil && i.due.Equal(t.at):
			i.escalated = &t.at
			p.decide(t.at, "escalate", i)
		}
	}
}

type root struct {
	Entity string  `json:"entity"`
	Score  float64 `json:"score"`
	Silent bool    `json:"silent"`
}

func (p *player) roots(i *incident) []root {
	list := p.rank(p.graph, i.members)
	roots := make([]root, 0, rootsMax)
	for k, e := range list[:min(len(list), rootsMax)] {
		_, ill := i.members[e]
		roots = append(roots, root{Entity: e, Score: 1 / float64(k+1), Silent: !ill})
	}
	return roots
}

func (p *player) decide(at time.Time, what string, i *incident) {
	p.print(struct {
		At       time.Time `json:"t"`
		Decision string    `json:"decision"`
		Incident string    `json:"incident"`
		Reason   string    `json:"reason"`
		Roots    []root    `json:"roots"`
	}{at, what, i.id, what, p.roots(i)})
}

func (p *player) report() error {
	type body struct {
		ID        string     `json:"id"`
		State     string     `json:"state"`
		Outcome   string     `json:"outcome"`
		Opened    time.Time  `json:"opened"`
		Escalated *time.Time `json:"escalated"`
		Closed    *time.Time `json:"closed"`
		Roots     []root     `json:"roots"`
		Members   []string   `json:"members"`
	}
	for _, i := range p.all {
		state, outcome := "open", "open"
		if i.closed != nil {
			state, outcome = "closed", "self-healed"
		}
		if i.escalated != nil {
			outcome = "escalated"
		}
		p.print(map[string]body{"incident": {
			ID: i.id, State: state, Outcome: outcome, Opened: i.opened, Escalated: i.escalated, Closed: i.closed,
			Roots: p.roots(i), Members: slices.Sorted(maps.Keys(i.members)),
		}})
	}
	return p.print(map[string]map[string]int{"summary": {"inputs": p.lines, "incidents": len(p.all)}})
}

// print writes a line; an error sticks to the buffer below, and the last call returns it.
func (p *player) print(v any) error { return json.NewEncoder(p.out).Encode(v) }
