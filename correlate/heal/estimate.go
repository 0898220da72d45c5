package heal

import (
	"slices"
	"time"
)

// priorHazard is the chance to heal within a bin of which nothing at all is known. Since bins widen with age, it says that what has
// lasted for long will last for long: one in five heals before its age doubles.
const priorHazard = 0.05

// Estimate is what a model knows of a path at one moment: the share of incidents that are not healed yet, by age. Its levels read the
// model's own counts: it is good until the model changes. The zero value is only there for [Model.EstimateKnown].
type Estimate struct {
	// alive is the share not healed at the start of each bin, and at Horizon.
	alive  [binCount + 1]float64
	levels []Level
}

// Level is one class that an estimate rests on.
type Level struct {
	// Class names it, for people.
	Class string
	// Cases is how many cases the class has seen, decayed: of the ages that most of them reached.
	Cases float64
	like  bool
	of    *table  // nil if the model has not seen it
	unit  float64 // what a case counts by now in the table
}

// atRisk is how many cases were still ill at the start of a bin, healed how many healed within it.
func (l *Level) atRisk(b int) float64 { return float64(float64(l.of.risk[b]) * l.unit) }
func (l *Level) healed(b int) float64 { return float64(float64(l.of.healed[b]) * l.unit) }

// Estimate returns what the model knows of a path. It does not change what the model knows, and costs bins times levels.
func (m *Model) Estimate(now time.Time, p Path) *Estimate {
	e := new(Estimate)
	m.estimate(e, now, m.ladder(p))
	return e
}

// EstimateKnown makes e what the model knows of a path, without the classes from the first one on that it has not seen, which add nothing
// to an estimate. It uses the memory of e again, so that asking costs no garbage.
func (m *Model) EstimateKnown(e *Estimate, now time.Time, p Path) {
	rungs := m.ladder(p)
	depth := 0
	for depth < len(rungs) && m.tableOf(&rungs[depth]) != nil {
		depth++
	}
	m.estimate(e, now, rungs[:depth])
}

// estimate makes e what the model knows of some classes, each within the one before it.
func (m *Model) estimate(e *Estimate, now time.Time, rungs ladder) {
	at := now.UnixNano() / tick
	var hazard [binCount]float64
	for b := range hazard {
		hazard[b] = priorHazard
	}
	e.levels = slices.Grow(e.levels[:0], len(rungs))[:len(rungs)]
	for k := range rungs {
		l := &e.levels[k]
		*l = Level{Class: rungs[k].name, like: rungs[k].like, of: m.tableOf(&rungs[k])}
		if t := l.of; t != nil {
			l.unit = m.decay.over(max(at-t.at, 0)).ratio() / countUnit
			l.Cases = float64(t.peak()) * l.unit
			shrink(&hazard, l, m.tuning.Pseudo)
		}
	}
	e.alive[0] = 1
	for b, h := range hazard {
		e.alive[b+1] = e.alive[b] * (1 - h)
	}
}

// shrink moves the hazards of the class above towards what a level has seen. Products are rounded on their own, since some machines
// would fuse them with the sum and decide otherwise than the rest.
func shrink(hazard *[binCount]float64, l *Level, pseudo float64) {
	for b := range l.of.risk {
		above := float64(pseudo * hazard[b])
		hazard[b] = min((l.healed(b)+above)/(l.atRisk(b)+pseudo), 1)
	}
}

// Levels lists the classes that the estimate rests on, from general to specific. Those that the model does not know have no cases.
func (e *Estimate) Levels() []Level { return e.levels }

// Carrier is the most specific class of which at least so many cases, decayed, were still ill at an age. Everything, and all of one
// kind, carry nothing: they say how trouble heals in general, and not how this does. ok is false if there is none: then the estimate
// is a guess, and a rule's fixed hold is better, also because only what is held shows how it heals.
func (e *Estimate) Carrier(age time.Duration, least float64) (carrier Level, ok bool) {
	for _, l := range e.levels {
		if n := l.At(age); l.like && n >= least && n > 0 {
			carrier, ok = l, true
		}
	}
	return carrier, ok
}

// At is how many cases of the class, decayed, were still ill at an age.
func (l Level) At(age time.Duration) float64 {
	b := binOf(min(max(age, 0), Horizon-1))
	if l.of == nil || b >= len(l.of.risk) {
		return 0
	}
	return l.atRisk(b)
}

// Survival is the share that is not healed at an age, from 0 to 1. Within a bin it falls evenly.
func (e *Estimate) Survival(age time.Duration) float64 {
	if age <= 0 {
		return 1
	}
	if age >= Horizon {
		return e.alive[binCount]
	}
	b := binOf(age)
	start, end := binStart(b), binStart(b+1)
	share := float64(age-start) / float64(end-start)
	return e.alive[b] - float64((e.alive[b]-e.alive[b+1])*share)
}

// Heals is the chance, from 0 to 1, that what is not healed at an age heals within so much more.
func (e *Estimate) Heals(age, within time.Duration) float64 {
	now := e.Survival(age)
	if now <= 0 {
		return 1
	}
	return 1 - e.Survival(age+max(within, 0))/now
}

// Quantile is how much longer it takes until a share, from 0 to 1, of what is not healed at an age has healed. ok is false if that
// is beyond what the model knows.
func (e *Estimate) Quantile(age time.Duration, share float64) (more time.Duration, ok bool) {
	target := e.Survival(age) * (1 - share)
	if age >= Horizon || e.alive[binCount] > target {
		return 0, false
	}
	age = max(age, 0)
	for b := binOf(age); b < binCount; b++ {
		if e.alive[b+1] > target {
			continue
		}
		start, end := binStart(b), binStart(b+1)
		fall := e.alive[b] - e.alive[b+1]
		if fall <= 0 {
			return max(start-age, 0), true
		}
		at := start + time.Duration(float64(end-start)*((e.alive[b]-target)/fall))
		return max(at-age, 0), true
	}
	return 0, false
}
