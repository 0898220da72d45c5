package heal

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// healed is the spell of what healed after d, lasted that of what had not when it was last seen.
func healed(d time.Duration) Spell { return Spell{To: d, Healed: true} }
func lasted(d time.Duration) Spell { return Spell{To: d} }

// plain is a model whose classes borrow nothing from above, so that estimates are the classes' own.
func plain() *Model {
	t := DefaultTuning()
	t.Pseudo = 1e-9
	return NewModel(t)
}

func near(got, want, within float64) bool { return math.Abs(got-want) <= within }

func TestBinsCoverEveryAgeOnce(t *testing.T) {
	for b := range binCount {
		start, end := binStart(b), binStart(b+1)
		if end <= start {
			t.Fatalf("bin %d runs from %s to %s", b, start, end)
		}
		for _, age := range []time.Duration{start, (start + end) / 2, end - 1} {
			if got := binOf(age); got != b {
				t.Errorf("age %s is in bin %d, want %d", age, got, b)
			}
		}
	}
	if got := binStart(binCount); got != Horizon {
		t.Errorf("the last bin ends at %s, want the horizon %s", got, Horizon)
	}
}

func TestPathFallsBackFromConditionsToEverything(t *testing.T) {
	p := Path{Kind: "pod", Alert: "KubePodNotReady", Workload: "deployment/shop/cart"}.With("flapping", "now")
	var got []string
	for _, l := range p.levels() {
		got = append(got, l.name)
	}
	want := []string{
		"everything", "every pod", "KubePodNotReady of pod", "KubePodNotReady of pod, deployment/shop/cart",
		"KubePodNotReady of pod, deployment/shop/cart, flapping=now",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (Path{}).String(); got != "everything" {
		t.Errorf("the zero path is %q", got)
	}
}

func TestPathsWithEqualTextDoNotShareAClass(t *testing.T) {
	paths := []Path{
		{Kind: "ab", Alert: "c"},
		{Kind: "a", Alert: "bc"},
		{Alert: "abc"},
		{Kind: "abc"},
		{Workload: "abc"},
		{Kind: "a\x01a", Alert: "b"},
		Path{}.With("a", "b"), Path{}.With("a", "b").With("c", "d"),
		{Kind: "aa\x01b"},
		{Kind: "a", Alert: "b"},
	}
	seen := make(map[string]int)
	for k, p := range paths {
		levels := p.levels()
		key := levels[len(levels)-1].key
		if before, ok := seen[key]; ok {
			t.Errorf("%v and %v share key %q", paths[before], p, key)
		}
		seen[key] = k
	}
}

func TestWithLeavesThePathItWasCalledOnAlone(t *testing.T) {
	base := Path{Alert: "A"}.With("a", "1").With("a", "2").With("a", "3") // room for a fourth beneath
	left, right := base.With("b", "1"), base.With("b", "2")
	if left.String() == right.String() {
		t.Errorf("both are %s", left)
	}
	for range 10 {
		left = left.With("c", "1")
	}
	if got := len(left.levels()) - len(Path{Alert: "A"}.levels()); got != conditionsMax {
		t.Errorf("%d conditions, want at most %d", got, conditionsMax)
	}
	if base.Under("") != base || base.Under("b=1") != base.With("b", "1") {
		t.Error("an empty condition counts, or one in one word differs from one in two")
	}
}

// A class that nobody has seen is as the one above it; one with much data is itself.
func TestThinClassesBorrowFromAbove(t *testing.T) {
	m := NewModel(DefaultTuning())
	slow, thin := Path{Kind: "pod", Alert: "Slow"}, Path{Kind: "pod", Alert: "Thin"}
	for range 1000 {
		m.Observe(began, Path{Kind: "pod", Alert: "Fast"}, healed(30*time.Second))
		m.Observe(began, slow, healed(2*time.Hour))
	}
	above := m.Estimate(began, Path{Kind: "pod"}).Heals(0, time.Minute)
	if got := m.Estimate(began, thin).Heals(0, time.Minute); got != above {
		t.Errorf("an unknown class heals within a minute with %v, its kind with %v", got, above)
	}
	if got := m.Estimate(began, slow).Heals(0, time.Minute); got > 0.02 {
		t.Errorf("a well known class that never heals within a minute does with %v", got)
	}
	m.Observe(began, thin, healed(2*time.Hour))
	if got := m.Estimate(began, thin).Heals(0, time.Minute); got >= above || got < above/4 {
		t.Errorf("after one slow case it heals within a minute with %v, want a bit less than %v", got, above)
	}
}

func TestCasesHalveWithTheHalfLifeHoweverOftenTheyAreTouched(t *testing.T) {
	for _, step := range []time.Duration{20 * time.Minute, time.Hour, 7 * time.Hour, 30 * 24 * time.Hour} {
		m := plain()
		p := Path{Alert: "A"}
		for range 64 {
			m.Observe(began, p, healed(90*time.Second))
		}
		end := began.Add(60 * 24 * time.Hour)
		for now := began; now.Before(end); now = now.Add(step) {
			m.Observe(now, p, Spell{From: time.Hour, To: time.Hour + time.Second})
		}
		carrier, ok := m.Estimate(end, p).Carrier(0, 1)
		if got := carrier.At(0); !ok || !near(got, 16, 0.02) {
			t.Errorf("touched every %s: %v of 64 cases are left after two half-lives, want 16", step, got)
		}
	}
}

func TestHealsQuantileAndSurvivalAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := NewModel(DefaultTuning())
	for range 500 {
		m.Observe(began, Path{Alert: "A"}, Spell{To: anyAge(rng), Healed: rng.IntN(5) > 0})
	}
	e := m.Estimate(began, Path{Alert: "A"})
	for range 1000 {
		age, share := anyAge(rng), rng.Float64()
		more, ok := e.Quantile(age, share)
		if !ok {
			if e.Heals(age, Horizon) >= share {
				t.Errorf("no %v-quantile at %s, but %v heal before the horizon", share, age, e.Heals(age, Horizon))
			}
			continue
		}
		if got := e.Heals(age, more); !near(got, share, 1e-6) {
			t.Errorf("at %s the %v-quantile is %s, within which %v heal", age, share, more, got)
		}
	}
	if e.Survival(0) != 1 || e.Survival(Horizon) != e.Survival(2*Horizon) || e.Heals(2*Horizon, time.Hour) != 0 {
		t.Error("the curve's ends are off")
	}
}

func TestCarrierIsTheMostSpecificClassThatKnowsEnough(t *testing.T) {
	m := NewModel(DefaultTuning())
	cart := Path{Kind: "pod", Alert: "A", Workload: "deployment/cart"}
	if _, ok := m.Estimate(began, cart).Carrier(0, 0); ok {
		t.Error("a model that has seen nothing has a carrier")
	}
	for k := range 8 {
		m.Observe(began, cart, healed(time.Minute+time.Duration(k)*time.Minute))
		m.Observe(began, Path{Kind: "pod", Alert: "A"}, healed(time.Minute))
		m.Observe(began, Path{Kind: "pod", Alert: "B"}, healed(time.Minute))
	}
	e := m.Estimate(began, cart)
	for _, tc := range []struct {
		age   time.Duration
		least float64
		want  string
	}{
		{0, 5, "A of pod, deployment/cart"},
		{0, 10, "A of pod"},
		{6 * time.Minute, 2, "A of pod, deployment/cart"},
		{0, 17, ""}, // 24 of the kind, which carries nothing, and 16 of the alert
	} {
		carrier, ok := e.Carrier(tc.age, tc.least)
		if carrier.Class != tc.want || ok != (tc.want != "") {
			t.Errorf("at %s with %v cases: carried by %q, want %q", tc.age, tc.least, carrier.Class, tc.want)
		}
	}
}

// anyAge is a random age, as likely short as long, whole milliseconds.
func anyAge(rng *rand.Rand) time.Duration {
	return time.Duration(math.Exp(rng.Float64()*math.Log(float64(Horizon/time.Millisecond)))) * time.Millisecond
}
