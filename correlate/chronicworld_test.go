package correlate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"quell/correlate/trend"
)

// strictness is what counts as chronic in a world: of those that judge the quality of roots and pages the default, of most others something
// that three hours can reach.
func strictness(seed uint64) ChronicRule {
	r := rand.New(rand.NewPCG(seed, 23))
	if seed <= fixedWorlds || r.IntN(4) == 0 {
		return ChronicRule{}
	}
	rule := ChronicRule{
		Budget:     time.Duration(2+r.IntN(12)) * time.Minute,
		Window:     time.Duration(1+r.IntN(4)) * time.Hour,
		Recoveries: 2 + r.IntN(6),
		Flaps:      trend.Marks{High: 1.5 + 2*r.Float64(), Low: 1, HalfLife: time.Duration(10+r.IntN(50)) * time.Minute},
		Action:     ChronicAction(1 + r.IntN(3)),
		OverBudget: ChronicAction(1 + r.IntN(3)),
		Why:        "strict",
	}
	return rule
}

// chronicLedger is what somebody knows of chronic trouble who gets what is told: when that was, by subject and kind.
type chronicLedger struct{ told map[string]time.Time }

func newChronicLedger() *chronicLedger { return &chronicLedger{told: make(map[string]time.Time)} }

// episodes notes after a step since when incidents are ill. An incident that is ill has been so since a symptom of it began while none
// other was active; the time in which quell was down does not count.
func (s *stage) episodes() {
	for _, id := range slices.Sorted(maps.Keys(s.engine.incidents)) {
		i := s.engine.incidents[id]
		switch {
		case i.state.Open() && (i.illSince != 0) != (i.active > 0):
			s.fail("episodes", "%s has %d active symptoms, and is ill since %v", id, i.active, fromNano(i.illSince))
		case !i.state.Open() && i.illSince != 0:
			s.fail("episodes", "%s is over, and ill since %v", id, fromNano(i.illSince))
		case i.calmAt != 0 && (i.active > 0 || i.settleAt < i.calmAt):
			s.fail("episodes", "%s is calm from %v on, settles at %v, and has %d active symptoms", id, fromNano(i.calmAt), fromNano(i.settleAt), i.active)
		}
	}
}

// budgets checks that nothing that is held has been ill for longer than its record allows. What else is counted for the same subject may
// have spent the rest of the budget just now: then it is told when its own share was to be.
func (s *stage) budgets() {
	subjects := make(map[string]int)
	for _, i := range s.engine.incidents {
		if i.state.Open() && len(i.symptoms) > 0 {
			subjects[s.engine.chronicCase(i).key]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.engine.incidents)) {
		i := s.engine.incidents[id]
		if i.state != Held || i.illSince == 0 || i.chronicDue != 0 && i.chronicDue <= s.engine.now {
			continue // it is looked at in the next step, which is due at once
		}
		if _, all := s.engine.pardoned(i); all {
			continue // whoever silenced it knows
		}
		c := s.engine.chronicCase(i)
		c.rule.Budget = max(c.rule.Budget, s.engine.allowance(i))
		hidden, _ := c.record.within(s.engine.now, c.rule.Window)
		if over := hidden + s.engine.now - i.illSince - int64(c.rule.Budget); over > 0 && subjects[c.key] == 1 && !s.engine.chronicTold(&c, OverBudget) {
			s.fail("budget", "%s is held until %v, and over its budget by %v: hidden %v, ill since %v (%s)",
				id, fromNano(i.heldUntil).Sub(start), time.Duration(over), time.Duration(hidden), fromNano(i.illSince).Sub(start), c.subject)
		}
	}
}

// chronically reports whether an effect ends a hold, or pages, since trouble is chronic, and checks that the incident says so: then no
// sign of healing counts.
func (s *stage) chronically(f *Effect) bool {
	i := s.engine.incidents[f.Incident]
	if i == nil || !strings.HasPrefix(i.holdReason, chronicHold) || f.Decision != Hold && f.Decision != Escalate {
		return false
	}
	if !slices.ContainsFunc(i.chronic, func(x Chronic) bool { return x.Action == ChronicPage }) && i.state != Merged {
		s.fail("chronic", "%s %s (%s), and nothing on it is chronic: %+v", f.Decision, f.Incident, f.Reason, i.chronic)
	}
	return true
}

// chronicTold checks that nothing is told twice within its window.
func (s *stage) chronicTold(f *Effect) {
	i := s.engine.incidents[f.Incident]
	if i == nil || f.Decision != Notice && f.Decision != Update && f.Decision != Hold || !strings.Contains(f.Reason, "chronic: ") || i.state == Merged {
		return
	}
	for _, x := range i.chronic {
		if !strings.HasSuffix(f.Reason, x.Reason) {
			continue
		}
		key := fmt.Sprint(x.Subject, " ", x.Kind)
		window := time.Duration(x.WindowSeconds * float64(time.Second))
		if last, told := s.chronic.told[key]; told && f.At.Before(last.Add(window)) && !strings.HasPrefix(f.Reason, chronicHold) {
			s.fail("chronic", "%s was told at %v, and again at %v: %s", key, last.Sub(start), f.At.Sub(start), f.Reason)
		}
		s.chronic.told[key] = f.At
	}
}

// restsAnew reports whether an incident was well for its settle time and stayed open since it flaps, so that what came back to it may take
// the time of an incident of its own.
func (s *stage) restsAnew(f *Effect) bool {
	a := s.ledger.life[f.Incident]
	return !a.quietSince.IsZero() && (a.rested || !s.now.Before(latest(a.quietFirst.Add(s.leastSettle), a.deaf))) && s.now.Sub(a.quietSince) <= s.restsFor()
}

// restsFor is how long something that flaps takes to come to rest at most.
func (s *stage) restsFor() time.Duration {
	rules, _ := s.compile(nil)
	rule, _ := rules.Chronic("")
	return 3*rule.withDefaults(0).Flaps.HalfLife + s.settle
}

// patienceFor is how long an incident may be open although it is well.
func (s *stage) patienceFor(i *incident) time.Duration {
	if i.calmAt != 0 {
		return s.restsFor()
	}
	return s.settle
}

// forgotten checks that after a day nothing is known but what is chronic, and that this is forgotten in time.
func (s *stage) forgotten() {
	s.runTo(s.now.Add(2 * ChronicWindowMax))
	if n := len(s.engine.incidents) + s.engine.symptoms.len(); n > 0 {
		s.fail("end", "%d incidents and %d symptoms are left", len(s.engine.incidents), s.engine.symptoms.len())
	}
	s.runTo(s.now.Add(time.Duration(chronicKept)))
	if n := len(s.engine.timers) + len(s.engine.chronic.of); n > 0 {
		s.fail("end", "%d timers and %d records are left", len(s.engine.timers), len(s.engine.chronic.of))
	}
}
