package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/ingest/hook"
)

// hookAlert is an alert of one identity with a severity, firing or ended.
func hookAlert(b *bench, severity string, ended bool) *correlate.Alert {
	l := correlate.LabelsOf("alertname", "CartSlow", "severity", severity)
	a := &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, Source: "webhook/shop", StartsAt: b.loop.clock.last}
	if ended {
		a.EndsAt = b.loop.clock.last
	}
	return a
}

// fires lists the severities that fire.
func fires(b *bench) []string {
	var list []string
	err := b.loop.look(context.Background(), func(e *correlate.Engine) error {
		firing, _ := e.Firing(0, 100)
		for _, f := range firing {
			list = append(list, f.Labels.Get("severity"))
		}
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
	return list
}

// TestEndsCountOnlyIfTheirAlertFires, also if it began in the same batch, before the engine knows of it.
func TestEndsCountOnlyIfTheirAlertFires(t *testing.T) {
	inBubble(t, func(b *bench) {
		report := func(severity string, ended bool) hook.Report {
			return hook.Report{Input: hookAlert(b, severity, ended), IfFiring: ended}
		}
		submit := func(reports ...hook.Report) {
			b.t.Helper()
			if err := b.loop.submitReports(context.Background(), reports); err != nil {
				b.t.Error(err)
			}
		}
		before, _ := b.store.Last()
		submit(report("warning", true))
		if after, _ := b.store.Last(); after != before {
			t.Error("an end alone is in the journal")
		}
		submit(report("warning", false))
		submit(report("critical", false), report("warning", true))
		if diff := cmp.Diff([]string{"critical"}, fires(b)); diff != "" {
			t.Errorf("it became worse (-want +got):\n%s", diff)
		}
		// One batch: what the first request says, the engine knows after the step only.
		b.store.delay(time.Second) // the others wait for the next batch
		first := make(chan error, 1)
		go func() { first <- b.loop.submitReports(context.Background(), []hook.Report{report("page", false)}) }()
		synctest.Wait()
		second, third := make(chan error, 1), make(chan error, 1)
		go func() {
			second <- b.loop.submitReports(context.Background(), []hook.Report{report("error", false)})
		}()
		synctest.Wait()
		go func() {
			third <- b.loop.submitReports(context.Background(), []hook.Report{report("critical", true), report("error", true)})
		}()
		synctest.Wait()
		for _, done := range []chan error{first, second, third} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff([]string{"page"}, fires(b)); diff != "" {
			t.Errorf("begun and ended in one batch (-want +got):\n%s", diff)
		}
	})
}

const hooksYAML = `
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
route: {receiver: team}
receivers: [{name: team}]
webhooks:
  - {name: kuma, preset: uptime-kuma}
`

// TestWebhooksAreTakenInFromTheReloadOn: sources come and go with the configuration, and what they told stays.
func TestWebhooksAreTakenInFromTheReloadOn(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", strings.Split(hooksYAML, "webhooks:")[0])
	r := runIn(t, dir)
	post := func(path, body string, want int) {
		t.Helper()
		resp, err := http.Post(r.base+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("%s: got %s, want %d", path, resp.Status, want)
		}
	}
	const down = `{"heartbeat": {"status": 0, "time": "2026-11-21 02:56:15", "msg": "timeout"}, "monitor": {"id": 1, "name": "shop", "type": "http"}, "msg": ""}`
	post("/api/v1/webhook/kuma", down, http.StatusNotFound)
	r.reload(hooksYAML)
	post("/api/v1/webhook/kuma", down, http.StatusOK)
	post("/api/v1/webhook/kuma", `{"heartbeat": {"status": 9}, "msg": ""}`, http.StatusBadRequest)
	var list struct {
		Incidents []struct {
			Title  string
			Labels map[string]string
		}
	}
	if r.get("/api/v1/incidents", &list); len(list.Incidents) != 2 || list.Incidents[1].Labels["webhook"] != "kuma" {
		t.Errorf("got %+v", list)
	}
	r.reload(strings.Split(hooksYAML, "webhooks:")[0])
	post("/api/v1/webhook/kuma", down, http.StatusNotFound)
}
