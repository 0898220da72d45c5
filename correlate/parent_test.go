package correlate

import (
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

// recovery is that of an entity while others of its incident were still ill. If the entity was the root, the incident may be held
// longer for that; who hears only inputs and effects cannot always tell what the root was when several things happen in one step.
type recovery struct {
	at     time.Time
	entity topology.Entity
}

// orphans is what somebody can know of an incident's recovered roots.
type orphans struct {
	may    []recovery // each may have been that of a root
	sure   *recovery  // the last, if it certainly was that of the root; nil if there was none
	late   bool       // its deadline was put off because of one
	exempt bool       // a policy or merge changed since then what its deadline means
}

// before is how things were before a step: who was ill, and who was in which incident, rooted where.
type before struct {
	homes map[string]IncidentID // of active symptoms that count
	roots map[IncidentID]topology.Entity
	near  map[IncidentID]map[topology.Entity]bool // see nearby
	fades int64                                   // when the topology forgets something next
}

func (s *stage) remember() before {
	b := before{homes: s.activeHomes(), roots: make(map[IncidentID]topology.Entity), fades: s.engine.fadeAt}
	for id, i := range s.engine.incidents {
		if i.state.Open() {
			b.roots[id] = s.engine.graph.Entity(i.root)
		}
	}
	return b
}

// activeHomes maps the active symptoms that count to their incidents.
func (s *stage) activeHomes() map[string]IncidentID {
	homes := make(map[string]IncidentID)
	for _, num := range s.engine.symptoms.numbers() {
		if t := s.engine.symptoms.get(num); t.active() && t.counts() {
			homes[s.nameOf(t)] = t.incident
		}
	}
	return homes
}

// recoveries notes, before the effects of a step are read, which roots recovered in it.
func (s *stage) recoveries(b before, inputs []Input, effects []Effect) {
	homes, calm := s.activeHomes(), s.calm(b, inputs, effects)
	s.ledger.recovered = nil
	for name, m := range s.model.symptoms {
		was := b.homes[name] // none if it began and ended in this step
		if m.condition != conditionCleared || !m.ended.Equal(s.now) || s.model.ill(m.entity) {
			continue
		}
		r := recovery{s.now, m.entity}
		if !calm {
			s.ledger.recovered = append(s.ledger.recovered, r)
		}
		for id, a := range s.ledger.life {
			switch {
			case !a.open:
			case calm && (id != was || b.roots[id] != m.entity):
			case !calm || s.othersIll(id, b.homes, homes):
				a.orphans.may = append(a.orphans.may, r)
				a.orphans.sure = nil
				if calm {
					a.orphans.sure = &r
				}
			}
		}
	}
	for _, in := range inputs {
		if _, changed := in.(*Policy); changed {
			s.exempt(0)
		}
	}
	for k := range effects {
		switch effects[k].Decision {
		case Merge:
			s.exempt(effects[k].Other)
		case Split:
			s.exempt(effects[k].Incident) // what was reported may be in the other part
		}
	}
}

// exempt lets an incident, or all for 0, wait as long as it was told, since what that meant has changed.
func (s *stage) exempt(only IncidentID) {
	for id, a := range s.ledger.life {
		if only == 0 || id == only {
			a.orphans.exempt = true
		}
	}
}

// calm reports whether nothing in a step can have changed a root before something ended in it.
func (s *stage) calm(b before, inputs []Input, effects []Effect) bool {
	for _, in := range inputs {
		switch in.(type) {
		case *Alert, *Event, *Refresh, *Delivery:
		default:
			return false
		}
	}
	for k := range effects {
		switch effects[k].Decision {
		case Open, Reopen, Join, Merge, Split:
			return false
		}
	}
	for _, m := range s.model.symptoms {
		if m.since.Equal(s.now) {
			return false
		}
	}
	return b.fades == s.engine.fadeAt
}

// othersIll reports whether an incident had active symptoms all through a step.
func (s *stage) othersIll(id IncidentID, was, is map[string]IncidentID) bool {
	for name := range was {
		if m := s.model.symptoms[name]; m != nil && was[name] == id && is[name] == id && m.condition == conditionActive {
			return true
		}
	}
	return false
}

// ill reports whether an entity has an active symptom that counts.
func (m *dumbModel) ill(e topology.Entity) bool {
	for _, s := range m.symptoms {
		if s.entity == e && s.counts && s.condition == conditionActive {
			return true
		}
	}
	return false
}

// mayWait reports whether a deadline gives what a recovered root brought down the time that it is due: the settle time, and without
// a word about it the usual hold.
func (s *stage) mayWait(f *Effect) bool {
	a := s.ledger.life[f.Incident]
	return a != nil && slices.ContainsFunc(a.orphans.may, func(r recovery) bool {
		settled, held := r.at.Add(s.model.policy.Settle), r.at.Add(s.model.policy.Hold)
		return f.Until.Equal(settled) || f.Until.Equal(held) && !s.now.Before(settled) && (a.orphans.exempt || !s.fresh(f.Incident, r.at))
	})
}

// fresh reports whether an incident has an active symptom that was reported since then.
func (s *stage) fresh(id IncidentID, since time.Time) bool {
	for name, home := range s.activeHomes() {
		if m := s.model.symptoms[name]; m != nil && home == id && m.seen.After(since) {
			return true
		}
	}
	return false
}

// rash says whether a page comes too early for what a recovered root brought down to follow, or "".
func (s *stage) rash(f *Effect) string {
	a := s.ledger.life[f.Incident]
	if f.Decision != Escalate || strings.HasPrefix(f.Reason, "handed back: ") || a == nil || a.orphans.sure == nil {
		return ""
	}
	r := *a.orphans.sure
	switch {
	case s.model.ill(r.entity) || !f.At.Before(r.at.Add(s.model.policy.Hold)):
		return ""
	case f.At.Before(r.at.Add(s.model.policy.Settle)):
		return "its root " + string(r.entity) + " recovered only " + f.At.Sub(r.at).String() + " before"
	case !a.orphans.exempt && !s.fresh(f.Incident, r.at):
		return "its root " + string(r.entity) + " recovered " + f.At.Sub(r.at).String() + " before, and nobody reported the rest since"
	}
	return ""
}

// waits checks, at the end of a step, that an incident whose hold is over still has a recovered root to wait for.
func (s *stage) waits(id IncidentID, a *account) {
	if !a.open || a.state() != Held || !a.orphans.late || a.orphans.exempt || !a.heldUntil.After(s.now) {
		return
	}
	if !slices.ContainsFunc(a.orphans.may, func(r recovery) bool {
		back := slices.ContainsFunc(s.illIn(id), func(e topology.Entity) bool { return e == r.entity })
		return !back && (s.now.Before(r.at.Add(s.model.policy.Settle)) || s.now.Before(r.at.Add(s.model.policy.Hold)) && !s.fresh(id, r.at))
	}) {
		s.fail("orphans", "%s is held until %s for a root that recovered, which is ill again, or the rest was reported anew: %v", id, a.heldUntil.Sub(start), a.orphans.may)
	}
}

// illIn lists the entities with active symptoms in an incident.
func (s *stage) illIn(id IncidentID) []topology.Entity {
	var list []topology.Entity
	for name, home := range s.activeHomes() {
		if m := s.model.symptoms[name]; m != nil && home == id {
			list = append(list, m.entity)
		}
	}
	return list
}
