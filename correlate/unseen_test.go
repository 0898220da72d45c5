package correlate

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

// unseenPlay is an engine that hears of alerts by webhook and by event recorder, beside a twin and the journal.
type unseenPlay struct {
	t            *testing.T
	engine, twin *Engine
	rows         rowStore
	journal      [][]byte
	times        []time.Time
	now          time.Time
}

func newUnseenPlay(t *testing.T) *unseenPlay {
	p := &unseenPlay{t: t, rows: newRowStore(), now: start}
	p.engine = p.empty()
	p.rows.take(p.engine)
	p.twin = p.rows.load(t)
	return p
}

func (p *unseenPlay) empty() *Engine {
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// at lets time pass until an offset and tells the engine.
func (p *unseenPlay) at(offset time.Duration, inputs ...Input) {
	p.t.Helper()
	until := start.Add(offset)
	for due, ok := p.engine.Deadline(); ok && due.Before(until); due, ok = p.engine.Deadline() {
		p.now = latest(p.now, due)
		p.step()
	}
	p.now = until
	p.step(inputs...)
}

func (p *unseenPlay) step(inputs ...Input) {
	p.t.Helper()
	var news []Input
	for _, in := range inputs { // as the loop does
		if u, ok := in.(*Unseen); !ok || p.engine.UnseenNews(u) {
			news = append(news, in)
		}
	}
	p.journal, p.times = append(p.journal, AppendRecord(nil, news)), append(p.times, p.now)
	effects := p.engine.Step(p.now, news)
	p.rows.take(p.engine)
	p.rows.check(p.t, p.engine)
	again, err := ParseRecord(p.journal[len(p.journal)-1])
	if err != nil {
		p.t.Fatal(err)
	}
	if other := p.twin.Step(p.now, again); !reflect.DeepEqual(effects, other) {
		p.t.Fatalf("at %v: the twin decided differently (-engine +twin):\n%s", p.now.Sub(start), cmp.Diff(effects, other))
	}
	p.twin = p.rows.load(p.t)
}

// unseen shows what was counted until a week later, as "NAME REASON COUNT TOTAL LONGEST".
func (p *unseenPlay) unseen() (list []string) {
	for _, v := range p.engine.Unseen(start, p.now) {
		list = append(list, fmt.Sprintf("%s: %s, %d in %gs, longest %gs", v.Name, v.Reason, v.Count, v.TotalSeconds, v.LongestSeconds))
	}
	return list
}

// heardAlert is an alert as a webhook has it; ends is zero while it fires.
func heardAlert(name string, starts, ends time.Duration) *Alert {
	a := &Alert{Labels: LabelsOf("alertname", name, "quell_entity", "pod/"+name), StartsAt: start.Add(starts), Source: "alertmanager/am"}
	if ends > 0 {
		a.EndsAt = start.Add(ends)
	}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

// recordedAlert is an event about such an alert.
func recordedAlert(kind UnseenKind, name string, starts, ends time.Duration) *Unseen {
	a := heardAlert(name, starts, ends)
	u := &Unseen{Kind: kind, Fingerprint: a.Fingerprint, Name: name, StartsAt: a.StartsAt, EndsAt: a.EndsAt}
	if kind == UnseenSilenced || kind == UnseenInhibited {
		u.StartsAt, u.At = time.Time{}, a.StartsAt
	}
	return u
}

func TestAlertsThatNeverGetHereAreCounted(t *testing.T) {
	const m, s = time.Minute, time.Second
	p := newUnseenPlay(t)
	p.at(1*m, recordedAlert(UnseenFired, "Short", 1*m, 0), recordedAlert(UnseenFired, "Seen", 1*m, 0), recordedAlert(UnseenFired, "Silenced", 1*m, 0))
	p.at(2*m, recordedAlert(UnseenEnded, "Short", 1*m, 1*m+20*s), recordedAlert(UnseenEnded, "Short", 1*m, 1*m+20*s)) // of two instances
	p.at(3*m, heardAlert("Seen", 1*m, 0), recordedAlert(UnseenSilenced, "Silenced", 3*m, 0), recordedAlert(UnseenSent, "Silenced", 1*m, 0))
	p.at(4*m, recordedAlert(UnseenFired, "Short", 4*m, 0)) // again, before the first time is judged
	p.at(5*m, recordedAlert(UnseenEnded, "Short", 4*m, 5*m), recordedAlert(UnseenEnded, "Early", 4*m, 5*m))
	p.at(6*m, recordedAlert(UnseenFired, "Early", 4*m, 0), heardAlert("Seen", 1*m, 6*m), heardAlert("Late", 5*m, 6*m))
	p.at(7*m, recordedAlert(UnseenEnded, "Seen", 1*m, 6*m), recordedAlert(UnseenEnded, "Late", 5*m, 6*m), recordedAlert(UnseenInhibited, "Inhibited", 7*m, 0))
	p.at(8*m, recordedAlert(UnseenEnded, "Slow", 2*m, 8*m), recordedAlert(UnseenSent, "Elsewhere", 7*m, 0), recordedAlert(UnseenEnded, "Elsewhere", 7*m, 8*m))
	p.at(12*m, heardAlert("Slow", 2*m, 8*m)) // Alertmanager tries again for long
	p.at(14*m, recordedAlert(UnseenEnded, "Silenced", 1*m, 14*m))
	p.at(30 * m)
	want := []string{
		"Short: not sent, 2 in 80s, longest 60s", "Early: not sent, 1 in 60s, longest 60s",
		"Elsewhere: sent elsewhere, 1 in 60s, longest 60s", "Silenced: silenced, 1 in 780s, longest 780s",
	}
	if diff := cmp.Diff(want, p.unseen()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := p.engine.UnseenWaiting(); n != 1 {
		t.Errorf("%d alerts are waited for, want the inhibited one", n)
	}
	p.at(8 * 24 * time.Hour)
	if got := p.unseen(); len(got) != 5 || p.engine.UnseenWaiting() != 0 {
		t.Errorf("a week later: got %q, %d waiting, want the inhibited one counted too", got, p.engine.UnseenWaiting())
	}
}

// TestSimulationOfUnseenAlerts plays random histories of alerts of which a webhook tells, or not, and an event recorder tells out of
// order, twice, or of their end alone. Each episode that the recorder ended and no webhook brought is counted once.
func TestSimulationOfUnseenAlerts(t *testing.T) {
	histories := uint64(*seeds)
	if testing.Short() {
		histories = min(histories, shortHistories)
	}
	for k := range histories {
		playUnseen(t, *base+k)
		if t.Failed() {
			t.Fatalf("replay with -base=%d -seeds=1", *base+k)
		}
	}
}

func playUnseen(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 29))
	p := newUnseenPlay(t)
	want, at := 0, time.Minute
	for range 30 {
		name := fmt.Sprintf("A%d", r.IntN(5))
		starts := at
		at += time.Duration(30+r.IntN(600)) * time.Second
		ends := at
		if r.IntN(2) == 0 {
			p.at(starts+time.Second, recordedAlert(UnseenFired, name, starts, 0))
		}
		if seen := r.IntN(2) == 0; seen {
			p.at(starts+2*time.Second, heardAlert(name, starts, 0))
			p.at(ends, heardAlert(name, starts, ends))
		} else {
			want++
		}
		told := []Input{recordedAlert(UnseenEnded, name, starts, ends)}
		for _, kind := range []UnseenKind{UnseenFired, UnseenSent, UnseenEnded} {
			if r.IntN(2) == 0 {
				told = append(told, recordedAlert(kind, name, starts, map[bool]time.Duration{true: ends}[kind == UnseenEnded]))
			}
		}
		r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		p.at(ends+time.Second, told...)
		at += time.Duration(2+r.IntN(1200)) * time.Second
	}
	p.at(at + time.Hour)
	got := 0
	for _, v := range p.engine.Unseen(start, p.now) {
		got += int(v.Count)
	}
	if got != want || p.engine.UnseenWaiting() != 0 {
		t.Errorf("%d episodes counted, %d waiting, want %d and none", got, p.engine.UnseenWaiting(), want)
	}
	replayed := p.empty()
	for k, b := range p.journal {
		inputs, err := ParseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		replayed.Step(p.times[k], inputs)
	}
	p.rows.check(t, replayed)
}

func TestUnseenAlertsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it tells of more alerts than are remembered")
	}
	p := newUnseenPlay(t)
	e := p.engine
	e.Step(start, nil)
	for k := range unseenMax + 10 {
		e.toldUnseen(&Unseen{Kind: UnseenEnded, Fingerprint: model.Fingerprint(k + 1), Name: fmt.Sprint("A", k), EndsAt: start})
	}
	if n := e.UnseenWaiting(); n != unseenMax {
		t.Errorf("%d alerts are waited for, want %d", n, unseenMax)
	}
	if got := p.unseenOf(NotCounted); got != 10 {
		t.Errorf("%d were not counted, want 10", got)
	}
	e.Step(start.Add(time.Hour), nil)
	if n := len(e.unseen.tallies); n > unseenTallyMax+2 || p.unseenOf(NotSent) != unseenMax {
		t.Errorf("%d tallies of %d alerts, want at most %d", n, p.unseenOf(NotSent), unseenTallyMax)
	}
	e.Step(start.Add(40*24*time.Hour), []Input{recordedAlert(UnseenEnded, "New", 40*24*time.Hour-time.Minute, 40*24*time.Hour)})
	e.Step(start.Add(41*24*time.Hour), nil)
	if n := len(e.unseen.tallies); n != 1 {
		t.Errorf("%d tallies after forty days, want the new one", n)
	}
}

func (p *unseenPlay) unseenOf(why UnseenReason) (n int) {
	for _, v := range p.engine.Unseen(start.Add(-time.Hour), start.Add(2*time.Hour)) {
		if v.Reason == why {
			n += int(v.Count)
		}
	}
	return n
}
