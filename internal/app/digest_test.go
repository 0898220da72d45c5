package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/fake"
	"quell/notify/digest"
	"quell/storage"
	"quell/web"
)

// TestDigestIsMadeOnceAcrossRestarts runs quell over a schedule that came due while it was down: one digest arrives, says that it
// is late, and neither that process nor the next one sends another.
func TestDigestIsMadeOnceAcrossRestarts(t *testing.T) {
	slack, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	defer slack.Close()
	// The schedule was due two hours ago; the dispatcher has a clock of its own, so the story ends now.
	today := time.Now().UTC()
	due := today.Add(-2 * time.Hour)
	schedule := fmt.Sprintf("%d %d * * *", due.Minute(), due.Hour())
	dir := t.TempDir()
	writeFile(t, dir, "token", "xoxb-test")
	writeFile(t, dir, "quell.yml", `
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
route: {receiver: team}
receivers: [{name: team, slack_configs: [{token_file: token, channel: "#ops", api_url: "`+slack.APIURL()+`"}]}]
digest: [{schedule: "`+schedule+`", timezone: UTC, receiver: team}]
`)
	day := today.Add(-3 * time.Hour)
	run := func(now time.Time, during func(a *App)) { t.Helper(); runAt(t, dir, now, during) }
	run(day, func(a *App) {
		a.wait(t)
		in := firing("Down", "service/db")
		in.StartsAt = day
		if err := a.loop.submit(context.Background(), []correlate.Input{in}); err != nil {
			t.Fatal(err)
		}
		if err := a.loop.submit(context.Background(), []correlate.Input{ended(in)}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the digest's mark", func() bool {
			v, err := a.store.Get(storage.Marks, []byte("digest/team/{}/"))
			return v != nil && err == nil
		})
	})
	if n := len(slack.Messages()); n != 0 {
		t.Fatalf("%d messages before it was due", n)
	}
	for i, now := range []time.Time{today, today.Add(time.Minute), today.Add(2 * time.Minute)} {
		run(now, func(a *App) {
			a.wait(t)
			if i == 0 {
				// Stop as soon as Slack has it: the next process does not know that it arrived, and must find out.
				waitFor(t, "the digest", func() bool { return len(slack.Messages()) == 1 })
				return
			}
			waitFor(t, "an empty outbox", func() bool {
				outbox, err := readOutbox(a.store, 0, 0)
				return err == nil && len(outbox) == 0
			})
		})
	}
	if n := len(slack.Messages()); n != 1 {
		t.Errorf("%d digests arrived, want 1", n)
	}
	b, err := json.Marshal(slack.Messages())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "late") {
		t.Errorf("the digest does not say that it is late: %s", b)
	}
}

// runAt runs quell with the configuration in dir and a clock that starts at now, for as long as during takes.
func runAt(t *testing.T, dir string, now time.Time, during func(a *App)) {
	t.Helper()
	begin := time.Now()
	a := &App{options: Options{
		ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: io.Discard, wall: func() time.Time { return now.Add(time.Since(begin)) },
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	defer func() { // also when during gives up
		cancel()
		if err := <-done; err != nil {
			t.Errorf("quell ended with %v", err)
		}
	}()
	during(a)
}

// wait returns when a takes requests.
func (a *App) wait(t *testing.T) {
	t.Helper()
	waitFor(t, "quell to start", func() bool { return a.running.Load() })
}

// waitFor polls with a deadline; it is for tests with real sockets, where time cannot be faked.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// TestReloadRefusesBadConfigAndKeepsTheOld swaps the file for a bad one, then for a good one.
func TestReloadRefusesBadConfigAndKeepsTheOld(t *testing.T) {
	dir := t.TempDir()
	good := "reload: {watch: false}\nserver: {listen: \"127.0.0.1:0\"}\nhold: {default: 7m}\nroute: {receiver: a}\nreceivers: [{name: a}]\n"
	writeFile(t, dir, "quell.yml", good)
	a := &App{options: Options{ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: io.Discard}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	a.wait(t)
	writeFile(t, dir, "quell.yml", strings.Replace(good, "receiver: a", "receiver: b", 1)+"nonsense: 1\n")
	err := admin{a}.Reload(ctx, "test")
	if err == nil || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("a bad configuration gives %v, want both of its problems", err)
	}
	hold := func() (d time.Duration) {
		if err := a.loop.look(ctx, func(e *correlate.Engine) error { d = e.Policy().Hold; return nil }); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := hold(); d != 7*time.Minute {
		t.Errorf("after a refused reload the hold is %v", d)
	}
	writeFile(t, dir, "quell.yml", strings.Replace(good, "7m", "3m", 1))
	if err := (admin{a}).Reload(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	if d := hold(); d != 3*time.Minute {
		t.Errorf("after a reload the hold is %v, want 3m", d)
	}
	var audit []string
	if err := a.store.Scan(storage.Audit, nil, nil, func(_, v []byte) error { audit = append(audit, string(v)); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(audit) != 1 || !strings.Contains(audit[0], `"action":"reload"`) {
		t.Errorf("audit log is %q, want the one reload that was taken", audit)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "quell.db")); err != nil {
		t.Error(err)
	}
}

// TestDigestsPickIncidentsByLabels makes digests of two teams' incidents, of which one healed and one is open, for one of them and for both.
func TestDigestsPickIncidentsByLabels(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", "server: {listen: \"127.0.0.1:0\"}\nstorage: {path: quell.db}\nhold: {settle: 1s}\nroute: {receiver: a}\nreceivers: [{name: a}]\n")
	runAt(t, dir, time.Now(), func(a *App) {
		a.wait(t)
		cart := firing("CartDown", "service/cart", "team", "shop")
		for _, in := range []correlate.Input{cart, firing("DBDown", "service/db", "team", "data"), ended(cart)} {
			if err := a.loop.submit(t.Context(), []correlate.Input{in}); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now().UTC()
		report := func(matchers string) *digest.Digest {
			ms, err := labels.ParseMatchers(matchers)
			if err != nil {
				t.Fatal(err)
			}
			d, err := a.makeDigest(t.Context(), &digestSpec{since: now.Add(-time.Hour), until: now.Add(time.Hour), matchers: ms})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		waitFor(t, "the cart to heal", func() bool { return report("").Figures.SelfHealed == 1 })
		if d := report(`team="shop"`); d.Figures.Incidents != 1 || d.Figures.SelfHealed != 1 || d.Matchers != `team="shop"` || d.Past != nil {
			t.Errorf("shop: %+v of %s, past %v", d.Figures, d.Matchers, d.Past)
		}
		if d := report(`team=~"shop|data"`); d.Figures.Incidents != 2 {
			t.Errorf("both: %+v", d.Figures)
		}
		doc, err := backend{a}.Digest(t.Context(), &web.DigestQuery{Since: now.Add(-time.Hour), Until: now.Add(time.Hour), Location: time.UTC, Format: "text"})
		if err != nil || !strings.Contains(string(doc.Body), "2 incidents of 2 alerts: 1 self-healed, 1 still open.") {
			t.Errorf("text: %s, %v", doc.Body, err)
		}
	})
}
