package app

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake"
)

// openWorld is a quell that pages a fake PagerDuty, and can be restarted; its clock is put forward by hand.
type openWorld struct {
	t     *testing.T
	dir   string
	pager *fake.PagerDuty
	ahead atomic.Int64
	app   *App
	end   func()
}

const openYAML = `server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
hold: {default: 1s, settle: 1s}
reload: {watch: false}
route: {receiver: NAME}
receivers: [{name: NAME, pagerduty_configs: [{routing_key_file: KEY, url: "URL"}]}]
`

// pagerKey is a routing key whose last letter is given.
func pagerKey(last string) string { return fake.RoutingKey[:31] + last }

func openPages(t *testing.T) *openWorld {
	t.Helper()
	pager, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	w := &openWorld{t: t, dir: t.TempDir(), pager: pager, end: func() {}}
	t.Cleanup(func() { w.end(); _ = pager.Close() })
	for _, name := range []string{"a", "b"} {
		writeFile(t, w.dir, name+".key", pagerKey(name))
	}
	return w
}

// files writes the configuration.
func (w *openWorld) files(receiver, keyFile string) {
	w.t.Helper()
	text := strings.NewReplacer("NAME", receiver, "KEY", keyFile, "URL", w.pager.URL()).Replace(openYAML)
	writeFile(w.t, w.dir, "quell.yml", text)
}

// start runs quell; before that it ends the one that runs, if any.
func (w *openWorld) start() {
	w.t.Helper()
	w.end()
	a := &App{options: Options{
		ConfigPath: filepath.Join(w.dir, "quell.yml"), Stderr: io.Discard,
		wall: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	w.app, w.end = a, func() {
		w.end = func() {}
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("quell ended with %v", err)
		}
	}
	a.wait(w.t)
}

func (w *openWorld) reload() {
	w.t.Helper()
	if err := w.app.reload(context.Background(), bySignal, "test"); err != nil {
		w.t.Fatal(err)
	}
}

// pass puts the clock forward, and has the loop notice.
func (w *openWorld) pass(d time.Duration) {
	w.t.Helper()
	w.ahead.Add(int64(d))
	if err := w.app.loop.do(context.Background(), &request{done: make(chan error, 1), with: func(*step) error { return nil }}); err != nil {
		w.t.Fatal(err)
	}
}

// alert has something fail, or end.
func (w *openWorld) alert(name string, over bool) {
	w.t.Helper()
	a := firing(name, "service/"+name)
	a.StartsAt = time.Now().Add(-time.Hour)
	if over {
		a.EndsAt = time.Now()
	}
	if err := (submitter{w.app}).Submit(context.Background(), []correlate.Input{a}); err != nil {
		w.t.Fatal(err)
	}
}

// page has something fail and waits until somebody is called for it.
func (w *openWorld) page(name, key string) {
	w.t.Helper()
	w.alert(name, false)
	w.until("a page for "+name, func(i fake.PDIncident) bool {
		return strings.HasPrefix(i.Summary, name) && i.RoutingKey == pagerKey(key)
	})
}

// until waits for an incident at PagerDuty.
func (w *openWorld) until(what string, is func(fake.PDIncident) bool) {
	w.t.Helper()
	waitFor(w.t, what, func() bool { return slices.ContainsFunc(w.pager.Incidents(), is) })
}

// stored waits until the ends of all deliveries are.
func (w *openWorld) stored() {
	w.t.Helper()
	waitFor(w.t, "an empty outbox", func() bool {
		outbox, err := readOutbox(w.app.store, 0, 0)
		return err == nil && len(outbox) == 0
	})
}

// resolves are the resolves that PagerDuty took, by the last letter of their routing keys.
func (w *openWorld) resolves() (list []string) {
	for _, e := range w.pager.Events() {
		if e.Action == "resolve" {
			list = append(list, e.RoutingKey[31:]+" "+e.DedupKey[strings.LastIndex(e.DedupKey, "/inc-")+1:])
		}
	}
	slices.Sort(list)
	return list
}

func (w *openWorld) resolved(name string) {
	w.t.Helper()
	w.alert(name, true)
	w.until("the end of "+name, func(i fake.PDIncident) bool { return strings.HasPrefix(i.Summary, name) && !i.Resolved.IsZero() })
	w.stored()
}

func (w *openWorld) wantResolves(what string, want ...string) {
	w.t.Helper()
	if got := w.resolves(); !slices.Equal(got, want) {
		w.t.Errorf("%s: got resolves %q, want %q", what, got, want)
	}
}

// TestOpenPagesEndWhereTheyWereOpened: in a quell that got another key by a reload, in one that got other receivers while it was down, and,
// where nobody knows the key any more, with a word on the incident.
func TestOpenPagesEndWhereTheyWereOpened(t *testing.T) {
	w := openPages(t)
	w.files("oncall", "a.key")
	w.start()
	for _, name := range []string{"Reloaded", "Renamed", "Lost"} {
		w.page(name, "a")
	}
	w.stored()
	w.files("oncall", "b.key")
	w.reload()
	w.page("Fresh", "b")
	w.resolved("Reloaded")
	w.resolved("Fresh")
	w.wantResolves("after a reload", "a inc-1/1", "b inc-4/1")

	w.files("oncall", "a.key")
	w.start()
	w.files("people", "b.key") // while it is down
	w.start()
	w.resolved("Renamed")
	w.wantResolves("with another receiver", "a inc-1/1", "a inc-2/1", "b inc-4/1")

	w.files("oncall", "b.key")
	w.start() // only the configuration before the last one knew the key that the page is open under
	w.alert("Lost", true)
	waitFor(t, "the end", func() bool { return slices.Contains(w.resolves(), "b inc-3/1") })
	inc, err := backend{w.app}.Incident(context.Background(), 3)
	if err != nil || !strings.Contains(fmt.Sprint(inc.Timeline), "what follows could not be delivered to oncall, pagerduty[0]") {
		t.Errorf("nobody is told: %v, %+v", err, inc)
	}
}

// TestWhatQuellSaidOfItselfIsResolvedAtPagerDuty through a reload and restarts, once each.
func TestWhatQuellSaidOfItselfIsResolvedAtPagerDuty(t *testing.T) {
	w := openPages(t)
	w.files("oncall", "a.key")
	w.start()
	about := func(what string, open bool) func(fake.PDIncident) bool {
		return func(i fake.PDIncident) bool {
			return strings.HasSuffix(i.Key, "/operator/"+what) && i.Resolved.IsZero() == open && i.RoutingKey == pagerKey("a")
		}
	}
	w.app.quarantine("/api/v1/alertmanager", []byte("{"), "it is no JSON")
	w.until("word of the body", about(badBody, true))
	w.stored()
	writeFile(t, w.dir, "quell.yml", "nonsense: 1\n")
	w.app.options.Storage = ""
	if err := w.app.reload(context.Background(), bySignal, "test"); err == nil {
		t.Fatal("nonsense was taken")
	}
	w.app.remind(context.Background(), w.app.options.wall().Add(2*refusedNotice))
	w.until("word of the configuration", about(configRefused, true))
	w.stored()
	w.files("oncall", "b.key") // what was opened with the other key is resolved with it
	w.reload()
	w.pass(settles + time.Second)
	w.until("that it is accepted", about(configRefused, false))
	w.stored()
	w.files("oncall", "a.key")
	w.start()
	w.pass(momentLasts)
	w.until("that no other body came", about(badBody, false))
	w.stored()
	w.start()
	w.pass(24 * time.Hour)
	w.stored()
	if n := len(w.resolves()); n != 2 || len(w.pager.Incidents()) != 2 {
		t.Errorf("got resolves %q, want each once; incidents %+v", w.resolves(), w.pager.Incidents())
	}
}
