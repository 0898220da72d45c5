package learn

import (
	"math"
	"slices"
	"time"
)

// pairKey is two types or two entities, the smaller number first.
type pairKey struct {
	scope  Scope
	lo, hi uint32
}

// pair is how often two things met, in either direction: index 0 is lo as the cause of hi. Counts are faded to at.
type pair struct {
	dir       [2]direction
	at        int64
	episodeAt int64 // when the last episode began
}

// direction is one of two things as the cause, the other as the effect. A meeting at one instant counts half for each direction.
type direction struct {
	// seen counts starts of the effect that had the cause before them.
	seen float64
	// episodes counts stretches of one window in which that happened: a storm on a hundred pods is one. Observations in
	// one episode depend on each other, so tests count episodes.
	episodes float64
	// days counts days with an observation, entities holds those of effects, at most maxSupport.
	days, lastDay int32
	entities      []uint32
}

// meeting is one start of an effect that had a cause; forward if the cause has the smaller number.
type meeting struct {
	effect          start
	forward, before bool
}

// fading makes old observations count less: half at each half-life. Zero does not.
type fading struct{ halfLife float64 }

// factor is what a count is worth after a time.
func (f fading) factor(passed int64) float64 {
	if f.halfLife <= 0 || passed <= 0 {
		return 1
	}
	return math.Exp2(-float64(passed) / f.halfLife)
}

// worth is the time between two instants as seen from a later one: each moment weighs what an observation in it would.
func (f fading) worth(from, to, now int64) float64 {
	if f.halfLife <= 0 {
		return float64(to - from)
	}
	return (f.factor(now-to) - f.factor(now-from)) * f.halfLife / math.Ln2
}

func (l *Learner) pairOf(scope Scope, a, b uint32) *pair {
	k := pairKey{scope, min(a, b), max(a, b)}
	p := l.pairs[k]
	if p == nil {
		if len(l.pairs) >= maxPairs {
			l.prune()
		}
		p = &pair{episodeAt: math.MinInt64 / 2}
		l.pairs[k] = p
	}
	return p
}

// prune makes room by dropping the pairs that were seen least, until half of the room is free. A pair that is worth proposing comes
// back often enough; what it loses makes its evidence weaker.
func (l *Learner) prune() {
	for least := 1.0; len(l.pairs) > maxPairs/2; least *= 2 {
		for k, p := range l.pairs {
			if p.dir[0].seen+p.dir[1].seen <= least {
				delete(l.pairs, k)
				l.stats.PrunedPairs++
			}
		}
	}
}

// count adds a meeting. An episode belongs to whoever was first in it.
func (p *pair) count(l *Learner, m meeting) {
	t := m.effect.at
	p.fadeTo(l.fade, t)
	d, reverse, share := &p.dir[0], &p.dir[1], 1.0
	if !m.forward {
		d, reverse = reverse, d
	}
	if !m.before {
		share = 0.5
	}
	if t-p.episodeAt >= l.window {
		p.episodeAt = t
		d.episodes += share
		reverse.episodes += 1 - share
	}
	d.seen += share
	if day := int32(time.Duration(t)/(24*time.Hour)) + 1; day != d.lastDay {
		d.days++
		d.lastDay = day
	}
	if len(d.entities) < maxSupport && m.effect.typ != anyType && !slices.Contains(d.entities, m.effect.ent) {
		d.entities = append(d.entities, m.effect.ent)
	}
}

func (p *pair) fadeTo(f fading, t int64) {
	if w := f.factor(t - p.at); w != 1 && p.at != 0 {
		for k := range p.dir {
			p.dir[k].seen *= w
			p.dir[k].episodes *= w
		}
	}
	p.at = t
}
