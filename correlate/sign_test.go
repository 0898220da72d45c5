package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// Signs of healing are in some worlds only, and drawn from a source of their own, so that other worlds stay as they were.

// signs adds to the script what Kubernetes tells of healing that is under way, or exhausted, and of changes; much of it means nothing.
func (r *reporter) signs() {
	down := stretch{-1, -1}
	for _, e := range r.entries {
		if g, ok := e.input.(*Gap); ok {
			down = stretch{g.From.Sub(start), g.To.Sub(start)}
		}
	}
	count := len(r.entries)
	r.scalers()
	for _, e := range sortedEntities(r.ill) {
		for _, ill := range r.ill[e] {
			switch e.Kind() {
			case "pod":
				r.restarts(e, ill)
			case "deployment":
				r.rolls(e, ill)
			}
		}
	}
	for range r.newest.IntN(6) { // healing of what is well
		p := pick(r.newest, r.pods).entity
		r.sign(r.soon(0, horizon), p, "BackoffProgress", "restart 1", nil)
	}
	added := slices.DeleteFunc(slices.Clone(r.entries[count:]), func(e entry) bool {
		return e.at > horizon || down.from <= e.at && e.at < down.to
	})
	r.entries = append(r.entries[:count], added...)
	slices.SortStableFunc(r.entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
}

func (r *reporter) soon(from, to time.Duration) time.Duration {
	return from + time.Duration(r.newest.Int64N(int64((to-from)/time.Second)+1))*time.Second
}

func (r *reporter) luck(p float64) bool { return r.newest.Float64() < p }

// givesUp draws whether somebody gives an illness up: rarely one that heals after all.
func (r *reporter) givesUp(ill illness) bool {
	if ill.to < horizon {
		return r.luck(0.05)
	}
	return r.luck(0.5)
}

// sign tells how an object is, a moment later, perhaps twice.
func (r *reporter) sign(at time.Duration, e topology.Entity, reason, text string, of []*fault) {
	for range 1 + r.newest.IntN(8)/7 {
		ev := &Event{Entity: e, Reason: reason, Component: "quell/state", Message: text, Count: 1, At: start.Add(at), Source: "kubernetes/k"}
		r.add(at+r.soon(0, 5*time.Second), ev, numbers(of))
	}
}

// restarts tells of a container that is started again and again, and given up in the end.
func (r *reporter) restarts(p topology.Entity, ill illness) {
	if r.luck(0.4) {
		return
	}
	n, end := 0, min(ill.to, horizon, ill.from+r.soon(time.Minute, 40*time.Minute))
	for at := ill.from + r.soon(0, time.Minute); at < end; at += r.soon(20*time.Second, 4*time.Minute) {
		n++
		r.sign(at, p, "BackoffProgress", fmt.Sprintf("restart %d, episode of %s", n, ill.from), ill.of)
	}
	if at := ill.from + r.soon(time.Minute, 20*time.Minute); at < ill.to && r.givesUp(ill) {
		r.sign(at, p, "BackoffExhausted", "at its cap", ill.of)
	}
	if ill.to < horizon {
		r.sign(ill.to, p, "PodReady", "ready after "+fmt.Sprint(n)+" restarts", ill.of)
	}
}

// rolls tells of a rollout that progresses, or is given up, and of one that puts it right.
func (r *reporter) rolls(d topology.Entity, ill illness) {
	for at := ill.from + r.soon(0, time.Minute); at < min(ill.to, horizon, ill.from+20*time.Minute); at += r.soon(30*time.Second, 8*time.Minute) {
		r.sign(at, d, "RolloutProgressing", fmt.Sprintf("%s since %s", at, ill.from), ill.of)
	}
	if at := ill.from + r.soon(time.Minute, 15*time.Minute); at < ill.to && r.givesUp(ill) {
		r.sign(at, d, "ProgressDeadlineExceeded", "has timed out", ill.of)
	}
	if ill.to < horizon {
		change := &Event{
			ID: fmt.Sprintf("%s-%s", d, ill.to), Entity: d, Reason: "Rollout", Component: ChangeComponent, Message: "back to revision 6", Count: 1,
			At: start.Add(ill.to - 20*time.Second), Source: "kubernetes/k",
		}
		r.add(ill.to-10*time.Second, change, numbers(ill.of))
		r.sign(ill.to, d, "WorkloadComplete", "3 of 3 replicas ready", ill.of)
	}
}

// scalers gives some workloads an autoscaler, which now and then is at its end, whether that matters or not.
func (r *reporter) scalers() {
	for _, s := range r.services {
		if r.luck(0.5) {
			continue
		}
		h := topology.NewEntity("horizontalpodautoscaler", s.namespace.Name(), s.entity.Name(), s.entity.Cluster())
		r.add(0, &Topology{Update: topology.Update{Edges: []topology.Edge{{From: h, Type: "depends_on", To: s.workload}}}, Source: "kubernetes/scalers"}, nil)
		if r.seed <= fixedWorlds {
			continue // pages for autoscalers that nobody needs would spoil the figures of how good pages are
		}
		for at := r.soon(0, time.Hour); at < horizon; at += r.soon(20*time.Minute, 2*time.Hour) {
			r.sign(at, h, "AutoscalerAtMax", "5 of at most 5", nil)
			at += r.soon(time.Minute, 20*time.Minute)
			r.sign(at, h, "AutoscalerWorks", "3 of at most 5", nil)
			r.sign(at+r.soon(0, 10*time.Minute), h, "ScaleUpTriggered", fmt.Sprintf("wants 4, %s", at), nil)
		}
	}
}

// modelSign is the last sign of a healing under way of an entity.
type modelSign struct {
	heard, at, until time.Time
	text             string
}

// sign remembers what an event tells of healing. ended says that a symptom ended with it.
func (m *dumbModel) sign(now, at time.Time, ev *Event, meaning *EventMeaning, ended bool) {
	if ended && !meaning.Symptom && !meaning.Change {
		m.healed[ev.Entity] = at
	}
	if !meaning.Progress {
		return
	}
	p := modelSign{heard: now, at: at, until: at.Add(cmp.Or(meaning.TTL, progressTTL)), text: ev.Reason + ": " + ev.Message}
	last := m.progress[ev.Entity]
	if now.Sub(last.heard) >= time.Duration(signFor) {
		last = modelSign{}
	}
	if p.until.After(now) && !p.at.Before(last.at) && p.text != last.text {
		m.progress[ev.Entity] = p
	}
}

// near lists what signs about an incident may be about, by looking at all of it.
func (s *stage) near(i *incident) map[topology.Entity]bool {
	g := s.engine.graph
	near := make(map[topology.Node]bool)
	var up, down func(n topology.Node)
	up = func(n topology.Node) {
		near[n] = true
		for _, a := range g.Owners(n) {
			up(a.Node)
		}
	}
	down = func(n topology.Node) {
		near[n] = true
		for _, a := range g.Parts(n) {
			down(a.Node)
		}
	}
	seeds := []topology.Node{i.root}
	for _, num := range i.symptoms {
		seeds = append(seeds, s.engine.symptoms.get(num).node)
	}
	for _, n := range seeds {
		up(n)
		down(n)
	}
	list := make(map[topology.Entity]bool)
	for n := range near {
		list[g.Entity(n)] = true
		for m := range g.Dependers(n) {
			if g.Entity(m).Kind() == "horizontalpodautoscaler" {
				list[g.Entity(m)] = true
			}
		}
	}
	return list
}

// impatient names an active symptom of an incident that is not to be held for, or a sign near it that nothing heals it; "" if there is
// none.
func (s *stage) impatient(i *incident, near map[topology.Entity]bool) string {
	a := s.ledger.life[i.id]
	if why := s.pressing(i); why != "" {
		return why
	}
	for name, m := range s.model.symptoms {
		if m.condition != conditionActive {
			continue
		}
		if home := s.incidentOf[name]; m.hold == 0 && m.counts && home == i.id {
			return name
		}
		if !m.counts && m.exhausted && near[m.entity] && !m.since.Before(a.heldFrom) {
			return name
		}
	}
	return ""
}

// heldOn checks a deadline that is put off since healing is under way: somebody said so of something near the incident, for as long, nobody
// said that it is in vain, and it is not put off for longer than the longest hold.
func (s *stage) heldOn(f *Effect) (wrong string) {
	a, i := s.ledger.life[f.Incident], s.engine.incidents[f.Incident]
	most := a.heldFrom.Add(s.model.policy.HoldMax)
	switch {
	case f.Until.After(most):
		return fmt.Sprintf("it may be held until %v at most", most.Sub(start))
	case i == nil || i.state == Merged:
		return ""
	}
	near := s.near(i)
	if vain := s.impatient(i, near); vain != "" {
		return "nothing is to be hoped for: " + display(vain)
	}
	for e, p := range s.model.progress {
		if near[e] && !p.until.Before(f.Until) {
			return ""
		}
	}
	return "nothing near it is known to heal until then"
}

// hasty says whether a page comes although an entity of the incident is known to heal, or "". Somebody took on what is handed back: that
// it got worse than they thought does not wait.
func (s *stage) hasty(f *Effect) string {
	a, i := s.ledger.life[f.Incident], s.engine.incidents[f.Incident]
	if f.Decision != Escalate || strings.HasPrefix(f.Reason, "handed back: ") || i == nil || a == nil || !f.At.Before(a.heldFrom.Add(s.model.policy.HoldMax)) {
		return ""
	}
	members := []topology.Entity{s.engine.graph.Entity(i.root)}
	for _, num := range i.symptoms {
		members = append(members, s.engine.graph.Entity(s.engine.symptoms.get(num).node))
	}
	for _, e := range members {
		if p := s.model.progress[e]; p.until.After(s.now) && s.impatient(i, s.near(i)) == "" && s.staked(i) == "" {
			return fmt.Sprintf("%s told that healing is under way until %v: %s", e, p.until.Sub(start), p.text)
		}
	}
	return ""
}

// vain checks a deadline that is cut short: somebody near the incident must have given up, or near what was parted from it just then.
func (s *stage) vain(f *Effect) (wrong string) {
	i := s.engine.incidents[f.Incident]
	switch {
	case !strings.HasPrefix(f.Reason, "not held") || strings.HasPrefix(f.Reason, chronicHold) || i == nil || i.state == Merged || s.parted[f.Incident]:
		return ""
	case !f.Until.Equal(s.now):
		return "it is held nevertheless"
	}
	near := s.near(i)
	if strings.HasPrefix(f.Reason, notHeld) {
		ours := strings.Contains(f.Reason, "SourceSilent") // of which the model knows nothing
		if ours || s.impatient(i, near)+s.staked(i) != "" || slices.ContainsFunc(slices.Collect(maps.Values(s.model.symptoms)), func(m *modelSymptom) bool { return m.hold == 0 && m.since.Equal(s.now) || m.ended.Equal(s.now) }) {
			return ""
		}
		return "nothing says so"
	}
	for _, m := range s.model.symptoms {
		if m.exhausted && near[m.entity] && (m.condition == conditionActive || m.ended.Equal(s.now)) {
			return ""
		}
	}
	return "nobody near it gave up"
}

// givenUp checks that a sign which makes no incident ended at once the holds of what was near it before.
func (s *stage) givenUp(b before, inputs []Input) {
	for _, in := range inputs {
		ev, ok := in.(*Event)
		if _, told := in.(*Topology); told {
			return // another order of inputs would have meant another neighbourhood
		}
		if !ok || ev.Reason != "AutoscalerAtMax" {
			continue
		}
		m := s.model.symptoms[eventName(ev.Entity, ev.Reason)]
		if m == nil || m.condition != conditionActive || !m.since.Equal(s.now) {
			continue
		}
		for id, near := range b.near {
			i, a := s.engine.incidents[id], s.ledger.life[id]
			if _, hushed := allSilenced(s.engine, s.mutes, i); !hushed && near[ev.Entity] && i != nil && i.state == Held && i.heldUntil > s.engine.now && !a.excused.After(s.now) && i.active > 0 {
				s.fail("vain", "%s is held until %v, and %s gave it up", id, fromNano(i.heldUntil).Sub(start), ev.Entity)
			}
		}
	}
}

// nearby tells of each incident that is held what signs about it may be about, if there are any that matter.
func (s *stage) nearby(inputs []Input) map[IncidentID]map[topology.Entity]bool {
	if !slices.ContainsFunc(inputs, func(in Input) bool { ev, ok := in.(*Event); return ok && ev.Reason == "AutoscalerAtMax" }) {
		return nil
	}
	list := make(map[IncidentID]map[topology.Entity]bool)
	for id, i := range s.engine.incidents {
		if i.state == Held {
			list[id] = s.near(i)
		}
	}
	return list
}

// beganBy is when the trouble of an incident had begun by all that was told: quell may have heard of it late, or when it was over.
func (s *stage) beganBy(inc *Incident) time.Time {
	began := toNano(inc.Opened)
	for _, num := range s.engine.incidents[inc.ID].symptoms {
		if at := s.engine.symptoms.get(num).startsAt; at != 0 {
			began = min(began, at)
		}
	}
	return fromNano(began)
}

// credited checks what is said to have healed an incident: that something is said, that it came after the trouble had begun, and that what
// ended the root's trouble before all eyes is not unexplained.
func (s *stage) credited(f *Effect, asked Action) {
	if f.Decision != SelfHeal && f.Decision != Resolve || asked == ActionResolve || strings.HasPrefix(f.Reason, "given up") {
		return
	}
	inc, ok := s.engine.Incident(f.Incident, 0)
	if !ok || inc.HealedBy == nil {
		s.fail("credit", "%s healed, and nobody says of what: %s", f.Incident, f.Reason)
		return
	}
	h := inc.HealedBy
	if !strings.HasSuffix(f.Reason, "what healed it: "+h.String()) {
		s.fail("credit", "the reason does not end in %q: %s", h, f.Reason)
	}
	if h.At.After(s.now) || h.At.Before(s.beganBy(inc).Add(-time.Duration(clockSkew)-15*time.Minute)) {
		s.fail("credit", "%s opened at %v, and was healed at %v by %s", f.Incident, inc.Opened.Sub(start), h.At.Sub(start), h)
	}
	root := s.engine.graph.Entity(s.engine.incidents[f.Incident].root)
	healed, told := s.model.healed[root]
	if h.What != Unexplained || !told || s.now.Sub(healed) > 25*time.Minute {
		return
	}
	for _, m := range s.model.symptoms {
		if m.entity == root && !m.since.Before(healed) {
			return
		}
	}
	s.fail("credit", "%s is unexplained, and its root %s was told to be well at %v", f.Incident, root, healed.Sub(start))
}
