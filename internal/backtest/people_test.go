package backtest

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

// played is a live quell without chance: what is due is done in time, and deliveries arrive.
func played(t *testing.T, p correlate.Policy) *town {
	t.Helper()
	w := &town{live: newLive(t, p, rand.New(rand.NewPCG(1, 1))), firing: make(map[string]*correlate.Alert)}
	w.latency = func() time.Duration { return time.Millisecond }
	return w
}

func compareWith(t *testing.T, w *town, p correlate.Policy) *Result {
	t.Helper()
	r, err := Run(t.Context(), Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: p}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ackNewest is somebody who takes on what was opened last.
func (w *town) ackNewest() {
	w.commit(&correlate.Command{Action: correlate.ActionAck, Incident: w.open()[0].ID, By: "ada"})
}

// Who acknowledged a page does so as long after the new page, and what is acknowledged stays real: a longer hold makes real trouble later by
// what it is longer, and does not turn it into something that healed.
func TestPeopleFollowTheNewPage(t *testing.T) {
	for _, hold := range []time.Duration{7 * time.Minute, 12 * time.Minute} { // before and after ada came
		peopleFollow(t, hold)
	}
}

func peopleFollow(t *testing.T, hold time.Duration) {
	t.Helper()
	w := played(t, policyFor(t, 5*time.Minute))
	w.begin(0, w.alert("HighErrorRate", "namespace", "shop", "service", "cart", "severity", "warning"))
	w.passUntil(epoch.Add(8 * time.Minute)) // it paged at 5 m
	w.ackNewest()
	w.passUntil(epoch.Add(40 * time.Minute))
	w.end()
	w.passUntil(epoch.Add(time.Hour))
	r := compareWith(t, w, policyFor(t, hold))
	if len(r.Differences) != 1 || r.Counts[Later] != 1 {
		t.Fatal(asJSON(t, r))
	}
	d := r.Differences[0]
	if got, want := seconds(d.Seconds).Round(time.Second), hold-5*time.Minute; got != want || d.Truth != Real {
		t.Errorf("got %s, %s, want %s", got, d.Truth, want)
	}
	if reaction := d.New.Acknowledged.Sub(d.New.Paged).Round(time.Second); reaction != 3*time.Minute {
		t.Errorf("ada answers the new page after %s, want 3m", reaction)
	}
}

// end ends all that fires.
func (w *town) end() {
	for _, k := range sortedKeys(w.firing) {
		a := *w.firing[k]
		a.EndsAt = w.now
		delete(w.firing, k)
		w.report(&a)
	}
}

// Real trouble that pages nobody any more is told first, and as missed: that its alerts cleared is what the person did whom nobody calls now.
func TestRealTroubleThatPagesNobodyIsMissed(t *testing.T) {
	w := played(t, policyFor(t, 5*time.Minute))
	w.begin(0, w.alert("HighErrorRate", "namespace", "shop", "service", "cart", "severity", "warning"))
	w.passUntil(epoch.Add(6 * time.Minute))
	w.ackNewest()
	w.passUntil(epoch.Add(10 * time.Minute))
	w.end()
	w.passUntil(epoch.Add(time.Hour))
	r := compareWith(t, w, policyFor(t, 15*time.Minute))
	if r.Counts[Missed] != 1 || r.Figures.New.Missed != 1 || r.Figures.Old.Missed != 0 {
		t.Fatal(asJSON(t, r))
	}
	if len(r.Notes) != 1 || r.Notes[0].Why != "it never paged" {
		t.Errorf("what ada did is told as %+v", r.Notes)
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if want := "nobody is paged any more, and it was real: ada took it on after 6m"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in:\n%s", want, &b)
	}
}

// What healed by itself and pages now is a page that nobody needs; the other way round it is one that is spared.
func TestPagesForWhatHealsAreAddedAndRemoved(t *testing.T) {
	for _, c := range []struct {
		old, now time.Duration
		want     Kind
	}{{10 * time.Minute, 3 * time.Minute, Added}, {3 * time.Minute, 10 * time.Minute, Removed}} {
		w := played(t, policyFor(t, c.old))
		w.begin(0, w.alert("HighErrorRate", "namespace", "shop", "service", "cart", "severity", "warning"))
		w.passUntil(epoch.Add(7 * time.Minute))
		w.end()
		w.passUntil(epoch.Add(time.Hour))
		r := compareWith(t, w, policyFor(t, c.now))
		if len(r.Differences) != 1 || r.Counts[c.want] != 1 || r.Differences[0].Truth != Healed {
			t.Errorf("hold %s instead of %s: %s", c.now, c.old, asJSON(t, r))
		}
	}
}

// Alerts that are reported over and over do not time out in a run that numbers its symptoms otherwise: by its rules, the event is none.
func TestRepeatedAlertsAreFoundUnderOtherNumbers(t *testing.T) {
	p := policyFor(t, 2*time.Minute)
	w := played(t, p)
	w.commit(&correlate.Event{ID: "1", Entity: "pod/shop/p-1", Reason: "Scaled", Warning: true, Count: 1, At: w.now, Source: "kubernetes/k"})
	a := w.alert("HighErrorRate", "namespace", "shop", "service", "cart", "severity", "warning")
	a.Source = "prometheus/p"
	for range 60 {
		a.Expires = w.now.Add(4 * time.Minute)
		again := *a
		w.report(&again)
		w.passUntil(w.now.Add(time.Minute))
		w.commit() // a step, which takes the repeat along
	}
	other := p
	other.Rules = []correlate.RuleFile{{Name: "r.yml", Text: "events: [{reason: [Scaled], meaning: ignore}]\n"}}
	b := &bench{Options: Options{Journal: w.journal(), New: &Setup{Name: "new.yml", Policy: other}}, result: &Result{}}
	b.head = b.Journal.Head()
	if err := b.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := b.replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := b.new.engine.Figures()
	if now.Symptoms != 1 || now.Active != 1 || now.Lost != 0 {
		t.Errorf("%d symptoms, of which %d are active and %d lost", now.Symptoms, now.Active, now.Lost)
	}
}

// A journal whose beginning is not kept any more is replayed with the policy and the topology of now, and that is told.
func TestJournalWithoutItsBeginningIsReplayed(t *testing.T) {
	p := policyFor(t, 5*time.Minute)
	w := newTown(t, p, 4)
	w.play(60)
	seq, at := w.store.Last()
	w.passUntil(w.now.Add(time.Hour))
	w.play(60)
	if n, err := w.store.Trim(at, 1<<40); err != nil || n == 0 {
		t.Fatalf("trimmed %d of %d, %v", n, seq, err)
	}
	r := compareWith(t, w, p)
	if len(r.Differences) != 0 || len(r.Caveats) != 1 || !strings.Contains(r.Caveats[0], "The journal begins with record") {
		t.Fatal(asJSON(t, r))
	}
	if r.Figures.Old.Incidents == 0 {
		t.Error("nothing happened")
	}
}

// Two configurations that were not in force are compared as well: each hears what the journal tells, and people answer both.
func TestTwoOthersAreCompared(t *testing.T) {
	w := newTown(t, policyFor(t, 5*time.Minute), 11)
	w.play(100)
	same := func(name string) *Setup { return &Setup{Name: name, Policy: policyFor(t, 9*time.Minute)} }
	r, err := Run(t.Context(), Options{Journal: w.journal(), New: same("new.yml"), Old: same("old.yml")})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Differences) > 0 || r.Figures.Old.Pages == 0 || r.Old != "old.yml" {
		t.Error(asJSON(t, r))
	}
}

// Gates are about what reports count, and say what they found.
func TestGates(t *testing.T) {
	r := &Result{Counts: map[Kind]int{Added: 6, Missed: 1}}
	for text, want := range map[string]bool{"added > 5": true, "pages_added>6": false, "missed != 0": true, "removed >= 1": false, "pages <= 0": true, "later == 0": true, "earlier < 0": false} {
		g, err := ParseGate(text)
		if err != nil {
			t.Fatal(err)
		}
		if why, got := g.Fails(r); got != want {
			t.Errorf("%s: got %t (%s)", text, got, why)
		}
	}
	for _, text := range []string{"", "added", "added > x", "nothing > 5", "added > 5 > 6"} {
		if _, err := ParseGate(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// A summary for a pull request stays below what GitHub takes, whatever there is to tell, and names in it call nobody and mark nothing up.
func TestMarkdownIsBoundedAndPlain(t *testing.T) {
	r := &Result{New: "new.yml", Old: "what was in force", Counts: make(map[Kind]int)}
	for k := range 3000 {
		kind := Kinds()[k%len(Kinds())]
		c := &Case{Incident: correlate.IncidentID(k), Title: "<img> @everyone `x` | y " + strings.Repeat("long ", 200), Opened: epoch, Paged: epoch.Add(time.Minute), Why: strings.Repeat("z", 9000)}
		r.Differences = append(r.Differences, Difference{Kind: kind, Old: c, New: c})
		r.Counts[kind]++
		r.Notes = append(r.Notes, Note{What: strings.Repeat("n", 5000)})
	}
	var b strings.Builder
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 65_000 || strings.Contains(b.String(), "<img") || strings.Contains(b.String(), "@everyone") {
		t.Errorf("%d bytes:\n%.2000s", b.Len(), &b)
	}
	if strings.Count(b.String(), "<details") != strings.Count(b.String(), "</details>") || !strings.Contains(b.String(), "more differences are not told here") {
		t.Error("it is torn")
	}
}
