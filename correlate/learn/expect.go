package learn

import (
	"maps"
	"math"
	"slices"
)

// rated is a type on an entity with its faded count and how often it starts in a window.
type rated struct {
	typ         uint32
	count, rate float64
}

// expectations returns how often each candidate would have been seen if its cause came at a constant rate wherever it comes: for each
// start of the effect, the chance that one of the cause falls into the window before it.
func (l *Learner) expectations(candidates []*candidate) map[directedKey]float64 {
	want := make(map[directedKey]float64, len(candidates))
	for _, c := range candidates {
		want[c.directed()] = 0
	}
	sites := l.rates()
	l.expectNear(want, sites)
	for _, c := range candidates {
		if c.Scope == Between {
			cause, effect := sites[c.cause], sites[c.effect]
			if len(cause) > 0 && len(effect) > 0 && cause[0].typ == anyType && effect[0].typ == anyType {
				want[c.directed()] = effect[0].count * chance(cause[0].rate)
			}
		}
	}
	return want
}

// chance is that of at least one start in a window.
func chance(rate float64) float64 { return 1 - math.Exp(-rate) }

// rates lists what starts on each entity, by type.
func (l *Learner) rates() map[uint32][]rated {
	keys := l.siteKeys()
	from, to := make(map[uint32]int64), make(map[uint32]int64)
	for _, k := range keys {
		s := l.sites[k]
		if f, ok := from[k.ent]; !ok || s.first < f {
			from[k.ent] = s.first
		}
		to[k.ent] = max(to[k.ent], s.last)
	}
	sites := make(map[uint32][]rated)
	for _, k := range keys {
		s := l.sites[k]
		sites[k.ent] = append(sites[k.ent], rated{k.typ, s.count * l.fade.factor(l.now-s.last), l.rate(s, from[k.ent], to[k.ent])})
	}
	return sites
}

// expectNear adds up what types on one entity, on neighbours and in one namespace give by chance.
func (l *Learner) expectNear(want map[directedKey]float64, sites map[uint32][]rated) {
	ents := slices.Sorted(maps.Keys(sites))
	neighbours := make(map[uint32][]uint32)
	spaces := make(map[uint32]map[uint32]float64)
	for _, ent := range ents {
		near := l.near(ent)
		for _, other := range near {
			neighbours[ent] = append(neighbours[ent], other)
			neighbours[other] = append(neighbours[other], ent)
		}
		if ns := l.space(ent); len(near) == 0 && ns != 0 {
			addRates(spaces, ns, sites[ent])
		}
	}
	for _, ent := range ents {
		around := make(map[uint32]map[uint32]float64)
		slices.Sort(neighbours[ent])
		for _, other := range slices.Compact(neighbours[ent]) {
			addRates(around, 0, sites[other])
		}
		var space map[uint32]float64
		if len(l.near(ent)) == 0 {
			space = spaces[l.space(ent)]
		}
		own := make(map[uint32]float64)
		for _, r := range sites[ent] {
			own[r.typ] = r.rate
		}
		for _, b := range sites[ent] {
			expectAll(want, Same, b, own, nil)
			expectAll(want, Near, b, around[0], nil)
			expectAll(want, Namespace, b, space, own)
		}
	}
}

func addRates(to map[uint32]map[uint32]float64, key uint32, sites []rated) {
	if to[key] == nil {
		to[key] = make(map[uint32]float64)
	}
	for _, r := range sites {
		to[key][r.typ] += r.rate
	}
}

// expectAll adds what one effect gives with each cause at the rates given, less those of the entity itself.
func expectAll(want map[directedKey]float64, scope Scope, effect rated, causes, less map[uint32]float64) {
	for typ, rate := range causes {
		k := directedKey{scope, typ, effect.typ}
		if v, ok := want[k]; ok {
			want[k] = v + effect.count*chance(max(rate-less[typ], 0))
		}
	}
}
