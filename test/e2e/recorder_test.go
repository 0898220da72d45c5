//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// unseen lists what never reached a webhook, as "ALERT: REASON, COUNT".
func (b *bench) unseen() (list []string) {
	b.Helper()
	resp, err := http.Get(b.url + "/api/v1/unseen")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Alerts []correlate.UnseenView }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.Fatal(err)
	}
	for _, v := range answer.Alerts {
		list = append(list, fmt.Sprintf("%s: %s, %d", v.Name, v.Reason, v.Count))
	}
	slices.Sort(list)
	return list
}

// TestAlertmanagerTellsOfWhatItDoesNotSend turns on its event recorder: an alert that is over within group_wait, one that is inhibited
// and one that is silenced never come by the webhook, and are counted. One that comes is not.
func TestAlertmanagerTellsOfWhatItDoesNotSend(t *testing.T) {
	b := newBench(t, "", "event_recorder: {wait: 20s}\n")
	am := b.alertmanagerWith(fmt.Sprintf(`route: {receiver: quell, group_by: [alertname], group_wait: 10s, group_interval: %s, repeat_interval: 5m}
receivers: [{name: quell, webhook_configs: [{url: %q, send_resolved: true}]}]
inhibit_rules: [{source_matchers: ['alertname="Root"'], target_matchers: ['alertname="Effect"']}]
event_recorder:
  webhook_outputs: [{url: %q, batch: true}]
  file_outputs: [{path: %q}]
`, flush, b.url+"/api/v1/alertmanager", b.url+"/api/v1/alertmanager/events", filepath.Join(b.folder, "events.jsonl")), "--enable-feature=event-recorder")
	alert := func(name string) postable {
		return postable{Labels: map[string]string{"alertname": name, "severity": "warning", "quell_entity": "service/shop/" + name}, StartsAt: time.Now()}
	}
	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"Muted","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"t","comment":"t"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	am.postSilence(silence)
	list := []postable{alert("Root"), alert("Effect"), alert("Muted"), alert("Blip")}
	b.post(am.url, list...)
	time.Sleep(time.Second)
	b.post(am.url, over(list[3:])...)
	b.eventually(budget, "the one that is sent came", func() bool { return len(b.incidents("held,escalated")) == 1 })
	time.Sleep(3 * flush) // inhibition and silence show with each flush
	b.post(am.url, over(list[:3])...)
	want := []string{"Blip: not sent, 1", "Effect: inhibited, 1", "Muted: silenced, 1"}
	b.eventually(20*time.Second+2*budget, "all that was not sent is counted", func() bool { return len(b.unseen()) == len(want) })
	if diff := cmp.Diff(want, b.unseen()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The same from its file says nothing new.
	if _, err := os.Stat(filepath.Join(b.folder, "events.jsonl")); err != nil {
		t.Fatal(err)
	}
	b.command("import", "--url", b.url, filepath.Join(b.folder, "events.jsonl"))
	if diff := cmp.Diff(want, b.unseen()); diff != "" {
		t.Errorf("after the import (-want +got):\n%s", diff)
	}
}

// TestWatchdogThatStopsIsAnIncident: an alert that always fires comes by Alertmanager's webhook each few seconds, and stops.
func TestWatchdogThatStopsIsAnIncident(t *testing.T) {
	b := newBench(t, "", "heartbeats: [{name: watchdog, matchers: ['alertname=\"Watchdog\"'], per: [cluster], interval: 10s, grace: 5s}]\n")
	am := b.alertmanagerWith(fmt.Sprintf(`route: {receiver: quell, group_by: [alertname, cluster], group_wait: 0s, group_interval: 1s, repeat_interval: 4s}
receivers: [{name: quell, webhook_configs: [{url: %q, send_resolved: true}]}]
`, b.url+"/api/v1/alertmanager"))
	watchdog := func(cluster string) postable {
		return postable{Labels: map[string]string{"alertname": "Watchdog", "severity": "none", "cluster": cluster}, StartsAt: time.Now()}
	}
	eu, us := watchdog("eu"), watchdog("us")
	b.post(am.url, eu, us)
	time.Sleep(25 * time.Second) // longer than interval and grace: repeats alone keep it well
	b.wantPages(time.Second)
	us.EndsAt = time.Now() // as if its Prometheus were gone
	b.post(am.url, us)
	b.wantPages(15*time.Second+hold+budget, `HeartbeatMissing on heartbeat/watchdog@us`)
	us.EndsAt, us.StartsAt = time.Time{}, time.Now()
	b.post(am.url, us)
	b.wantResolved()
}
