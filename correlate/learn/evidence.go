package learn

import (
	"cmp"
	"math"
	"slices"
	"time"

	"quell/correlate/topology"
)

// falseShare is the share of proposals that may be owed to chance: one in twenty, the convention where people look at each of them.
const falseShare = 0.05

// learnedWeight is the weight of a proposal that explains all of its effect. Learned evidence carries over badly from one system and
// one year to the next, so it tips the scales where nothing better is known, and never outweighs a declared dependency.
const learnedWeight = 0.5

// Thresholds say what is worth a person's time. A proposal must also withstand chance, which is not up to the caller.
type Thresholds struct {
	// Episodes is how often the cause must have come before the effect, where a storm is one time; less is an anecdote.
	Episodes float64
	// Lift is how many times more often than by chance that must be. Chance means that both happen at constant rates, which real
	// systems do not keep: busy hours alone make twice or three times as often.
	Lift float64
	// Precedence is the share of episodes in which the cause must have come first. Half is no direction at all.
	Precedence float64
	// Days is on how many days it must have been seen: what happened on one day may be one story.
	Days int
}

// DefaultThresholds returns what the fields' comments argue for.
func DefaultThresholds() Thresholds {
	return Thresholds{Episodes: 10, Lift: 5, Precedence: 0.6, Days: 2}
}

// Proposal is one dependency that history supports.
type Proposal struct {
	Scope Scope
	// Cause and Effect are types of symptoms, or entities where the scope is Between.
	Cause, Effect string
	// Seen is how often the effect started within a window after the cause; what began at one instant counts half.
	Seen float64
	// Episodes is the same with a storm as one time.
	Episodes float64
	// Expected is how often Seen would have been so by chance, Lift the ratio of the two.
	Expected, Lift float64
	// Precedence is the share of episodes, in either direction, that the cause began.
	Precedence float64
	// Explained is the share of all starts of the effect that had the cause before them more often than by chance.
	Explained float64
	// Weight is what the proposal should count for, from 0 to 0.5.
	Weight float64
	// Days and Entities say how widely it was seen. Entities is 0 where the scope is Between, and stops at 256.
	Days, Entities int
	// LogChance is the natural logarithm of a bound on the chance that so many episodes come about by themselves.
	LogChance float64
}

// candidate is a pair in one direction, on its way to become a proposal.
type candidate struct {
	Proposal
	key           pairKey
	cause, effect uint32
	reverse       float64 // episodes of the other direction
}

// Proposals returns what history supports, the strongest evidence first. The learner may go on afterwards.
func (l *Learner) Proposals(th Thresholds) []Proposal {
	l.countBatch()
	candidates := l.candidates(th)
	expected := l.expectations(candidates)
	totals := l.totals()
	byFamily := make(map[bool][]*candidate)
	for _, c := range candidates {
		l.judge(c, expected[c.directed()], totals)
		byFamily[c.Scope == Between] = append(byFamily[c.Scope == Between], c)
	}
	var out []Proposal
	for between, family := range byFamily {
		beyond := withstand(family, func(c *candidate) float64 { return c.LogChance }, l.tests(between))
		beyond = slices.DeleteFunc(beyond, func(c *candidate) bool { return c.Lift < th.Lift })
		// Both directions of what withstood are looked at, and only the one that leads can be told from a coin.
		order := func(c *candidate) float64 { return coinTail(c.Episodes, c.Episodes+c.reverse) }
		for _, c := range withstand(beyond, order, 2*float64(len(beyond))) {
			if c.Precedence >= th.Precedence && !(between && l.linked(c)) {
				out = append(out, c.Proposal)
			}
		}
	}
	slices.SortFunc(out, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(a.LogChance, b.LogChance), cmp.Compare(a.Scope, b.Scope),
			cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Effect, b.Effect))
	})
	return out
}

// directedKey is a pair in one direction.
type directedKey struct {
	scope         Scope
	cause, effect uint32
}

func (c *candidate) directed() directedKey { return directedKey{c.Scope, c.cause, c.effect} }

// tests is how many pairs could have been found, whether they were seen or not.
func (l *Learner) tests(between bool) float64 {
	scopes := make(map[Scope]bool)
	for k := range l.pairs {
		scopes[k.scope] = true
	}
	delete(scopes, Between)
	things := float64(len(l.types.list) - 1)
	times := float64(max(len(scopes), 1))
	if between {
		things, times = 0, 1
		for k := range l.sites {
			if k.typ == anyType {
				things++
			}
		}
	}
	return max(things*(things-1)*times, 1)
}

// candidates lists the pairs, in one direction each, that were seen often enough, in an order that depends on history only.
func (l *Learner) candidates(th Thresholds) []*candidate {
	var list []*candidate
	for k, p := range l.pairs {
		p.fadeTo(l.fade, l.now)
		for dir, d := range p.dir {
			if d.episodes < th.Episodes || int(d.days) < th.Days {
				continue
			}
			c := &candidate{key: k, cause: k.lo, effect: k.hi, reverse: p.dir[1-dir].episodes}
			if dir == 1 {
				c.cause, c.effect = k.hi, k.lo
			}
			words := &l.types
			if k.scope == Between {
				words = &l.entities
			}
			c.Proposal = Proposal{
				Scope: k.scope, Cause: words.list[c.cause], Effect: words.list[c.effect], Seen: d.seen, Episodes: d.episodes,
				Days: int(d.days), Entities: len(d.entities),
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.cause, b.cause), cmp.Compare(a.effect, b.effect))
	})
	return list
}

// judge compares a candidate with chance.
func (l *Learner) judge(c *candidate, expected float64, totals map[directedKey]float64) {
	windows := max(l.span()/float64(l.window), 1)
	// A cause that was never near the effect by the graph of today was near it once: as if it had come once near each.
	c.Expected = max(expected, c.Seen*(1-math.Exp(-1/windows)))
	c.Lift = c.Seen / c.Expected
	c.Precedence = c.Episodes / (c.Episodes + c.reverse)
	// Of so many windows a share has at least one meeting by chance.
	c.LogChance = poissonTail(c.Episodes, windows*(1-math.Exp(-c.Expected/windows)))
	effect := directedKey{effect: c.effect}
	if c.Scope == Between {
		effect.scope = Between
	}
	c.Explained = min(max((c.Seen-c.Expected)/totals[effect], 0), 1)
	c.Weight = learnedWeight * c.Explained
	if c.Scope == Namespace {
		c.Weight /= 2 // sharing a namespace is not being near
	}
}

// totals counts the starts of each type, and of each entity under scope Between.
func (l *Learner) totals() map[directedKey]float64 {
	totals := make(map[directedKey]float64)
	for _, k := range l.siteKeys() {
		key := directedKey{effect: k.typ}
		if k.typ == anyType {
			key = directedKey{scope: Between, effect: k.ent}
		}
		s := l.sites[k]
		totals[key] += s.count * l.fade.factor(l.now-s.last)
	}
	return totals
}

// span is the time that was looked at, faded.
func (l *Learner) span() float64 { return l.fade.worth(l.first, l.now, l.now) }

// siteKeys lists the sites in order: sums of fractions depend on it.
func (l *Learner) siteKeys() []siteKey {
	keys := make([]siteKey, 0, len(l.sites))
	for k := range l.sites {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b siteKey) int { return cmp.Or(cmp.Compare(a.ent, b.ent), cmp.Compare(a.typ, b.typ)) })
	return keys
}

// linked reports whether the graph explains already that two entities fall ill together: a path of dependencies leads from one to the
// other within a few steps, or they share a dependency.
func (l *Learner) linked(c *candidate) bool {
	a, known := l.graph.Find(topology.Entity(c.Cause))
	b, known2 := l.graph.Find(topology.Entity(c.Effect))
	return known && known2 && (l.leads(a, b) || l.leads(b, a) || l.siblings(a, b))
}

// siblings reports whether two entities share a dependency that says something: no namespace or zone, and no hub that all depend on.
func (l *Learner) siblings(a, b topology.Node) bool {
	const hub, weak = 128, 0.5 // a node runs 110 pods by default
	shared := make(map[topology.Node]bool)
	for _, arc := range l.graph.Dependencies(a) {
		dependents, _ := l.graph.Dependents(arc.Node)
		shared[arc.Node] = shared[arc.Node] || dependents <= hub && l.graph.Traits(arc.Type).Weight >= weak
	}
	return slices.ContainsFunc(l.graph.Dependencies(b), func(arc topology.Arc) bool { return shared[arc.Node] })
}

// leads walks from one entity towards what it depends on, what owns it and what it owns.
func (l *Learner) leads(from, to topology.Node) bool {
	const steps, nodes = 4, 1000
	seen, level := map[topology.Node]bool{from: true}, []topology.Node{from}
	for range steps {
		var next []topology.Node
		for _, n := range level {
			for _, arcs := range [...][]topology.Arc{l.graph.Dependencies(n), l.graph.Owners(n), l.graph.Parts(n)} {
				for _, a := range arcs {
					if a.Node == to {
						return true
					}
					if !seen[a.Node] && len(seen) < nodes {
						seen[a.Node] = true
						next = append(next, a.Node)
					}
				}
			}
		}
		level = next
	}
	return false
}

// minExposure is the least time for which an entity counts as watched: pods come and go, and one that lived for
// a minute was not quiet for a month.
const minExposure = int64(24 * time.Hour)

// rate is how often a site starts in a window, while its entity is watched.
func (l *Learner) rate(s *site, from, to int64) float64 {
	to = min(max(to, from+minExposure), l.now)
	from = max(min(from, to-minExposure), l.first)
	worth := l.fade.worth(from, to, l.now)
	if worth <= 0 {
		return 0
	}
	return s.count * l.fade.factor(l.now-s.last) * float64(l.window) / worth
}
