package correlate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/honesty"
)

// books keep the figures about waiting as somebody would who only reads effects: a naive reference for what the engine counts.
type books struct {
	lives map[IncidentID][]*lifeBooked
	// parted is true once an incident was split: what was split off began when only the engine knows.
	parted bool
}

// lifeBooked is one generation, as its effects tell of it.
type lifeBooked struct {
	generation                 int
	began, paged, silenced     time.Time
	taken                      time.Time // acknowledged first
	acked, byHand, healed      bool
	lost, resolved, mergedAway bool
	muted                      bool // by a rule
	said                       *bool
}

func newBooks() *books { return &books{lives: make(map[IncidentID][]*lifeBooked)} }

func (b *books) last(id IncidentID) *lifeBooked { return b.lives[id][len(b.lives[id])-1] }

// read books an effect; asked is what an operator asked for in the same step.
func (b *books) read(f *Effect, asked Action) {
	switch f.Decision {
	case Open, Reopen:
		b.lives[f.Incident] = append(b.lives[f.Incident], &lifeBooked{generation: f.Generation, began: f.At})
		return
	case Split:
		b.parted = true
		return
	}
	l := b.last(f.Incident)
	switch f.Decision {
	case Hold:
		if waits, _ := saysMuted(f.Reason); waits && l.silenced.IsZero() {
			l.silenced, l.muted = f.At, !strings.HasPrefix(f.Reason, "silenced: ")
		}
	case Escalate:
		l.paged = f.At
	case Acknowledge:
		if l.acked = true; l.taken.IsZero() {
			l.taken = f.At
		}
	case SelfHeal:
		l.healed = true
	case Resolve:
		l.resolved, l.byHand, l.lost = true, asked == ActionResolve, strings.HasPrefix(f.Reason, "given up")
	case Merge:
		l.mergedAway = true
		if to := b.last(f.Other); l.began.Before(to.began) {
			to.began = l.began
		}
	}
}

// hear books what an operator said.
func (b *books) hear(f *Feedback) { b.last(f.Incident).said = f.ShouldHavePaged }

// figures counts what is booked.
func (b *books) figures() (pages honesty.Pages, holds honesty.Holds, wrong honesty.Suppression, delay float64) {
	for _, id := range slices.Sorted(maps.Keys(b.lives)) {
		quiet, marked, cleared := false, false, false
		judge := func(back bool) {
			switch {
			case marked:
				wrong.Marked++
			case !cleared && back:
				wrong.CameBack++
			}
			wrong.Judged++
			quiet, marked, cleared = false, false, false
		}
		for _, l := range b.lives[id] {
			needed, paged := l.acked || l.byHand, !l.paged.IsZero()
			switch {
			case paged && l.said != nil && *l.said, paged && l.said == nil && needed:
				pages.Needed++
			case paged && (l.said != nil || l.resolved && !l.lost):
				pages.Unneeded++
			case paged && l.lost:
				pages.Lost++
			case paged && l.mergedAway:
				pages.Merged++
			case needed:
				holds.Handled++
			case l.healed && l.muted:
				holds.Muted++
			case l.healed && !l.silenced.IsZero():
				holds.Silenced++
			case l.healed || l.resolved && !l.lost:
				holds.Healed++
			case l.lost:
				holds.Lost++
			}
			waited := l.paged
			if !l.silenced.IsZero() {
				waited = l.silenced
			}
			if !l.taken.IsZero() && l.taken.Before(waited) {
				waited = l.taken
			}
			if paged && waited.After(l.began) {
				holds.Paged++
				delay += waited.Sub(l.began).Seconds()
			}
			switch {
			case l.healed && l.silenced.IsZero():
				quiet = true
				marked, cleared = marked || l.said != nil && *l.said, cleared || l.said != nil && !*l.said
			case quiet && (paged || needed):
				judge(true)
			case quiet && !marked && !cleared:
				wrong.Unknown++
				quiet = false
			case quiet:
				judge(false)
			}
		}
		if quiet {
			judge(false)
		}
	}
	pages.Sent = pages.Needed + pages.Unneeded + pages.Lost + pages.Merged
	wrong.False = wrong.CameBack + wrong.Marked
	return pages, holds, wrong, delay
}

// compare says how the engine's count differs, when all incidents are forgotten.
func (b *books) compare(e *Engine) string {
	got := e.Tally()
	pages, holds, wrong, delay := b.figures()
	got.Suppression.Critical = 0 // effects do not tell
	if d := cmp.Diff(pages, got.Pages) + cmp.Diff(wrong, got.Suppression); d != "" {
		return d
	}
	if b.parted {
		return "" // what was split off may count for less delay
	}
	if d := cmp.Diff(holds, got.Holds); d != "" {
		return d
	}
	if diff := delay - got.DelaySeconds; diff > 1e-6 || diff < -1e-6 {
		return fmt.Sprintf("holds cost %v s by effects, %v s by the tally", delay, got.DelaySeconds)
	}
	return ""
}

// figuresOf plays a script of scenarios and counts at the end, before anything is forgotten.
func figuresOf(t *testing.T, script string, until time.Duration) (honesty.Figures, *Engine) {
	t.Helper()
	return figuresBy(t, compileTest, script, until)
}

// figuresBy does so by other rules.
func figuresBy(t *testing.T, compile Compiler, script string, until time.Duration) (honesty.Figures, *Engine) {
	t.Helper()
	e, err := New(compile, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	pass := func(until time.Time) {
		for at, ok := e.Deadline(); ok && !at.After(until); at, ok = e.Deadline() {
			e.Step(at, nil)
		}
	}
	for _, l := range parseScript(t, script) {
		pass(l.at.Add(-1))
		e.Step(l.at, l.inputs)
	}
	pass(start.Add(until))
	var records []honesty.Record
	for _, inc := range e.Incidents(nil) {
		records = append(records, inc.Record())
	}
	return honesty.Count(records, honesty.Period{At: start.Add(until)}), e
}

// One incident each that heals, pages and is acknowledged, pages for nothing, and is taken on while it is held.
func TestIncidentsTellWhatBecameOfTheirHolds(t *testing.T) {
	f, _ := figuresOf(t, `
0s fire Down pod/a/heals
30s resolve Down pod/a/heals
0s fire Down pod/b/needs
6m ack inc-2 ada
7m resolve Down pod/b/needs
0s fire Down pod/c/unneeded
8m resolve Down pod/c/unneeded
0s fire Down pod/d/handled
1m ack inc-4 ada
2m resolve Down pod/d/handled
0s fire PageNow pod/e/atonce
`, 20*time.Minute)
	pages := honesty.Pages{Sent: 3, Needed: 1, Unneeded: 1, Open: 1, UnneededShare: honesty.Wilson(1, 2)}
	holds := honesty.Holds{Healed: 1, Handled: 1, Paged: 2}
	delay := honesty.Delay{Pages: 2, Spread: honesty.Spread{TotalSeconds: 600, MedianSeconds: 300, P90Seconds: 300, LongestSeconds: 300}}
	if d := cmp.Diff(pages, f.Pages) + cmp.Diff(holds, f.Holds) + cmp.Diff(delay, f.Delay); d != "" {
		t.Errorf("figures differ (-want +got):\n%s", d)
	}
	if f.Suppression.Pending != 1 || f.Suppression.Judged != 0 {
		t.Errorf("what healed 20 minutes ago may come back: got %+v", f.Suppression)
	}
}

// What healed, came back within the reopen window and then paged was kept quiet wrongly, once, however often it came back.
func TestComingBackToPageIsAFalseSuppression(t *testing.T) {
	f, e := figuresOf(t, `
0s fire Down pod/a/again
30s resolve Down pod/a/again
10m fire Down pod/a/again
11m resolve Down pod/a/again
20m fire Down pod/a/again
`, 30*time.Minute)
	if f.Holds.Healed != 2 || f.Pages.Open != 1 || f.Suppression.CameBack != 1 || f.Suppression.Judged != 1 {
		t.Errorf("want two holds that healed and one false suppression, got %+v %+v %+v", f.Holds, f.Pages, f.Suppression)
	}
	inc, _ := e.Incident(1, 0)
	if n := len(inc.Generations); n != 3 || !inc.Generations[2].Opened.Equal(start.Add(20*time.Minute)) {
		t.Errorf("the third generation began at 20m, got %+v", inc.Generations)
	}
}

// The page of an incident into which an older one goes would have come when that one began.
func TestMergedIncidentCountsFromTheEarlierOpening(t *testing.T) {
	f, _ := figuresOf(t, `
0s fire Down pod/s/a
2m fire Down node/n1
3m edge pod/s/a runs_on node/n1
`, 10*time.Minute)
	if f.Pages.Sent != 1 || f.Delay.LongestSeconds != 300 {
		t.Errorf("want one page after 5m, got %+v %+v", f.Pages, f.Delay)
	}
}

// An operator's word reaches the generation that it is about, the timeline, and the figures, and outlives the engine's memory of it.
func TestFeedbackIsBelieved(t *testing.T) {
	_, e := figuresOf(t, "0s fire Down pod/a/x\n30s resolve Down pod/a/x", 5*time.Minute)
	yes := true
	f := &Feedback{Incident: 1, By: "ada", ShouldHavePaged: &yes, Root: "node/n9", Comment: "customers called"}
	e.Step(start.Add(6*time.Minute), []Input{f})
	inc, _ := e.Incident(1, 0)
	got := honesty.Count([]honesty.Record{inc.Record()}, honesty.Period{}).Suppression
	if got.Marked != 1 || got.Judged != 1 {
		t.Errorf("the suppression was marked as false, got %+v", got)
	}
	last := inc.Timeline[len(inc.Timeline)-1]
	if want := "ada says: it should have paged; the root was node/n9; customers called"; last.Reason != want {
		t.Errorf("timeline: got %q, want %q", last.Reason, want)
	}

	old := &Incident{Generations: slices.Clone(inc.Generations)}
	old.Generations[0].ShouldHavePaged = nil
	before := slices.Clone(old.Generations)
	kept := *old
	kept.Hear(start.Add(time.Hour), f)
	if d := cmp.Diff(before, old.Generations); d != "" {
		t.Errorf("the copy that was read first changed:\n%s", d)
	}
	if said := kept.Generations[0].ShouldHavePaged; said == nil || !*said || len(kept.Feedback) != 1 {
		t.Errorf("history did not keep the feedback: %+v", kept)
	}
	if e.Tally().ShouldHavePaged != 1 {
		t.Errorf("tally: %+v", e.Tally())
	}
}

func TestFeedbackMustSaySomething(t *testing.T) {
	no := false
	for _, f := range []Feedback{
		{}, {Root: "nonsense"}, {NotRoot: "nonsense"}, {Root: "pod/a/b", NotRoot: "pod/a/b"}, {Comment: string(make([]byte, maxCommentBytes+1))},
	} {
		if f.Validate() == nil {
			t.Errorf("%+v was taken", f)
		}
	}
	for _, f := range []Feedback{{ShouldHavePaged: &no}, {Root: "pod/a/b"}, {NotRoot: "pod/a/b"}, {Root: "pod/a/b", NotRoot: "node/n"}, {Comment: "x"}} {
		if err := f.Validate(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestFeedbackTellsWhatWasNotTheRoot(t *testing.T) {
	no := false
	for _, c := range []struct {
		said Said
		want string
	}{
		{Said{By: "ada", NotRoot: "node/n1"}, "ada says: node/n1 was not the root"},
		{Said{By: "ada", Root: "pod/a/b", NotRoot: "node/n1", Comment: "full"}, "ada says: the root was pod/a/b, not node/n1; full"},
	} {
		if got := c.said.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	said, again := Said{By: "ada", ShouldHavePaged: new(bool), NotRoot: "node/n1"}, Feedback{By: "ada", ShouldHavePaged: &no, NotRoot: "node/n1"}
	if !said.Repeats(&again) {
		t.Error("the same is no repeat")
	}
	for _, other := range []Feedback{{By: "bert", ShouldHavePaged: &no, NotRoot: "node/n1"}, {By: "ada", NotRoot: "node/n1"}, {By: "ada", ShouldHavePaged: &no, Root: "node/n1"}} {
		if said.Repeats(&other) {
			t.Errorf("%+v is a repeat", other)
		}
	}
}

// An incident that is reopened without end keeps a bounded number of generations, says how many are gone, and all of them are counted.
func TestGenerationsAreBoundedAndAllCounted(t *testing.T) {
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	const lives = generationsMax + 20
	script := fmt.Sprintf("repeat %d 29m fire Thrifty pod/a/x\n2s repeat %d 29m resolve Thrifty pod/a/x", lives, lives)
	for _, l := range parseScript(t, "0s "+script) {
		for at, ok := e.Deadline(); ok && !at.After(l.at); at, ok = e.Deadline() {
			e.Step(at, nil)
		}
		e.Step(l.at, l.inputs)
	}
	for at, ok := e.Deadline(); ok && at.Before(start.Add(lives*29*time.Minute)); at, ok = e.Deadline() {
		e.Step(at, nil)
	}
	inc, ok := e.Incident(1, 0)
	if !ok || len(inc.Generations) != generationsMax || inc.EarlierGenerations != 20 {
		t.Fatalf("got %d generations and %d earlier ones", len(inc.Generations), inc.EarlierGenerations)
	}
	for at, ok := e.Deadline(); ok; at, ok = e.Deadline() {
		e.Step(at, nil)
	}
	if got := e.Tally().Holds.Healed; got != lives {
		t.Errorf("counted %d holds that healed, want %d", got, lives)
	}
}

// What is split off at the page waited from when it began itself, not from when the incidents were parted.
func TestSplitOffCountsFromItsOwnBeginning(t *testing.T) {
	f, _ := figuresOf(t, `
0s edge service/x/web calls service/x/cart
0s edge service/x/web calls service/x/mail
10s fire CartCrash service/x/cart
20s fire MailCrash service/x/mail
30s fire WebErrors service/x/web
2m resolve WebErrors service/x/web
`, 10*time.Minute)
	if f.Delay.Pages != 2 || f.Delay.TotalSeconds != 600 {
		t.Errorf("want two pages that were held 5m each, got %+v", f.Delay)
	}
}

// A silence that keeps quiet what would have paged has the merit, and the blame: neither the healing nor the time is the hold's.
func TestSilencesAreNotCountedAsHolds(t *testing.T) {
	f, _ := figuresOf(t, `
0s silence s1 for=30m entity=pod/a/heals
0s silence s2 for=20m entity=pod/b/pages
1m fire Down pod/a/heals
1m fire Down pod/b/pages
15m resolve Down pod/a/heals
`, 30*time.Minute)
	if f.Holds.Silenced != 1 || f.Holds.Healed != 0 || f.Suppression.Judged+f.Suppression.Pending != 0 {
		t.Errorf("the silence kept it quiet: got %+v %+v", f.Holds, f.Suppression)
	}
	if f.Pages.Sent != 1 || f.Delay.LongestSeconds != 300 {
		t.Errorf("only the first five minutes were a hold: got %+v %+v", f.Pages, f.Delay)
	}
}
