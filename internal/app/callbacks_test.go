package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake"
)

// TestAnswerAtThePagerCountsHere: an alert pages, somebody acknowledges and then resolves it at PagerDuty, and quell knows who.
func TestAnswerAtThePagerCountsHere(t *testing.T) {
	pager, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pager.Close() })
	dir := t.TempDir()
	writeFile(t, dir, "key", fake.RoutingKey)
	writeFile(t, dir, "hook", "hook-secret")
	writeFile(t, dir, "quell.yml", fmt.Sprintf(`
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
hold: {default: 1s}
route: {receiver: oncall}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: key, webhook_secret_file: hook, url: %q}]
`, pager.URL()))
	r := runIn(t, dir)
	body := `[{"labels": {"alertname": "Down", "severity": "critical", "quell_entity": "service/shop/db"}}]`
	if resp, err := http.Post(r.base+"/api/v2/alerts", "application/json", strings.NewReader(body)); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	waitFor(t, "the page", func() bool { return len(pager.Incidents()) == 1 })
	answer := func(id, kind, want string) {
		t.Helper()
		hook := fake.PDHook{ID: id, Type: kind, Key: pager.Incidents()[0].Key, Agent: "Ada", At: time.Now()}
		req, err := hook.Request(r.base+"/api/v1/pagerduty", "hook-secret")
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		var inc correlate.Incident
		if r.get("/api/v1/incidents/inc-1", &inc); resp.StatusCode != http.StatusOK || inc.State.String() != want || inc.AckedBy != "Ada at PagerDuty" {
			t.Errorf("after %s: %s, the incident is %s, acknowledged by %q", kind, resp.Status, inc.State, inc.AckedBy)
		}
	}
	answer("1", "incident.acknowledged", "acknowledged")
	answer("2", "incident.resolved", "resolved")
}

// TestWhatWasChangedAndDoneIsToldAtThePager: a rollout is seen, an alert on what was rolled out pages, and somebody acknowledges it here.
func TestWhatWasChangedAndDoneIsToldAtThePager(t *testing.T) {
	pager, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pager.Close() })
	dir := t.TempDir()
	writeFile(t, dir, "key", fake.RoutingKey)
	writeFile(t, dir, "quell.yml", fmt.Sprintf(`
server: {listen: "127.0.0.1:0", external_url: "https://quell.example"}
storage: {path: quell.db}
hold: {default: 1s}
route: {receiver: oncall}
receivers: [{name: oncall, pagerduty_configs: [{routing_key_file: key, url: %q}]}]
`, pager.URL()))
	r := runIn(t, dir)
	post := func(path, body string) {
		t.Helper()
		resp, err := http.Post(r.base+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, resp.Status)
		}
	}
	post("/api/v1/kubernetes", fmt.Sprintf(`{"kind": "Event", "metadata": {"name": "e1", "namespace": "shop"}, "type": "Normal", "reason": "ScalingReplicaSet",
		"message": "Scaled up replica set cart-6f8d to 3", "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": "cart"}, "lastTimestamp": %q}`,
		time.Now().UTC().Format(time.RFC3339)))
	post("/api/v2/alerts", `[{"labels": {"alertname": "Down", "severity": "critical", "quell_entity": "deployment/shop/cart"}}]`)
	waitFor(t, "the page and what was changed", func() bool { return len(pager.Incidents()) == 1 && len(pager.Changes()) == 1 })
	if c := pager.Changes()[0]; c.Payload.Source != "deployment/shop/cart" || !strings.Contains(c.Payload.Summary, "cart-6f8d") {
		t.Errorf("change event %+v", c.Payload)
	}
	if images := pager.Events()[0].Images; len(images) != 1 || images[0].Src != "https://quell.example/api/v1/incidents/inc-1/cascade.png" {
		t.Errorf("pictures %+v", images)
	}
	post("/api/v1/incidents/inc-1/ack", `{"by": "ada"}`)
	waitFor(t, "the acknowledgement at the pager", func() bool { return !pager.Incidents()[0].Acknowledged.IsZero() })
}
