package routing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// What somebody says about an incident shows in its messages, be they silenced or over; no pager hears of it, and nothing else changes.
func TestRestateTellsChatAloneAndChangesNothing(t *testing.T) {
	s := newStage(t, router(t), incident(correlate.Escalated, "a"))
	if got := s.x.Restate(now, s.inc, "so"); len(got) != 0 {
		t.Errorf("nobody was told of it yet, got %v", got)
	}
	s.decide(correlate.Escalate, correlate.Escalated)
	s.inc.Silenced = &correlate.Silenced{All: true}
	for _, state := range []correlate.State{correlate.Escalated, correlate.Resolved} {
		if state == correlate.Resolved {
			s.decide(correlate.Resolve, state)
		}
		got := s.x.Restate(now.Add(time.Minute), s.inc, "silenced by anna")
		if len(got) == 0 {
			t.Fatalf("%s: nobody is told", state)
		}
		for _, d := range got {
			if d.Target.Type != "slack" || d.Action != Update || d.Key != s.x.Router().Key(s.inc.ID, 2) || d.Reason != "silenced by anna" || d.Incident != s.inc || d.Expires.IsZero() {
				t.Errorf("%s: got %+v", state, d)
			}
		}
		changed := 0
		s.x.Changes(func(correlate.IncidentID, []byte) { changed++ })
		if changed != 0 {
			t.Errorf("%s: %d rows changed", state, changed)
		}
	}
	reopened := *s.inc
	reopened.Generation++
	if diff := cmp.Diff([]Delivery(nil), s.x.Restate(now, &reopened, "so")); diff != "" {
		t.Errorf("a life that nobody was told of:\n%s", diff)
	}
}
