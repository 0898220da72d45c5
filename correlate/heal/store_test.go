package heal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// shelf is what an engine would have stored of a model.
type shelf map[string][]byte

func (s shelf) store(m *Model) {
	for _, key := range m.Dirty() {
		if row, ok := m.Row(nil, key); ok {
			s[key] = row
		} else {
			delete(s, key)
		}
	}
	m.Stored()
}

func (s shelf) load(t *testing.T, tuning Tuning) *Model {
	t.Helper()
	m := NewModel(tuning)
	for key, row := range s {
		if err := m.Load(key, row); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// A model that is stored after every observation, and thrown away for what was stored now and then, is the same as one that lives on, to the
// last bit, also while it forgets classes.
func TestStoredModelIsTheLivingOne(t *testing.T) {
	tuning := DefaultTuning()
	tuning.MaxClasses = 64
	rng := rand.New(rand.NewPCG(5, 5))
	living, twin, stored := NewModel(tuning), NewModel(tuning), shelf{}
	now := began
	for k := range 3000 {
		now = now.Add(time.Duration(rng.IntN(int(3 * time.Hour))))
		p := Path{Kind: "pod", Alert: fmt.Sprint("A", rng.IntN(8)), Workload: fmt.Sprint("w", rng.IntN(12))}
		if rng.IntN(3) == 0 {
			p = p.With("flapping", "now")
		}
		s := Spell{To: anyAge(rng), Healed: rng.IntN(4) > 0}
		living.Observe(now, p, s)
		twin.Observe(now, p, s)
		stored.store(twin)
		if rng.IntN(20) == 0 {
			twin = stored.load(t, tuning)
		}
		if got, want := twin.Estimate(now, p), living.Estimate(now, p); got.alive != want.alive || !slices.EqualFunc(got.levels, want.levels, sameLevel) {
			t.Fatalf("observation %d: estimate %v, want %v", k, got.alive, want.alive)
		}
		if living.Classes() > tuning.MaxClasses {
			t.Fatalf("%d classes, want at most %d", living.Classes(), tuning.MaxClasses)
		}
	}
	if !slices.Equal(living.Keys(), twin.Keys()) {
		t.Errorf("keys differ: %q, %q", living.Keys(), twin.Keys())
	}
	for _, key := range living.Keys() {
		a, _ := living.Row(nil, key)
		if !bytes.Equal(a, stored[key]) {
			t.Errorf("row of %q: %x is stored, want %x", key, stored[key], a)
		}
	}
}

func TestFullModelForgetsWhatItKnowsLeastOf(t *testing.T) {
	tuning := DefaultTuning()
	tuning.MaxClasses = 32
	m := NewModel(tuning)
	for range 100 {
		m.Observe(began, Path{Workload: "often"}, healed(time.Minute))
	}
	for k := range 500 {
		m.Observe(began.Add(time.Duration(k)*time.Minute), Path{Workload: fmt.Sprint("once", k)}, healed(time.Minute))
	}
	e := m.Estimate(began.Add(500*time.Minute), Path{Workload: "often"})
	if got := e.Levels()[1].Cases; !near(got, 99, 1.5) {
		t.Errorf("%v cases are left of the class that is seen most, want about 100", got)
	}
	if got := e.Levels()[0].Cases; !near(got, 597, 5) {
		t.Errorf("%v cases are left of everything, want about 600", got)
	}
	if got := m.Classes(); got > tuning.MaxClasses || got < tuning.MaxClasses*3/4 {
		t.Errorf("%d classes, want nearly %d", got, tuning.MaxClasses)
	}
}

func TestLoadRefusesMalformedRows(t *testing.T) {
	m := NewModel(DefaultTuning())
	m.Observe(began, Path{}, healed(time.Minute))
	row, _ := m.Row(nil, "")
	for k := range row {
		if err := NewModel(DefaultTuning()).Load("", row[:k]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a row", k, len(row))
		}
	}
	if err := m.Load("", append(slices.Clone(row), 0)); err == nil {
		t.Error("a row with a byte too many is taken")
	}
}

func TestTuningThatMakesNoSenseIsRefused(t *testing.T) {
	for _, broken := range []func(*Tuning){
		func(t *Tuning) { t.HalfLife = time.Minute },
		func(t *Tuning) { t.Pseudo = 0 },
		func(t *Tuning) { t.MaxClasses = 3 },
	} {
		tuning := DefaultTuning()
		broken(&tuning)
		if tuning.Validate() == nil {
			t.Errorf("%+v is valid", tuning)
		}
	}
	if err := DefaultTuning().Validate(); err != nil {
		t.Error(err)
	}
}

// What is read is written again as it was, and whatever a row holds an estimate is one.
func FuzzRow(f *testing.F) {
	m := NewModel(DefaultTuning())
	for k := range 5 {
		m.Observe(began.Add(time.Duration(k)*time.Hour), Path{}, healed(time.Duration(k)*time.Minute))
		row, _ := m.Row(nil, "")
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		m := NewModel(DefaultTuning())
		if m.Load("", row) != nil {
			return
		}
		again, _ := m.Row(nil, "")
		other := NewModel(DefaultTuning())
		if err := other.Load("", again); err != nil {
			t.Fatalf("%x was read, and written as %x: %v", row, again, err)
		}
		second, _ := other.Row(nil, "")
		if !bytes.Equal(again, second) {
			t.Fatalf("%x is written as %x", again, second)
		}
		e := m.Estimate(began, Path{})
		for b := range binCount {
			if h := e.Heals(binStart(b), time.Hour); !(h >= 0 && h <= 1) {
				t.Fatalf("heals with %v at %s", h, binStart(b))
			}
		}
		m.Observe(began, Path{}, healed(time.Minute))
		e.Until(0, Bet{Budget: time.Hour, Threshold: 0.5})
	})
}
