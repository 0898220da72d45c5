package correlate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/correlate/topology"
)

// allFiring reads what fires, some symptoms at a time.
func allFiring(e *correlate.Engine, limit int) (all []correlate.Firing) {
	for after := uint64(0); ; {
		list, last := e.Firing(after, limit)
		all = append(all, list...)
		if after = last; last == 0 {
			return all
		}
	}
}

// seenFiring shows what fires as "NAME incident root", the last for those on the root.
func seenFiring(e *correlate.Engine) string {
	var list []string
	for _, f := range allFiring(e, 100) {
		line := f.Labels.Get("alertname")
		if f.Incident != 0 {
			line += " " + f.Incident.String()
		}
		if f.OnRoot {
			line += " root"
		}
		if f.Fingerprint != f.Labels.Fingerprint() {
			line += " with the fingerprint of another"
		}
		list = append(list, line)
	}
	return strings.Join(list, ", ")
}

func TestFiringShowsEachSymptomWithItsIncident(t *testing.T) {
	e := newEngine(t)
	alert := func(name, severity, pod string, ends time.Time) *correlate.Alert {
		a := &correlate.Alert{
			Labels:   correlate.LabelsOf("alertname", name, "severity", severity, "node", "n1", "namespace", "shop", "pod", pod),
			StartsAt: begin.Add(-time.Minute), EndsAt: ends, Source: "alertmanager/a",
		}
		if ends.IsZero() {
			a.Expires = begin.Add(4 * time.Minute)
		}
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	never := time.Time{}
	e.Step(begin, []correlate.Input{
		alert("KubeNodeNotReady", "critical", "", never),
		alert("KubePodNotReady", "warning", "cart", never),
		alert("Watchdog", "none", "", never),
		&correlate.Event{ID: "1", Entity: "pod/shop/web", Reason: "Unhealthy", Warning: true, Count: 1, Source: "kubernetes/c"},
	})
	const all = "KubeNodeNotReady inc-1 root, KubePodNotReady inc-1, Watchdog, Unhealthy inc-2 root"
	if got := seenFiring(e); got != all {
		t.Errorf("got %s, want %s", got, all)
	}
	first := allFiring(e, 100)[0]
	if !first.StartsAt.Equal(begin.Add(-time.Minute)) || !first.Seen.Equal(begin) || !first.Expires.Equal(begin.Add(4*time.Minute)) {
		t.Errorf("got start %v, seen %v, expires %v", first.StartsAt, first.Seen, first.Expires)
	}
	// One ends, the others are not heard of any more: those of an open incident stay, since nobody said that they ended.
	e.Step(begin.Add(time.Minute), []correlate.Input{alert("KubeNodeNotReady", "critical", "", begin.Add(time.Minute))})
	e.Step(begin.Add(5*time.Minute), nil)
	got := allFiring(e, 100)
	if !slices.ContainsFunc(got, func(f correlate.Firing) bool { return f.Labels.Get("alertname") == "KubePodNotReady" }) ||
		slices.ContainsFunc(got, func(f correlate.Firing) bool {
			return f.Labels.Get("alertname") == "KubeNodeNotReady" || f.Labels.Get("alertname") == "Watchdog"
		}) {
		t.Errorf("later: got %s", seenFiring(e))
	}
}

func TestFiringTellsWhatSilencesASymptom(t *testing.T) {
	e := newEngine(t)
	about := func(entity string) *correlate.Alert {
		a := &correlate.Alert{Labels: correlate.LabelsOf("alertname", "Down", "quell_entity", entity), StartsAt: begin, Source: "alertmanager/a"}
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	a, b := about("service/shop/cart"), about("service/shop/pay")
	s := &correlate.Silence{Silence: silence.Silence{
		ID: "s1", StartsAt: begin, EndsAt: begin.Add(time.Hour), CreatedBy: "me", Comment: "x", Entities: []topology.Entity{"service/shop/cart"},
	}}
	e.Step(begin, []correlate.Input{a, b, s})
	for _, f := range allFiring(e, 100) {
		if got, want := len(f.SilencedBy) == 1 && f.SilencedBy[0].ID == "s1", f.Fingerprint == a.Fingerprint; got != want {
			t.Errorf("%s: got %v", f.Labels, f.SilencedBy)
		}
	}
}

// Goal: reading piece by piece misses nothing and repeats nothing. Method: pieces of every size, over pages and gaps of the table.
func TestFiringIsReadPieceByPiece(t *testing.T) {
	e := newEngine(t)
	batch := make([]correlate.Input, 1200)
	for i := range batch {
		batch[i] = podAlert(i, begin)
	}
	e.Step(begin, batch)
	for i := range batch {
		if i%3 > 0 {
			a := podAlert(i, begin)
			a.EndsAt = begin.Add(time.Second)
			batch[i] = a
		}
	}
	e.Step(begin.Add(time.Second), batch)
	e.Step(begin.Add(24*time.Hour), nil) // what ended is forgotten, and its numbers are gaps
	late := podAlert(5000, begin)
	late.Expires = begin.Add(48 * time.Hour)
	e.Step(begin.Add(24*time.Hour), []correlate.Input{late})
	want := allFiring(e, 1_000_000)
	if len(want) < 400 {
		t.Fatalf("got %d, want those that did not end", len(want))
	}
	for _, limit := range []int{1, 2, 7, 100, 399, 400, 401, 402, 511, 512, 513} {
		if diff := cmp.Diff(want, allFiring(e, limit)); diff != "" {
			t.Errorf("pieces of %d (-want +got):\n%s", limit, diff)
		}
	}
}

// BenchmarkFiring lists all symptoms. Silences are about an entity, or about what they cannot find by name.
func BenchmarkFiring(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		for _, silences := range []int{0, 10} {
			b.Run(fmt.Sprintf("symptoms=%d/silences=%d", n, silences), func(b *testing.B) {
				e := newEngine(b)
				batch := make([]correlate.Input, n)
				for i := range batch {
					batch[i] = podAlert(i, begin)
				}
				for k := range silences {
					batch = append(batch, silenceOf(b, k))
				}
				e.Step(begin, batch)
				b.ReportAllocs()
				for b.Loop() {
					if len(allFiring(e, 2048)) != n {
						b.Fatal("some are missing")
					}
				}
			})
		}
	}
}

func silenceOf(b *testing.B, k int) *correlate.Silence {
	b.Helper()
	s := &correlate.Silence{Force: true, Silence: silence.Silence{
		ID: fmt.Sprintf("s%d", k), StartsAt: begin, EndsAt: begin.Add(time.Hour), CreatedBy: "me", Comment: "bench",
		Entities: []topology.Entity{topology.Entity(fmt.Sprintf("service/ns-%d/svc-%d", k, k))},
	}}
	if k%2 == 1 {
		m, err := labels.NewMatcher(labels.MatchRegexp, "pod", fmt.Sprintf("svc-%d-.*", k))
		if err != nil {
			b.Fatal(err)
		}
		s.Entities, s.Matchers = nil, labels.Matchers{m}
	}
	return s
}
