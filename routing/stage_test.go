package routing

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate"
)

// stage plays the engine and the receivers for escalations of one incident.
type stage struct {
	t   *testing.T
	now time.Time
	x   *Escalations
	inc *correlate.Incident
	// rows is what the store holds.
	rows map[correlate.IncidentID][]byte
	// accepts is true if receivers take what they get at once.
	accepts bool
}

func newStage(t *testing.T, r *Router, inc *correlate.Incident) *stage {
	return &stage{t: t, now: now, x: NewEscalations(r), inc: inc, rows: make(map[correlate.IncidentID][]byte)}
}

// step has escalations stepped as the loop does, and shows what is sent: "ACTION TARGET REASON".
func (s *stage) step(inputs []correlate.Input, effects ...correlate.Effect) (lines []string) {
	s.t.Helper()
	s.x.Hear(inputs)
	sent := s.x.Step(s.now, effects, func(correlate.IncidentID) (*correlate.Incident, bool) { return s.inc, s.inc != nil })
	for _, d := range sent {
		lines = append(lines, fmt.Sprintf("%s %s %s", d.Action, d.Target, d.Reason))
	}
	if s.accepts {
		s.x.Hear(Accepted(sent))
	}
	s.x.Changes(func(id correlate.IncidentID, row []byte) {
		if s.rows[id] = row; row == nil {
			delete(s.rows, id)
		}
	})
	return lines
}

// decide steps with one decision of the engine.
func (s *stage) decide(d correlate.Decision, state correlate.State) []string {
	s.t.Helper()
	s.inc.State = state
	return s.step(nil, correlate.Effect{Decision: d, Incident: s.inc.ID, Generation: s.inc.Generation, Reason: "because"})
}

// result steps with the end of a delivery; problem is empty if it was accepted.
func (s *stage) result(a Action, t Target, problem string) []string {
	s.t.Helper()
	return s.step([]correlate.Input{&correlate.Delivery{
		Incident: s.inc.ID, Generation: s.inc.Generation, Receiver: t.Receiver, Integration: t.Integration(), Action: string(a), Error: problem,
	}})
}

// until lets time pass to an offset from the beginning, and shows what is sent on the way, each with its time.
func (s *stage) until(offset time.Duration) (lines []string) {
	s.t.Helper()
	end := now.Add(offset)
	for at, ok := s.x.Deadline(); ok && !at.After(end); at, ok = s.x.Deadline() {
		s.now = at
		for _, line := range s.step(nil) {
			lines = append(lines, at.Sub(now).String()+" "+line)
		}
	}
	s.now = end
	return lines
}

// restart goes on with what the rows hold.
func (s *stage) restart() {
	s.t.Helper()
	x := NewEscalations(s.x.router)
	for id, row := range s.rows {
		if err := x.Load(id, row); err != nil {
			s.t.Fatal(err)
		}
	}
	s.x = x
}

func (s *stage) want(what string, got []string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// intervals reads time intervals as the configuration has them, in JSON.
func intervals(t testing.TB, text string) []timeinterval.TimeInterval {
	t.Helper()
	var list []timeinterval.TimeInterval
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// Targets of the policies below.
var (
	page1 = Target{"first", "pagerduty", 0}
	page2 = Target{"second", "pagerduty", 0}
	both  = Target{"second", "slack", 0}
	chat  = Target{"team", "slack", 0}
)

// ladder routes team x to a policy: a notice, a page, a second page, all twice.
func ladder(t testing.TB, steps ...Step) *Router {
	if steps == nil {
		steps = []Step{
			{Receivers: []string{"team"}, Notice: true, Wait: 5 * time.Minute},
			{Receivers: []string{"first"}, Wait: 15 * time.Minute},
			{Receivers: []string{"second", "team"}},
		}
	}
	return New(&Config{
		Route: &Route{Receiver: "default", Routes: []*Route{
			{Matchers: when(t, "team=x"), Escalation: "night"},
			{Matchers: when(t, "team=office"), Receiver: "team", Hours: Hours{Active: []string{"office"}, Mute: []string{"lunch"}}},
		}},
		Receivers: map[string][]Target{"default": {slack}, "first": {page1}, "second": {page2, both}, "team": {chat}},
		Policies:  []Policy{{Name: "night", Steps: steps, Repeats: 1, RepeatWait: 30 * time.Minute}},
		TimeIntervals: map[string][]timeinterval.TimeInterval{
			"office": intervals(t, `[{"times":[{"start_time":"09:00","end_time":"17:00"}],"weekdays":["monday:friday"]}]`),
			"lunch":  intervals(t, `[{"times":[{"start_time":"12:00","end_time":"13:05"}]}]`),
		},
	}, Options{StoreID: "k3j5"})
}

// actions leaves the reasons out.
func actions(lines []string) (short []string) {
	for _, line := range lines {
		fields := strings.Fields(line)
		if _, err := time.ParseDuration(fields[0]); err == nil {
			short = append(short, strings.Join(fields[:3], " "))
		} else {
			short = append(short, strings.Join(fields[:2], " "))
		}
	}
	return short
}
