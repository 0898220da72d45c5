package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/storage"
	"quell/web"
)

// TestFiguresSurviveRestarts lets one incident heal and hears an operator twice: while the engine knows the incident, and after it has
// forgotten it. Figures of a fixed period are the same in the next process, and what both said is kept with the incident.
func TestFiguresSurviveRestarts(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", `
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
hold: {settle: 1s, reopen: 1m}
route: {receiver: team}
receivers: [{name: team}]
`)
	ctx, today := context.Background(), time.Now().UTC()
	day := today.Add(-3 * time.Hour)
	figures := func(a *App) *honesty.Figures {
		t.Helper()
		f, err := backend{a}.Figures(ctx, honesty.Period{Since: day, Until: today, At: today})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	say := func(a *App, shouldHavePaged bool) error {
		return backend{a}.Feedback(ctx, &correlate.Feedback{Incident: 1, By: "ada", ShouldHavePaged: &shouldHavePaged}, "test")
	}
	var known *honesty.Figures
	runAt(t, dir, day, func(a *App) {
		a.wait(t)
		in := firing("Down", "service/db")
		in.StartsAt = day
		for _, alert := range []*correlate.Alert{in, ended(in)} {
			if err := a.loop.submit(ctx, []correlate.Input{alert}); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, "the incident to heal", func() bool { return figures(a).Holds.Healed == 1 })
		if f := figures(a); f.Suppression.Judged != 1 || f.Suppression.False != 0 {
			t.Errorf("before anybody said anything: %+v", f.Suppression)
		}
		if err := say(a, true); err != nil {
			t.Fatal(err)
		}
		if known = figures(a); known.Suppression.Marked != 1 {
			t.Errorf("what should have paged is a false suppression: %+v", known.Suppression)
		}
		if err := (backend{a}).Feedback(ctx, &correlate.Feedback{Incident: 7, Comment: "?"}, "test"); !errors.Is(err, web.ErrNotFound) {
			t.Errorf("feedback on an unknown incident: got %v", err)
		}
	})
	runAt(t, dir, today.Add(-time.Hour), func(a *App) {
		a.wait(t)
		waitFor(t, "the engine to forget the incident", func() bool {
			gone := false
			_ = a.loop.look(ctx, func(e *correlate.Engine) error { _, ok := e.Incident(1, 1); gone = !ok; return nil })
			return gone
		})
		if d := cmp.Diff(known, figures(a)); d != "" {
			t.Errorf("the restart changed figures (-before +after):\n%s", d)
		}
		if err := say(a, false); err != nil {
			t.Fatal(err)
		}
		if f := figures(a); f.Suppression.False != 0 || f.Suppression.Judged != 1 {
			t.Errorf("ada thought better of it: %+v", f.Suppression)
		}
	})
	runAt(t, dir, today, func(a *App) { a.wait(t); feedbackKept(t, a) })
}

// feedbackKept checks that both of ada's words are where they belong.
func feedbackKept(t *testing.T, a *App) {
	t.Helper()
	inc, err := backend{a}.Incident(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(inc.Feedback) != 2 || !strings.Contains(inc.Timeline[len(inc.Timeline)-1].Reason, "ada says: it need not have paged") {
		t.Errorf("kept: %+v", inc.Feedback)
	}
	audited := 0
	_ = a.store.Scan(storage.Audit, nil, nil, func(_, v []byte) error {
		if strings.Contains(string(v), `"feedback","on":"inc-1"`) {
			audited++
		}
		return nil
	})
	if audited != 2 {
		t.Errorf("%d entries in the audit log", audited)
	}
	const want = `
# HELP quell_feedback_total What operators said about incidents.
# TYPE quell_feedback_total counter
quell_feedback_total{should_have_paged="false"} 1
quell_feedback_total{should_have_paged="true"} 1
# HELP quell_holds_total Holds by what became of them (healed, paged, handled, lost, silenced, muted), counted when that can no longer change.
# TYPE quell_holds_total counter
quell_holds_total{fate="handled"} 0
quell_holds_total{fate="healed"} 1
quell_holds_total{fate="lost"} 0
quell_holds_total{fate="muted"} 0
quell_holds_total{fate="paged"} 0
quell_holds_total{fate="silenced"} 0
`
	if err := testutil.CollectAndCompare(newState(a.figures), strings.NewReader(want), "quell_feedback_total", "quell_holds_total"); err != nil {
		t.Error(err)
	}
}
