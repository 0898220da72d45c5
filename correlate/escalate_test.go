package correlate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/correlate/topology"
)

// taken makes an incident on node/n3 that was paged after a minute and acknowledged half a minute later.
func taken(t *testing.T, p Policy) (*Engine, func(at time.Duration, inputs ...Input) []string) {
	t.Helper()
	p.Hold, p.AlertTimeout = time.Minute, -1
	e, err := New(compileTest, p)
	if err != nil {
		t.Fatal(err)
	}
	step := func(at time.Duration, inputs ...Input) (lines []string) {
		t.Helper()
		for due, ok := e.Deadline(); ok && due.Before(start.Add(at)); due, ok = e.Deadline() {
			lines = append(lines, peopleHear(e.Step(due, nil))...)
		}
		return append(lines, peopleHear(e.Step(start.Add(at), inputs))...)
	}
	step(0, fires("Down", "node/n3", "warning"))
	step(90*time.Second, &Command{Action: ActionAck, Incident: 1, By: "ada"})
	return e, step
}

// peopleHear shows what of effects people hear of.
func peopleHear(effects []Effect) (lines []string) {
	for _, f := range effects {
		switch f.Decision {
		case Escalate, Update, Acknowledge, Resolve, Withdraw:
			lines = append(lines, fmt.Sprintf("%s %s", f.Decision, f.Reason))
		}
	}
	return lines
}

func fires(name, entity, severity string) *Alert {
	a := &Alert{Labels: LabelsOf("alertname", name, "quell_entity", entity, "severity", severity, "on", "node/n3"), StartsAt: start, Source: "prometheus/p"}
	a.Fingerprint = a.Labels.Fingerprint()
	return a
}

func TestAcknowledgedIncidentIsHandedBackWhenItGetsWorse(t *testing.T) {
	many := make([]Input, 6)
	for k := range many {
		many[k] = fires("Down", fmt.Sprintf("pod/s/p-%d", k), "warning")
	}
	for name, c := range map[string]struct {
		inputs []Input
		want   string
	}{
		"a higher severity":            {[]Input{fires("Down", "pod/s/p", "critical")}, "update handed back: it was warning when ada took it on, and is critical"},
		"a new symptom":                {[]Input{fires("DiskFull", "node/n3", "warning")}, "update handed back: it shows DiskFull, which it did not when ada took it on"},
		"more of the same":             {[]Input{fires("Down", "pod/s/p", "warning")}, ""},
		"six entities instead of one":  {many, "update handed back: 1 entity ill when ada took it on, 6 now"},
		"five entities instead of one": {many[:4], ""},
	} {
		e, step := taken(t, Policy{})
		got := strings.Join(step(2*time.Minute, c.inputs...), "; ")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		inc, _ := e.Incident(1, 1)
		if want := map[bool]State{true: Escalated, false: Acknowledged}[c.want != ""]; inc.State != want || want == Escalated && inc.Acknowledged != nil {
			t.Errorf("%s: it is %s, acknowledged at %v", name, inc.State, inc.Acknowledged)
		}
		_, step = taken(t, Policy{KeepAck: true})
		if got := strings.Join(step(2*time.Minute, c.inputs...), "; "); strings.Contains(got, "handed back") {
			t.Errorf("%s, and acknowledgements are kept: got %q", name, got)
		}
	}
}

func TestAcknowledgementLapsesUnlessItIsRenewed(t *testing.T) {
	_, step := taken(t, Policy{AckTimeout: time.Hour})
	ack := &Command{Action: ActionAck, Incident: 1, By: "bob"}
	var got []string
	got = append(got, step(50*time.Minute, ack)...)
	got = append(got, step(100*time.Minute)...)
	got = append(got, step(111*time.Minute)...)
	want := []string{
		"acknowledge acknowledgement renewed by bob; lapses at 04:50:00",
		"update handed back: bob acknowledged it 1h ago and did not renew that",
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "04:50:00", clock(start.Add(110*time.Minute).UnixNano())+" unless renewed", 1)
	}
	if !slices.Equal(want, got) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What was acknowledged while it was held is paged for the first time when it is handed back. A twin that is loaded does the same.
func TestAcknowledgementOfAHeldIncidentLapsesIntoItsFirstPage(t *testing.T) {
	e, err := New(compileTest, Policy{Hold: time.Hour, AlertTimeout: -1, AckTimeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	e.Step(start, []Input{fires("Down", "node/n3", "warning")})
	e.Step(start.Add(time.Minute), []Input{&Command{Action: ActionAck, Incident: 1, By: "ada"}})
	store := newRowStore()
	store.take(e)
	for _, e := range []*Engine{e, store.load(t)} {
		at, _ := e.Pending()
		got := strings.Join(peopleHear(e.Step(at, nil)), "; ")
		if want := "escalate handed back: ada acknowledged it 10m ago and did not renew that"; got != want || !at.Equal(start.Add(11*time.Minute)) {
			t.Errorf("at %v: got %q, want %q", at.Sub(start), got, want)
		}
	}
}

// While an incident is well nobody is told that its acknowledgement lapsed: it may end by itself. If it comes back, they are at once.
func TestAcknowledgementDoesNotLapseWhileTheIncidentIsWell(t *testing.T) {
	_, step := taken(t, Policy{AckTimeout: 10 * time.Minute, Settle: 5 * time.Minute})
	gone := fires("Down", "node/n3", "warning")
	gone.EndsAt = start.Add(11 * time.Minute)
	if got := step(11*time.Minute, gone); got != nil {
		t.Errorf("got %q", got)
	}
	again := fires("Down", "node/n3", "warning")
	again.StartsAt = start.Add(13 * time.Minute)
	if got := strings.Join(step(13*time.Minute, again), "; "); !strings.Contains(got, "handed back: ada acknowledged it 11m30s ago") {
		t.Errorf("got %q", got)
	}
}

// The gap gives whoever took it on, as everybody, time to say something.
func TestAcknowledgementThatLapsedInAGapGetsAGrace(t *testing.T) {
	_, step := taken(t, Policy{AckTimeout: 10 * time.Minute, RestartGrace: 3 * time.Minute})
	if got := step(11*time.Minute, &Gap{From: start.Add(2 * time.Minute), To: start.Add(11 * time.Minute), Why: "restart"}); got != nil {
		t.Errorf("at the restart: got %q", got)
	}
	if got := step(14*time.Minute + time.Second); len(got) != 1 || !strings.Contains(got[0], "handed back") {
		t.Errorf("after the grace: got %q", got)
	}
}

func TestWithdrawalIsToldOnceOnAnIncidentThatIsOver(t *testing.T) {
	e, step := taken(t, Policy{})
	step(3*time.Minute, &Command{Action: ActionResolve, Incident: 1, By: "ada"})
	back := &Delivery{Incident: 1, Generation: 1, Receiver: "oncall", Integration: "pagerduty[0]", Action: "trigger", Withdrawn: true}
	if got := step(4*time.Minute, back); got != nil {
		t.Errorf("one of two: got %q", got)
	}
	last := *back
	last.Unseen = true
	if got := step(5*time.Minute, &last, &last); !slices.Equal(got, []string{"withdraw it was over before any page had left: nobody was woken"}) {
		t.Errorf("the last: got %q", got)
	}
	inc, _ := e.Incident(1, 1)
	if inc.Withdrawn == nil || !inc.Withdrawn.Equal(start.Add(5*time.Minute)) || inc.State != Resolved {
		t.Errorf("it is %s, withdrawn at %v", inc.State, inc.Withdrawn)
	}
}

// What waits, and what is tried again, is told on the timeline; what was dropped is not, since a later message said it.
func TestDeliveriesThatAreNotOverAreOnTheTimeline(t *testing.T) {
	e, step := taken(t, Policy{})
	d := Delivery{Incident: 1, Generation: 1, Receiver: "oncall", Integration: "pagerduty[0]", Action: "trigger"}
	waits, dropped, again := d, d, d
	waits.Deferred, waits.Error = true, "5 attempts in a row failed"
	dropped.Superseded, again.Retried = true, "ada"
	before, _ := e.Incident(1, 0)
	if got := step(3*time.Minute, &waits, &dropped, &again); got != nil {
		t.Errorf("got %q", got)
	}
	after, _ := e.Incident(1, 0)
	var told []string
	for _, entry := range after.Timeline[len(before.Timeline):] {
		told = append(told, entry.Reason)
	}
	want := []string{
		"oncall cannot be reached: the trigger for pagerduty[0] waits (5 attempts in a row failed)",
		"ada had the trigger to oncall, pagerduty[0] tried again",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %q", told)
	}
}

// What ann took on at six minutes turns out to be the cause of the older incident, which continues it. It says when that lapses, and then it does.
func TestAnAcknowledgementThatAMergeTakesOverLapsesWhenItSays(t *testing.T) {
	e, err := New(compileTest, Policy{Hold: time.Minute, AlertTimeout: -1, AckTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	alone := func(entity string) *Alert {
		a := fires("Down", entity, "critical")
		a.Labels = LabelsOf("alertname", "Down", "quell_entity", entity, "severity", "critical")
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	edges := &Topology{Update: topology.Update{Edges: []topology.Edge{{From: "service/s/web", To: "service/s/db", Type: "calls"}}}}
	e.Step(start, []Input{alone("service/s/web"), alone("service/s/db")})
	e.Step(start.Add(2*time.Minute), nil)
	e.Step(start.Add(6*time.Minute), []Input{&Command{Action: ActionAck, Incident: 2, By: "ann"}})
	var got []string
	for _, f := range e.Step(start.Add(7*time.Minute), []Input{edges}) {
		if f.Decision == Acknowledge {
			got = append(got, f.Reason)
		}
	}
	lapses := start.Add(66 * time.Minute)
	if want := []string{"acknowledged as inc-2, which it continues; lapses at " + lapses.Format(time.TimeOnly) + " unless renewed"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if lines := peopleHear(e.Step(lapses.Add(-time.Second), nil)); len(lines) > 0 {
		t.Errorf("before it lapses: %q", lines)
	}
	if lines := peopleHear(e.Step(lapses, nil)); len(lines) != 1 || !strings.Contains(lines[0], "handed back") {
		t.Errorf("when it lapses: %q", lines)
	}
}
