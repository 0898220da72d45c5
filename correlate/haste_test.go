package correlate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quell/correlate/topology"
)

// What must not wait is in some worlds only, and drawn from a source of its own, so that other worlds stay as they were. It is in none of
// the fixed worlds: pages that come at once, by rules that nobody needs, would spoil the figures of how good pages are.

// hurry says what must not wait in a world.
func (w *world) hurry() {
	r := rand.New(rand.NewPCG(w.seed, 23))
	if w.seed <= fixedWorlds {
		return
	}
	if r.IntN(6) == 0 {
		w.policy.NotFor = SeverityCritical
	}
	if r.IntN(4) == 0 {
		w.policy.BlastRadius = 1 + r.IntN(12)
	}
	w.policy.HoldThreshold = []float64{-1, 0.2, 0.5, 0.7, 0.9}[r.IntN(5)]
	w.policy.HoldCases = 1 + r.IntN(6)
	w.policy.HoldMax = time.Duration(5+r.IntN(30)) * time.Minute
	switch r.IntN(6) {
	case 0:
		w.vital = pick(r, w.services).entity
	case 1:
		w.vital = pick(r, w.pods).entity
	}
}

// Critical is the one entity that a world names.
func (r worldRules) Critical(e topology.Entity, _ Labels) (CriticalRule, bool) {
	return CriticalRule{Why: "rule vital", Rule: testRule("critical", "vital")}, e == r.vital && e != ""
}

func (r worldRules) HasCritical() bool { return r.vital != "" }

// TestSimulatedWorldsHurry makes sure that the simulation has what it is there for: a world each in which the reasons not to wait end holds.
func TestSimulatedWorldsHurry(t *testing.T) {
	seen := make(map[string]bool)
	for seed := uint64(fixedWorlds + 1); seed < fixedWorlds+40; seed++ {
		w := newWorld(seed)
		seen["severity"] = seen["severity"] || w.policy.NotFor != SeverityUnset
		seen["blast radius"] = seen["blast radius"] || w.policy.BlastRadius > 0
		seen["critical"] = seen["critical"] || w.vital != ""
	}
	if len(seen) != 3 || !seen["severity"] || !seen["blast radius"] || !seen["critical"] {
		t.Errorf("got %v", seen)
	}
}

// pressing says why an incident is not to be held for reasons that are not about one symptom of it; empty if there are none.
func (s *stage) pressing(i *incident) string {
	limit := s.model.policy.BlastRadius
	ill := make(map[topology.Entity]bool)
	for _, e := range s.illIn(i.id) {
		ill[e] = true
	}
	switch {
	case s.ledger.life[i.id].relapsed:
		return "somebody had taken it on"
	case limit > 0 && len(ill) > limit:
		return fmt.Sprintf("%d entities are ill", len(ill))
	}
	return ""
}

// staked says why an incident may not have been held for what depends on its root; empty if there is no such reason. It does not ask
// whether the root shows something bad.
func (s *stage) staked(i *incident) string {
	limit, at := s.model.policy.BlastRadius, s.stake(i.root)
	if limit > 0 && len(at) > limit {
		return fmt.Sprintf("%d entities depend on it", len(at))
	}
	for n := range at {
		if rule, ok := s.engine.rules.Critical(s.engine.graph.Entity(n), ""); ok {
			return rule.Why
		}
	}
	return ""
}

// stake finds what surely depends on n by improving the chances of all entities until none improves (Bellman and Ford).
func (s *stage) stake(n topology.Node) map[topology.Node]float64 {
	g := s.engine.graph
	at := map[topology.Node]float64{n: 1}
	for improved := true; improved; {
		improved = false
		for m := range g.Nodes() {
			for _, arcs := range [...][]topology.Arc{g.Dependencies(m), g.Parts(m)} {
				for _, a := range arcs {
					t := g.Traits(a.Type)
					w := at[a.Node] * t.Weight * t.Shows(1, g.Alternatives(m, a.Type))
					if a.Node != n && !t.Owns {
						w *= throughOne
					}
					if w >= stakeWeight-1e-6 && w > at[m] {
						at[m], improved = w, true
					}
				}
			}
		}
	}
	delete(at, n)
	return at
}

// heldBeyond checks a deadline that was set by what is known of trouble like it: never beyond the longest hold, not for what must not wait,
// not where the policy wants fixed holds, not of too few cases, and with its numbers. It does not say whether these are right: tests of
// the model do.
func (s *stage) heldBeyond(f *Effect) string {
	a, i := s.ledger.life[f.Incident], s.engine.incidents[f.Incident]
	longer := strings.HasPrefix(f.Reason, "held longer: ")
	if f.Decision != Hold || i == nil || !longer && !strings.HasPrefix(f.Reason, "held: ") && !strings.HasPrefix(f.Reason, "held no longer: ") {
		return ""
	}
	p, from := s.model.policy, f.At
	if a != nil && !a.heldFrom.After(f.At) && a.open {
		from = a.heldFrom
	}
	if s.restsAnew(f) {
		from = f.At
	}
	switch o := i.outlook; {
	case p.HoldThreshold <= 0:
		return "holds are fixed"
	case i.state == Merged || o == nil || !o.At.Equal(s.now):
		return "" // another one took it over, or followed in the same step
	case f.Until.After(from.Add(max(p.HoldMax, p.Hold, time.Minute))):
		return fmt.Sprintf("it began at %v, and may be held for %s", from.Sub(start), p.HoldMax)
	case o.Cases < float64(p.HoldCases) || o.Class == "" || o.Rule == "" || o.Heals < 0 || o.Heals > 1 || o.InBudget < 0 || o.InBudget > 1:
		return fmt.Sprintf("by %+v", *o)
	case longer && s.impatient(i, s.near(i)) != "":
		return "nothing is to be hoped for: " + display(s.impatient(i, s.near(i)))
	}
	return ""
}
