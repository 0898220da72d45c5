package correlate

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"quell/correlate/topology"
)

const (
	// signFor is how long a sign of healing is remembered.
	signFor = int64(30 * time.Minute)
	// progressTTL is how long a healing counts as under way after a sign of it, where no rule says otherwise.
	progressTTL = 2 * time.Minute
	// concernsMax bounds the members of an incident by which signs are looked for, guardsMax the things that act on one of them.
	concernsMax = 256
	guardsMax   = 64
)

// signs are what was heard of the healing of one entity: the last word of each kind.
type signs struct {
	Progress *sign `json:"progress,omitempty"`
	Recovery *sign `json:"recovery,omitempty"`
}

func (s signs) heardAt() int64 {
	at := int64(0)
	for _, x := range [...]*sign{s.Progress, s.Recovery} {
		if x != nil {
			at = max(at, x.Heard)
		}
	}
	return at
}

// since are those that were heard after a time. A record is kept for as long as the younger of its two counts.
func (s signs) since(before int64) signs {
	if s.Progress != nil && s.Progress.Heard <= before {
		s.Progress = nil
	}
	if s.Recovery != nil && s.Recovery.Heard <= before {
		s.Recovery = nil
	}
	return s
}

// sign is an event that tells that a healing is under way, or that something is well again. It is never changed. Times are Unix
// nanoseconds.
type sign struct {
	Heard  int64  `json:"heard"`
	At     int64  `json:"at"`              // by the clock of whoever told, and not after Heard
	Until  int64  `json:"until,omitempty"` // of progress: when it counts no more
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"` // the component that told
	Text   string `json:"text,omitempty"`
	ID     string `json:"id,omitempty"`
	Count  int    `json:"count,omitempty"`
	Gone   bool   `json:"gone,omitempty"` // its entity is no more: the trouble ended with it
}

// says is what a sign tells, in words.
func (s *sign) says() string {
	if s.Text != "" {
		return s.Text
	}
	return inWords(s.Reason)
}

// repeats reports whether an event tells only what a sign told already: a watcher lists what is so over and over.
func (s *sign) repeats(ev *Event, at int64) bool {
	switch {
	case s == nil:
		return false
	case at < s.At:
		return true // it comes late
	}
	return s.Reason == ev.Reason && s.Text == shorten(ev.Message, changeTextMax) && (ev.ID == "" || ev.ID == s.ID && ev.Count <= s.Count)
}

// noteSign remembers what an event about n tells of its healing. ended says that symptoms of n ended with it.
func (e *Engine) noteSign(n topology.Node, ev *Event, m *EventMeaning, ended bool) {
	recovers := !m.Symptom && !m.Progress && !m.Change && len(m.Heals) > 0 && (ended || ev.ID != "" && e.troubled(n))
	if !recovers && !m.Progress {
		return
	}
	entity := e.graph.Entity(n)
	at := min(cmp0(toNano(ev.At), e.now), e.now)
	known := e.signs.of[entity].since(e.now - signFor)
	x := &sign{
		Heard: e.now, At: at, Reason: e.strings.get(ev.Reason), By: e.strings.get(ev.Component), Text: shorten(ev.Message, changeTextMax), ID: ev.ID,
		Count: ev.Count, Gone: m.Gone,
	}
	if m.Progress {
		ttl := m.TTL
		if ttl == 0 {
			ttl = progressTTL
		}
		if x.Until = at + int64(ttl); x.Until <= e.now || known.Progress.repeats(ev, at) {
			return
		}
		known.Progress = x
	} else if known.Recovery.repeats(ev, at) && !ended {
		return
	} else {
		known.Recovery = x
	}
	e.signs.keep(entity, known)
}

// troubled reports whether n had symptoms in an incident that is open, or something that it is part of is the root of one.
func (e *Engine) troubled(n topology.Node) bool {
	if st := e.local(n).site; st != nil && st.incident != 0 {
		return true
	}
	return slices.ContainsFunc(e.graph.Owners(n), func(a topology.Arc) bool {
		at := e.local(a.Node)
		return at.root != 0 || at.site != nil && at.site.incident != 0 || len(at.parts) > 0
	})
}

// healing is until when signs of a healing under way put off the page of i, and why; zero if they do not. A healing is under way where
// an entity of i, something that it is part or made of, or what scales it, told so. It never lasts beyond the longest hold, and counts
// for nothing where a rule says to page at once, or whoever should heal has given up.
func (e *Engine) healing(i *incident) (until int64, why string) {
	latest := i.heldFrom + int64(e.policy.HoldMax)
	if len(e.signs.of) == 0 || latest <= e.now {
		return 0, ""
	}
	near := e.concern(i)
	if e.urgent(i, near) {
		return 0, ""
	}
	var best *sign
	var where topology.Entity
	for n := range near {
		entity := e.graph.Entity(n)
		p := e.signs.of[entity].Progress
		if p == nil || p.Until <= e.now {
			continue
		}
		if best == nil || p.Until > best.Until || p.Until == best.Until && entity < where {
			best, where = p, entity
		}
	}
	if best == nil {
		return 0, ""
	}
	until = min(best.Until, latest)
	return until, fmt.Sprintf("held on: %s on %s; pages at %s, at the latest %s", best.says(), where, clock(until), clock(latest))
}

// urgent reports whether nothing is to be hoped for from signs of healing, since it is exhausted, or i is not to be held at all.
func (e *Engine) urgent(i *incident, near map[topology.Node]struct{}) bool {
	return e.exhausted(i, near) != nil || e.haste(i) != ""
}

// exhausted is a sign that healing of i is exhausted: an active symptom of it, or one that makes no incident itself and was told of what is
// near, see concern, since i is held. Nil if there is none.
func (e *Engine) exhausted(i *incident, near map[topology.Node]struct{}) *symptom {
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.exhausted && s.active() {
			return s
		}
	}
	var first *symptom
	for n := range near {
		st := e.local(n).site
		if st == nil {
			continue
		}
		for _, num := range st.symptoms {
			s := e.symptoms.get(num)
			if s.exhausted && s.active() && !s.counts() && s.since >= i.heldFrom && (first == nil || s.num < first.num) {
				first = s
			}
		}
	}
	return first
}

// giveUp ends the holds that a new sign of exhausted healing concerns. One that makes incidents has joined the one that it is about, which
// knows by now; others are told here.
func (e *Engine) giveUp(s *symptom) {
	if !s.exhausted || s.counts() {
		return
	}
	ids := make(map[IncidentID]struct{})
	for n := range e.around(e.actsOn(s.node)) {
		at := e.local(n)
		if at.root != 0 {
			ids[at.root] = struct{}{}
		}
		if at.site != nil && at.site.incident != 0 {
			ids[at.site.incident] = struct{}{}
		}
	}
	for _, id := range inOrder(ids) {
		if i := e.incidents[id]; i != nil && i.state == Held && i.heldUntil > e.now {
			e.setHold(i, e.now, e.vain(s))
		}
	}
}

// vain says why nothing is gained by holding.
func (e *Engine) vain(s *symptom) string {
	return fmt.Sprintf("not held longer: %s on %s", inWords(s.name), e.graph.Entity(s.node))
}

// concern is what signs of the healing of i may be about: its root and its members, the first concernsMax of them, what these are part
// and made of, and what acts on them. The cost is that of those.
func (e *Engine) concern(i *incident) map[topology.Node]struct{} {
	seeds := make([]topology.Node, 1, 1+min(len(i.symptoms), concernsMax))
	seeds[0] = i.root
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.node != seeds[len(seeds)-1] && len(seeds) <= concernsMax {
			seeds = append(seeds, s.node)
		}
	}
	near := e.around(seeds)
	var acting []topology.Node
	for n := range near {
		if count, _ := e.graph.Dependents(n); count == 0 || count > guardsMax {
			continue
		}
		for m := range e.graph.Dependers(n) {
			if e.acts(m) {
				acting = append(acting, m)
			}
		}
	}
	for _, m := range acting {
		near[m] = struct{}{}
	}
	return near
}

// around returns some entities with all that they are part of and made of; of very many parts only some, always the same ones.
func (e *Engine) around(seeds []topology.Node) map[topology.Node]struct{} {
	near := make(map[topology.Node]struct{}, 2*len(seeds))
	owners := make(map[topology.Node]struct{})
	left := partsMax
	var up, down func(n topology.Node, depth int)
	up = func(n topology.Node, depth int) {
		for _, a := range e.graph.Owners(n) {
			if _, known := owners[a.Node]; !known && depth > 0 {
				owners[a.Node], near[a.Node] = struct{}{}, struct{}{}
				up(a.Node, depth-1)
			}
		}
	}
	down = func(n topology.Node, depth int) {
		for _, a := range e.graph.Parts(n) {
			if left--; left < 0 || depth == 0 {
				return
			}
			near[a.Node] = struct{}{}
			down(a.Node, depth-1)
		}
	}
	for _, n := range seeds {
		near[n] = struct{}{}
		up(n, partsDepth)
		down(n, partsDepth)
	}
	return near
}

// actors are kinds of entities that act on what they depend on.
var actors = []string{"horizontalpodautoscaler", "verticalpodautoscaler", "scaledobject", "poddisruptionbudget"}

// acts reports whether n is one that acts on what it depends on.
func (e *Engine) acts(n topology.Node) bool { return slices.Contains(actors, e.graph.Entity(n).Kind()) }

// actsOn returns n, and what it acts on.
func (e *Engine) actsOn(n topology.Node) []topology.Node {
	list := []topology.Node{n}
	if e.acts(n) {
		for _, a := range e.graph.Dependencies(n) {
			if e.graph.Entity(a.Node).Kind() != "namespace" {
				list = append(list, a.Node)
			}
		}
	}
	return list
}

// ownerOf is what an entity is part of: who made it, if anybody says so.
func (e *Engine) ownerOf(n topology.Node) topology.Entity {
	owners := e.graph.Owners(n)
	for _, a := range owners {
		if e.graph.TypeName(a.Type) == "owns" {
			return e.graph.Entity(a.Node)
		}
	}
	if len(owners) > 0 {
		return e.graph.Entity(owners[0].Node)
	}
	return ""
}

// own notes on a symptom what owns its entity: when that is gone, the topology may not know any more.
func (e *Engine) own(s *symptom, owner topology.Entity) {
	if owner != "" && s.owner != owner {
		s.owner = owner
		e.mark(s)
	}
}

// inWords makes words of a reason: "ProgressDeadlineExceeded" is "progress deadline exceeded".
func inWords(reason string) string {
	var b strings.Builder
	small := false
	for _, r := range reason {
		if unicode.IsUpper(r) && small {
			b.WriteByte(' ')
		}
		small = !unicode.IsUpper(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
