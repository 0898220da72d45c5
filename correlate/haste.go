package correlate

import (
	"fmt"
	"strings"
	"time"

	"quell/correlate/topology"
)

// notHeld begins the reasons for a deadline that is now although nothing was waited for. Where healing is exhausted they begin as
// [Engine.vain] has it.
const notHeld = "not held: "

// What must not wait. An incident is not held, or no longer, if it is back although somebody had taken it on; if a symptom of it has a rule that
// allows no hold, is as severe as hold.not_for, or is of a critical entity; or if its trouble reaches too far: over more entities than
// hold.blast_radius, or to a critical one. Each of these comes with the sentence that people are shown.

// hasteOf says why an incident in which s is active is not to be held, and by which rule, nil if by none; why is empty if nothing about s
// says so.
func (e *Engine) hasteOf(s *symptom) (why string, rule *RuleID) {
	if hold, ok := e.holdOf(s); ok && hold.Hold == 0 {
		return hold.Why, hold.Rule
	}
	if from := e.policy.NotFor; from != SeverityUnset && s.severity >= from {
		return fmt.Sprintf("%s on %s is %s, and hold.not_for is %s", s.name, e.graph.Entity(s.node), s.severity, from), nil
	}
	if critical, ok := e.rules.Critical(e.graph.Entity(s.node), s.labels); ok {
		return fmt.Sprintf("%s is ill, which is critical by %s", e.graph.Entity(s.node), critical.Why), critical.Rule
	}
	return "", nil
}

// hasteWith is hasteOf for a symptom that became active in i, with the rule that says so, nil if none does: it may have made i too large to
// be held.
func (e *Engine) hasteWith(i *incident, s *symptom) (why string, rule *RuleID) {
	if i.relapse != "" {
		return i.relapse, nil
	}
	if why, rule = e.hasteOf(s); why != "" {
		return why, rule
	}
	if e.policy.BlastRadius > 0 && i.sites > e.policy.BlastRadius {
		return e.hasteAround(i)
	}
	return "", nil
}

// haste says why i is not to be held, or not any more; empty if it may be. It costs one look at each symptom, and a walk over what
// depends on the root if anybody asked for that.
func (e *Engine) haste(i *incident) (why string) {
	if i.relapse != "" {
		return i.relapse
	}
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.active() {
			if why, _ := e.hasteOf(s); why != "" {
				return why
			}
		}
	}
	why, _ = e.hasteAround(i)
	return why
}

// hasteAround says so of how far the trouble of i reaches: how many entities are ill, how many surely depend on its root, and whether a
// critical one does. What depends on the root counts only if the root shows worse than a warning: most warnings come and go with
// nothing broken, and a silent root is a guess. rule is the one that says so; nil if none does.
func (e *Engine) hasteAround(i *incident) (why string, rule *RuleID) {
	limit := e.policy.BlastRadius
	if limit > 0 && i.sites > limit {
		return fmt.Sprintf("%d entities are ill, and hold.blast_radius is %d", i.sites, limit), nil
	}
	if limit == 0 && !e.rules.HasCritical() {
		return "", nil
	}
	s := e.spokesman(i)
	if s == nil || !s.active() || s.severity < SeverityError {
		return "", nil
	}
	at, more := e.stake(i.root)
	if limit > 0 && (more || len(at) > limit) {
		return fmt.Sprintf("%s shows %s, %s depend on it, and hold.blast_radius is %d", e.graph.Entity(i.root), s.name, countOf(len(at), more), limit), nil
	}
	var first topology.Entity
	for _, n := range at {
		entity := e.graph.Entity(n)
		if by, ok := e.rules.Critical(entity, ""); ok && (first == "" || entity < first) {
			first, rule, why = entity, by.Rule, fmt.Sprintf("%s shows %s, and %s depends on it, which is critical by %s", e.graph.Entity(i.root), s.name, entity, by.Why)
		}
	}
	return why, rule
}

// countOf counts entities for a sentence.
func countOf(n int, more bool) string {
	if more {
		return fmt.Sprintf("more than %d entities", stakeMax)
	}
	return fmt.Sprintf("%d entities", n)
}

const (
	// stakeMax bounds what is looked at of what depends on a root. It is [MaxBlastRadius], so that more is beyond any limit.
	stakeMax = MaxBlastRadius
	// stakeWeight is the least chance that trouble of a root reaches what counts as surely depending on it.
	stakeWeight = 0.5
)

// stake lists what trouble of n surely reaches, nearest first: the cone, walked the other way. Each level of the walk is looked at wholly or
// not at all, so that the order in which dependencies became known does not matter: more is true if there is more than stakeMax, and
// then the list ends with the level before. What n is made of does not count.
func (e *Engine) stake(n topology.Node) (list []topology.Node, more bool) {
	reached := map[topology.Node]float32{n: 1}
	for level := []topology.Node{n}; len(level) > 0; {
		next, room := make(map[topology.Node]float32), stakeMax-len(list)
		for _, m := range level {
			if count, _ := e.graph.Dependents(m); count > room {
				return list, true
			}
			e.hurt(m, reached[m], n, next)
		}
		level = level[:0:0]
		for m, w := range next {
			if _, known := reached[m]; !known {
				reached[m] = w
				level = append(level, m)
			}
		}
		if len(level) > room {
			return list, true
		}
		list = append(list, level...)
	}
	return list, false
}

// hurt adds what trouble of m, which is reached from the root by some weight, surely reaches in one step.
func (e *Engine) hurt(m topology.Node, weight float32, root topology.Node, next map[topology.Node]float32) {
	add := func(n topology.Node, typ topology.TypeID, w float32) {
		t := e.graph.Traits(typ)
		if w *= float32(t.Weight * t.Shows(1, e.graph.Alternatives(n, typ))); w >= stakeWeight && w > next[n] {
			next[n] = w
		}
	}
	through := weight
	if m != root {
		through *= throughOne
	}
	for n, typ := range e.graph.Dependers(m) {
		add(n, typ, through)
	}
	for _, a := range e.graph.Owners(m) {
		add(a.Node, a.Type, weight)
	}
}

// hasten ends the hold of an incident that was ranked and is not to be held any more. One that waits for what a recovered root brought
// down to follow, or for the end of a silence, goes on waiting.
func (e *Engine) hasten(i *incident) {
	if i.state != Held || i.late || i.silence != nil && i.silence.Joined == 0 || i.active == 0 || i.heldUntil <= e.now {
		return
	}
	if why, rule := e.hasteAround(i); why != "" {
		e.setHoldBy(i, e.now, notHeld+why, rule)
	}
}

// leisure is until when i is held after all, and why: its hold was cut short for something that was over before anybody was paged for it, and
// what is ill now began since. Zero if that is not so.
func (e *Engine) leisure(i *incident) (until int64, why string, rule *RuleID) {
	if !strings.HasPrefix(i.holdReason, notHeld) || i.active == 0 || e.urgent(i, e.concern(i)) {
		return 0, "", nil
	}
	return e.holdAlone(i)
}

// relapsed says why an incident that somebody had taken on is not held when it is back after a while; empty if nobody had.
func relapsed(i *incident, away int64) string {
	if i.acknowledged == 0 {
		return ""
	}
	by := i.ackedBy
	if by == "" {
		by = "an operator"
	}
	return fmt.Sprintf("%s had taken it on, and it is back %s after it had ended", by, round(time.Duration(away)))
}
