package heal

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// seenSpell is a spell as a reference keeps it: forever, with when it was told.
type seenSpell struct {
	Spell
	at time.Time
}

// kaplanMeier is the reference: the weighted product-limit estimate over a list of all spells, one factor for each distinct time of healing.
// It returns the share not healed before an age.
func kaplanMeier(all []seenSpell, now time.Time, halfLife, age time.Duration) float64 {
	weight := func(s seenSpell) float64 {
		ticks := now.UnixNano()/tick - s.at.UnixNano()/tick
		return math.Exp2(-float64(ticks*tick) / float64(halfLife))
	}
	var times []time.Duration
	for _, s := range all {
		if s.Healed && s.To < age {
			times = append(times, s.To)
		}
	}
	slices.Sort(times)
	alive := 1.0
	for _, at := range slices.Compact(times) {
		var risk, healed float64
		for _, s := range all {
			if s.From <= at && (s.To > at || s.Healed && s.To == at) {
				risk += weight(s)
			}
			if s.Healed && s.To == at {
				healed += weight(s)
			}
		}
		alive *= 1 - healed/risk
	}
	return alive
}

// rounded moves the moments at which spells are lost sight of to an edge of their bin.
func rounded(all []seenSpell, later bool) []seenSpell {
	moved := slices.Clone(all)
	for k := range moved {
		s := &moved[k]
		if s.Healed {
			continue
		}
		b := binOf(s.To)
		if later && s.To > binStart(b) {
			b++
		}
		s.To = binStart(b)
	}
	return moved
}

// The life table equals Kaplan and Meier's estimate at the edges of bins if nothing is lost sight of within one. If something
// is, it lies between that with those moments at the beginning of their bins and at the end.
func TestEstimateAgreesWithKaplanMeier(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		onEdges := seed%2 == 0
		m := plain()
		var all []seenSpell
		now := began
		for range 20 + rng.IntN(200) {
			now = now.Add(time.Duration(rng.IntN(int(20 * time.Hour))))
			s := Spell{To: anyAge(rng), Healed: rng.IntN(3) > 0}
			if onEdges && !s.Healed {
				s.To = binStart(binOf(s.To))
			}
			m.Observe(now, Path{Alert: "A"}, s)
			all = append(all, seenSpell{s, now})
		}
		e := m.Estimate(now, Path{Alert: "A"})
		early, late := rounded(all, false), rounded(all, true)
		for b := range binCount {
			if e.levels[0].At(binStart(b)) == 0 {
				break // nobody was seen to get so old: what follows is borrowed
			}
			age := binStart(b + 1)
			got := e.Survival(age)
			low := kaplanMeier(early, now, m.tuning.HalfLife, age)
			high := kaplanMeier(late, now, m.tuning.HalfLife, age)
			if onEdges && !near(low, high, 1e-9) {
				t.Fatalf("seed %d: the reference contradicts itself at %s: %v, %v", seed, age, low, high)
			}
			if got < low-1e-4 || got > high+1e-4 {
				t.Errorf("seed %d: %v are not healed at %s, want %v to %v", seed, got, age, low, high)
			}
		}
	}
}

// However a life is cut into spells, the table is the same but for rounding.
func TestStretchesAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	whole, cut := &table{}, &table{}
	for range 300 {
		s := Spell{To: anyAge(rng), Healed: rng.IntN(2) == 0}
		whole.add(s)
		at := []time.Duration{0, 0, s.To}
		for k := 1; k < rng.IntN(5); k++ {
			at = append(at, time.Duration(rng.Int64N(int64(s.To/time.Millisecond)+1))*time.Millisecond)
		}
		slices.Sort(at)
		for k := 1; k < len(at); k++ {
			cut.add(Spell{From: at[k-1], To: at[k], Healed: s.Healed && k == len(at)-1})
		}
	}
	for b := range whole.risk {
		if whole.healed[b] != cut.healed[b] {
			t.Errorf("bin %d: %d healed whole, %d cut", b, whole.healed[b], cut.healed[b])
		}
		if diff := whole.risk[b] - cut.risk[b]; diff < 0 || diff > 2000 {
			t.Errorf("bin %d: at risk %d whole, %d cut", b, whole.risk[b], cut.risk[b])
		}
	}
}

// What is never told to have ended is known to last, if its spells are told as it goes on.
func TestOpenTroubleIsKnownBeforeItEnds(t *testing.T) {
	m := NewModel(DefaultTuning())
	p := Path{Alert: "NeverHeals"}
	for range 20 {
		m.Observe(began, p, lasted(time.Hour))
	}
	e := m.Estimate(began, p)
	if got := e.Heals(0, time.Hour); got > 0.1 {
		t.Errorf("heals within an hour with %v although none of 20 did", got)
	}
	v := e.Until(0, Bet{Budget: time.Hour, Threshold: 0.5})
	if v.Until > 10*time.Second {
		t.Errorf("waits %s for what never heals", v.Until)
	}
}

// What a spell adds is what a walk over all bins finds that it passed: the reference, which knows no first and last one.
func TestSharesAreThoseOfEachBinPassed(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 5000 {
		s := Spell{To: anyAge(rng), Healed: rng.IntN(2) == 0}
		if rng.IntN(3) > 0 {
			s.From = anyAge(rng)
		}
		if rng.IntN(20) == 0 {
			s.From, s.To = s.From-time.Minute, s.To+Horizon
		}
		got := &table{}
		got.add(s)
		from, to := min(max(s.From, 0), Horizon), min(s.To, Horizon)
		for b := range got.risk {
			start, end := binStart(b), binStart(b+1)
			stop := end
			if to < end && !(s.Healed && to >= start) {
				stop = to
			}
			want := int64(max(stop-max(start, from), 0)) / int64(time.Millisecond) * countUnit / (int64(end-start) / int64(time.Millisecond))
			if got.risk[b] != want {
				t.Fatalf("%+v: bin %d from %s to %s has %d at risk, want %d", s, b, start, end, got.risk[b], want)
			}
		}
		if to < from && len(got.risk) > 0 || to >= from && len(got.risk) != binOf(min(to, Horizon-1))+1 {
			t.Fatalf("%+v reaches %d bins", s, len(got.risk))
		}
	}
}

// A model that keeps the ladders of its paths is the one that looks everything up each time, also while it forgets classes and ladders.
func TestLaddersAreWhatALookFinds(t *testing.T) {
	tuning := DefaultTuning()
	tuning.MaxClasses = 48
	m, fresh := NewModel(tuning), NewModel(tuning)
	rng := rand.New(rand.NewPCG(11, 11))
	now := began
	var reused Estimate
	for k := range 6000 {
		now = now.Add(time.Duration(rng.IntN(int(time.Hour))))
		p := Path{Kind: "pod", Alert: "A", Workload: "w" + string(rune('a'+rng.IntN(26)))}
		if rng.IntN(2) == 0 {
			p = p.With("n", strconv.Itoa(rng.IntN(2*laddersMax)))
		}
		s := Spell{To: anyAge(rng), Healed: true}
		clear(fresh.ladders)
		m.Observe(now, p, s)
		fresh.Observe(now, p, s)
		m.EstimateKnown(&reused, now, p)
		if want := fresh.Estimate(now, p); reused.alive != want.alive || !slices.EqualFunc(reused.levels, want.levels, sameLevel) {
			t.Fatalf("observation %d: what is known of %s differs", k, p)
		}
		if !slices.Equal(m.Dirty(), fresh.Dirty()) {
			t.Fatalf("observation %d: changed rows differ", k)
		}
		if k%7 == 0 {
			m.Stored()
			fresh.Stored()
		}
	}
	if !slices.Equal(m.Keys(), fresh.Keys()) {
		t.Error("they know other classes")
	}
	if len(m.ladders) > laddersMax {
		t.Errorf("%d ladders, want at most %d", len(m.ladders), laddersMax)
	}
}

// add counts a spell in one table, as [Model.Observe] does in several.
func (t *table) add(s Spell) { t.take(s.shares()) }
