package trend

import "time"

// Penalty is the figure of merit of route flap damping (C. Villamizar et al., RFC 2439): each flap adds 1, and it is halved with each
// half-life. It is over from when it reaches a high mark until it has fallen to a low one. The zero value has seen no flap.
type Penalty struct {
	// Milli is the penalty in thousandths as of At: an integer, so that every machine decays it alike.
	Milli int64 `json:"milli"`
	// At is when it flapped last, in Unix nanoseconds.
	At int64 `json:"at"`
	// Over is true if it reached the high mark with or before the last flap, and had not fallen to the low one by then.
	Over bool `json:"over,omitempty"`
}

// Marks say when a penalty is over. A caller keeps 0 < Low < High ≤ [MaxPenalty] and 0 < HalfLife ≤ 24h.
type Marks struct {
	High, Low float64
	HalfLife  time.Duration
}

const (
	// MaxPenalty bounds the high mark.
	MaxPenalty = 50
	// rests is how many half-lives it takes at most from the last flap to the low mark, as RFC 2439 bounds how long a route is suppressed. A
	// high mark above low × 2^rests counts as that.
	rests = 3
	milli = 1000
)

// Ceiling is the highest value that a penalty may have: what rests for three half-lives falls to the low mark, whatever was before.
func (m Marks) Ceiling() float64 { return m.Low * (1 << rests) }

func (m Marks) low() int64     { return int64(m.Low * milli) }
func (m Marks) ceiling() int64 { return m.low() << rests }

// Flapped is the penalty after one more flap.
func (p Penalty) Flapped(now int64, m Marks) Penalty {
	left := p.decayed(now, m)
	over := p.Over && left > m.low()
	left = min(left+milli, m.ceiling())
	return Penalty{Milli: left, At: now, Over: over || left >= min(int64(m.High*milli), m.ceiling())}
}

// Value is the penalty at a time that is not before the last flap.
func (p Penalty) Value(now int64, m Marks) float64 { return float64(p.decayed(now, m)) / milli }

// Rests is when a penalty that is over has fallen to the low mark if nothing more happens, in Unix nanoseconds; zero if it is not over.
func (p Penalty) Rests(m Marks) int64 {
	if !p.Over {
		return 0
	}
	at, left := p.At, p.Milli
	for left/2 > m.low() {
		at, left = at+int64(m.HalfLife), left/2
	}
	if left > m.low() {
		// The first instant at which linear decay has taken the rest.
		at += ((left-m.low())*int64(m.HalfLife) + left/2 - 1) / (left / 2)
	}
	return at
}

// decayed halves the penalty for each half-life, and is linear in between.
func (p Penalty) decayed(now int64, m Marks) int64 {
	age := max(now-p.At, 0)
	halvings := age / int64(m.HalfLife)
	if halvings >= 40 {
		return 0
	}
	left := p.Milli >> halvings
	return left - left/2*(age%int64(m.HalfLife))/int64(m.HalfLife)
}
