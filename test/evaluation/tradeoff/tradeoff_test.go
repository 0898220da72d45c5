package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/heal"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// history makes up a stream: on one device an alert that always clears within seconds, on another one that mostly lasts, and a third
// of which nobody can tell.
func history(n int) []alarm {
	rng := rand.New(rand.NewPCG(1, 1))
	all := make([]alarm, n)
	now := midnight
	for k := range all {
		now = now.Add(time.Duration(1+rng.IntN(600)) * time.Second)
		a := alarm{at: now, cleared: true, name: "Down", entity: fmt.Sprint("device/", rng.IntN(3))}
		switch a.entity {
		case "device/0":
			a.lasted = time.Duration(10+rng.IntN(300)) * time.Second
		case "device/1":
			a.lasted = time.Duration(20+rng.IntN(80)) * time.Minute
		default:
			a.lasted = time.Duration(rng.IntN(7200)) * time.Second
		}
		all[k] = a
	}
	describe(all)
	return all
}

// spy is a policy that writes down when it was told of what.
type spy struct {
	t      *testing.T
	budget time.Duration
	now    time.Time
	asked  map[*alarm]bool
	told   int
}

func (s *spy) waits(a *alarm) []time.Duration {
	s.now, s.asked[a] = a.at, true
	return []time.Duration{a.lasted}
}

func (s *spy) learn(a *alarm, now time.Time, waits []time.Duration) {
	s.told++
	switch {
	case !s.asked[a]:
		s.t.Errorf("told of the alarm at %s, which has not fired", a.at)
	case now.Before(a.at.Add(min(a.lasted, s.budget))):
		s.t.Errorf("told at %s of the alarm at %s, which lasts %s", now, a.at, a.lasted)
	case waits[0] != a.lasted:
		s.t.Errorf("told that the alarm at %s was to wait %s, want %s", a.at, waits[0], a.lasted)
	}
}

func TestNothingIsLearnedBeforeItIsOver(t *testing.T) {
	all := history(500)
	s := &spy{t: t, budget: 30 * time.Minute, asked: make(map[*alarm]bool)}
	judged := play(all, s.budget, s)
	if want := 350; len(judged) != want {
		t.Errorf("%d alarms are judged, want %d", len(judged), want)
	}
	if s.told < 450 {
		t.Errorf("told of %d alarms only", s.told)
	}
}

// What is known of an alarm when it fires is the same whatever comes after.
func TestConditionsComeFromThePast(t *testing.T) {
	all := history(200)
	for n := 1; n < len(all); n += 17 {
		cut := history(200)[:n]
		describe(cut)
		if diff := cmp.Diff(all[n-1], cut[n-1], cmp.AllowUnexported(alarm{})); diff != "" {
			t.Errorf("alarm %d: %s", n-1, diff)
		}
	}
}

func TestFlapsAndStormsAreSeen(t *testing.T) {
	var all []alarm
	for k := range 12 {
		all = append(all, alarm{at: midnight.Add(time.Duration(k) * time.Second), lasted: time.Minute, cleared: true, name: "A", entity: fmt.Sprint("device/", k)})
	}
	all = append(all, alarm{at: midnight.Add(10 * time.Minute), name: "A", entity: "device/0"})
	describe(all)
	if all[9].storm != "" || all[10].storm != "10 or more" || all[12].storm != "" {
		t.Errorf("storms are %q, %q, %q", all[9].storm, all[10].storm, all[12].storm)
	}
	if all[0].flapping != "" || all[12].flapping != "within 10m" {
		t.Errorf("flapping is %q, %q", all[0].flapping, all[12].flapping)
	}
}

// The sums of blocks are those of a plain count over all alarms.
func TestBlocksAddUpToAPlainCount(t *testing.T) {
	all := play(history(400), time.Hour, newSurvival(time.Hour, heal.DefaultTuning(), shipped))
	for _, d := range []definition{outlasts(time.Hour, time.Hour), outlasts(30*time.Minute, time.Hour), everyPage(outlasts(time.Hour, time.Hour))} {
		cut := blocks(all, d, 3*time.Hour)
		if len(cut) < 5 {
			t.Fatalf("%d blocks", len(cut))
		}
		for k := range all[0].waits {
			var total sums
			for _, b := range cut {
				total.delay += b[k].delay
				total.counted += b[k].counted
				total.unneeded += b[k].unneeded
			}
			unneeded, counted, delay := 0, 0, time.Duration(0)
			for _, j := range all {
				if j.lasted > j.waits[k] && j.lasted <= d.real {
					unneeded++
				}
				if j.lasted > d.real || d.every && j.lasted > j.waits[k] {
					counted++
					delay += j.waits[k]
				}
			}
			if total.unneeded != unneeded || total.counted != counted || total.delay != delay {
				t.Errorf("%s, setting %d: %+v, want %d unneeded, %d counted, %s", d.name, k, total, unneeded, counted, delay)
			}
		}
	}
}

func TestWaitsGrowWithTheSetting(t *testing.T) {
	for _, p := range []policy{
		newSurvival(time.Hour, heal.DefaultTuning(), shipped),
		&quantile{budget: time.Hour, past: make(map[string][]time.Duration)},
	} {
		for _, j := range play(history(300), time.Hour, p) {
			for k := 1; k < len(j.waits); k++ {
				if j.waits[k] < j.waits[k-1] || j.waits[k] > time.Hour {
					t.Fatalf("%T waits %v", p, j.waits)
				}
			}
		}
	}
}

// Where devices differ, waiting by their record saves most of the pages that nobody needs; a fixed hold compared with itself saves none.
func TestRecordOfADeviceSavesPages(t *testing.T) {
	d := outlasts(15*time.Minute, 15*time.Minute)
	delays := []time.Duration{30 * time.Second, time.Minute}
	own := playSurvival(history(1500), d.budget, heal.DefaultTuning(), shipped)
	for k, c := range compare(own, d, delays, 24*time.Hour) {
		if !c.ok || c.fewer < 0.5 || c.low > c.fewer || c.high < c.fewer {
			t.Errorf("at %s: %+v, want more than half fewer, within the interval", delays[k], c)
		}
	}
	for k, c := range compare(fixedHold(own, []time.Duration{0, 30 * time.Second, time.Minute}), d, delays, 24*time.Hour) {
		if !c.ok || c.fewer != 0 {
			t.Errorf("a fixed hold of %s saves %v beside itself", delays[k], c.fewer)
		}
	}
}

// If everybody is at it at once after a page, what is learned is less, and never of an age beyond the page.
func TestWhatIsAttendedIsNotLearned(t *testing.T) {
	p := newSurvival(time.Hour, heal.DefaultTuning(), shipped)
	p.thresholds, p.attended = []float64{0.5}, time.Second
	a := &alarm{at: midnight, lasted: 30 * time.Minute, cleared: true, name: "A", entity: "device/0"}
	p.learn(a, midnight.Add(a.lasted), []time.Duration{time.Minute})
	e := p.model.Estimate(midnight.Add(time.Hour), shipped.path(a))
	level, _ := e.Carrier(0, 0.5)
	if level.At(30*time.Second) < 0.9 || level.At(2*time.Minute) > 0 {
		t.Errorf("%v cases at 30s, %v at 2m, want 1 and none", level.At(30*time.Second), level.At(2*time.Minute))
	}
}

func TestPointsBetweenSettingsMixThem(t *testing.T) {
	points := []point{{0, 100}, {time.Minute, 40}, {time.Minute, 30}, {3 * time.Minute, 10}}
	for _, tc := range []struct {
		delay time.Duration
		want  float64
		ok    bool
	}{{0, 100, true}, {30 * time.Second, 70, true}, {2 * time.Minute, 20, true}, {3 * time.Minute, 10, true}, {4 * time.Minute, 0, false}} {
		if got, ok := at(points, tc.delay); got != tc.want || ok != tc.ok {
			t.Errorf("at %s: %v, %v, want %v, %v", tc.delay, got, ok, tc.want, tc.ok)
		}
	}
}

// streams writes a folder with a stream for every study.
func streams(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, s := range append(studies(), smallStudies()...) {
		var text strings.Builder
		line := func(at time.Time, status string, key int, a *alarm) {
			_, _ = fmt.Fprintf(&text, `{"t":%q,"alertmanager":{"alerts":[{"status":%q,"fingerprint":"%d","labels":{"alertname":%q,"quell_entity":%q}}]}}`+"\n",
				at.Format(time.RFC3339), status, key, a.name, a.entity)
		}
		for k, a := range history(40) {
			line(a.at, "firing", k, &a)
			line(a.at.Add(a.lasted), "resolved", k, &a)
		}
		if err := os.MkdirAll(filepath.Join(dir, "dev", s.set), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "dev", s.set, "stream.jsonl"), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSameDataGivesTheSamePageAndPicture(t *testing.T) {
	dir := streams(t)
	var before string
	for n := range 2 {
		page, picture := filepath.Join(t.TempDir(), "page.md"), filepath.Join(t.TempDir(), "picture.svg")
		markers := "<!-- generated by `make eval-docs`: trade-off: begin -->\n<!-- generated by `make eval-docs`: trade-off: end -->\n"
		if err := os.WriteFile(page, []byte(markers), 0o644); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		if status := run([]string{"--eval", dir, "--docs", page, "--picture", picture}, &stdout, &stderr); status != 0 {
			t.Fatalf("status %d: %s", status, stderr.String())
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := os.ReadFile(picture)
		if err != nil {
			t.Fatal(err)
		}
		if now := string(text) + string(drawn); n > 0 && now != before {
			t.Error("the second run differs")
		} else if before = now; !strings.Contains(now, "#### huawei-wireless") || !strings.Contains(now, "</svg>") {
			t.Errorf("got %s", now)
		}
	}
}

func TestUsageAndMissingDataHaveTheirStatus(t *testing.T) {
	var out strings.Builder
	if got := run(nil, &out, &out); got != 2 {
		t.Errorf("status %d without arguments, want 2", got)
	}
	if got := run([]string{"--eval", t.TempDir()}, &out, &out); got != 1 {
		t.Errorf("status %d without data, want 1", got)
	}
	if got := run([]string{"--eval", t.TempDir(), "--picture", "x.gif"}, &out, &out); got != 2 {
		t.Errorf("status %d for a picture of no known kind, want 2", got)
	}
}

func TestDurationsAreBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 105 * time.Second: "1m45s", time.Hour: "1h", 30 * time.Minute: "30m"} {
		if got := brief(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
