//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"quell/correlate"
)

// cascade is a node and what runs on it.
func cascade(pods int) []postable {
	list := []postable{{Labels: map[string]string{"alertname": "KubeNodeNotReady", "severity": "critical", "node": "n1"}}}
	for i := range pods {
		list = append(list, postable{Labels: map[string]string{
			"alertname": "KubePodNotReady", "severity": "warning", "namespace": "shop", "pod": fmt.Sprintf("cart-%d", i), "node": "n1",
		}})
	}
	return list
}

// over ends alerts now.
func over(list []postable) []postable {
	ended := make([]postable, len(list))
	for i, a := range list {
		a.EndsAt = time.Now()
		ended[i] = a
	}
	return ended
}

// TestNodeFailureIsOnePage: a node and thirty pods on it fail, in two groups of Alertmanager.
func TestNodeFailureIsOnePage(t *testing.T) {
	b := newBench(t, "")
	am := b.alertmanager()
	alerts := cascade(30)
	b.post(am.url, alerts...)
	b.wantPages(hold+budget, `KubeNodeNotReady on node/n1 \(31 alerts on 31 entities\)`)
	b.post(am.url, over(alerts)...)
	b.wantResolved()
}

// TestPodThatRecoversPagesNobody pushes and ends an alert with amtool.
func TestPodThatRecoversPagesNobody(t *testing.T) {
	b := newBench(t, "")
	am := b.alertmanager()
	labels := []string{"alertname=KubePodNotReady", "severity=warning", "namespace=shop", "pod=cart-1"}
	am.amtool(labels...)
	b.eventually(budget, "quell holds it", func() bool { return len(b.incidents("held")) == 1 })
	am.amtool(append(labels, "--end="+time.Now().Format(time.RFC3339))...)
	b.eventually(budget, "it healed by itself", func() bool { return len(b.incidents("self-healed")) == 1 })
	b.wantPages(time.Second)
}

// TestPairOfAlertmanagersIsOnePage: both peers of a highly available pair get every alert, as Prometheus sends it to both.
func TestPairOfAlertmanagersIsOnePage(t *testing.T) {
	b := newBench(t, "")
	first := b.alertmanager()
	second := b.alertmanager(first.clusterPort)
	alerts := cascade(3)
	for _, am := range []*alertmanager{first, second} {
		b.post(am.url, alerts...)
	}
	b.wantPages(hold+budget, "KubeNodeNotReady on node/n1")
	// The survivor tells of the end.
	first.kill()
	b.post(second.url, over(alerts)...)
	b.wantResolved()
}

// TestKilledInBetween kills quell while it holds an incident, and again when it has paged: nothing is lost, nothing doubled.
func TestKilledInBetween(t *testing.T) {
	b := newBench(t, "")
	am := b.alertmanager()
	alerts := cascade(5)
	b.post(am.url, alerts...)
	b.eventually(budget, "quell holds it", func() bool { return len(b.incidents("held")) == 1 })
	b.quell.kill()
	// What fires while quell is away reaches it by Alertmanager's retries.
	late := postable{Labels: map[string]string{"alertname": "Late", "severity": "critical", "quell_entity": "service/shop/late"}}
	b.post(am.url, late)
	time.Sleep(2 * flush)
	b.start()
	b.wantPages(hold+budget, "KubeNodeNotReady on node/n1", "Late on service/shop/late")
	b.quell.kill()
	b.start()
	b.post(am.url, over(append(alerts, late))...)
	b.wantResolved()
	b.wantPages(time.Second, "KubeNodeNotReady on node/n1", "Late on service/shop/late")
}

// TestSilentAlertmanagerIsNoRecovery stops Alertmanager for good: its alerts are lost, not healed, and that it is silent pages. It
// takes a minute, the shortest time-out there is.
func TestSilentAlertmanagerIsNoRecovery(t *testing.T) {
	b := newBench(t, ", alert_timeout: 1m")
	am := b.alertmanager()
	am.amtool("alertname=KubePodNotReady", "severity=warning", "namespace=shop", "pod=cart-1")
	b.eventually(budget, "quell knows of it", func() bool { return len(b.incidents("held,escalated")) == 1 })
	am.kill()
	b.wantPages(time.Minute+hold+budget, "KubePodNotReady", "SourceSilent on source/")
	for _, i := range b.incidents("") {
		if !i.State.Open() {
			t.Errorf("%s is %s, want it open: nobody said that it recovered", i.Title, i.State)
		}
	}
	if lost := b.incidents(""); len(lost) != 2 || lost[1].Lost != 1 {
		t.Errorf("got %v, want two incidents and the alert of the older one lost", lost)
	}
}

// TestSilentPrometheusIsNoRecovery lets a Prometheus that sends to quell itself fall silent. It takes the two minutes that quell
// gives a Prometheus, which sends every alert anew each minute.
func TestSilentPrometheusIsNoRecovery(t *testing.T) {
	b := newBench(t, "")
	const ahead = 125 * time.Second
	held := postable{
		Labels:   map[string]string{"alertname": "KubePodNotReady", "severity": "warning", "namespace": "shop", "pod": "cart-1"},
		StartsAt: time.Now(), Generator: "http://prometheus-1:9090/graph?g0.expr=x",
	}
	var told time.Time
	for range 3 { // resends move the end
		told = time.Now()
		held.EndsAt = told.Add(ahead)
		b.post(b.url, held)
		time.Sleep(time.Second)
	}
	b.wantPages(hold+budget, "KubePodNotReady")
	if lost := b.incidents("")[0].Lost; lost != 0 {
		t.Errorf("got %d alerts lost before their end, want none", lost)
	}
	b.wantPages(time.Until(told.Add(ahead))+hold+budget, "KubePodNotReady", "SourceSilent on source/.*prometheus-1")
	for _, i := range b.incidents("") {
		if !i.State.Open() {
			t.Errorf("%s is %s, want it open: silence is no recovery", i.Title, i.State)
		}
	}
	// It comes back and tells of the end.
	held.EndsAt = time.Now()
	b.post(b.url, held)
	b.wantResolved()
}

// incidents lists those in some states, newest first.
func (b *bench) incidents(states string) []*correlate.Incident {
	b.Helper()
	query := "?limit=100"
	if states != "" {
		query += "&state=" + states
	}
	resp, err := http.Get(b.url + "/api/v1/incidents" + query)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct{ Incidents []*correlate.Incident }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		b.Fatal(err)
	}
	return page.Incidents
}

// TestAlertThatAlertmanagerSilencesHasNotRecovered: it is absent from the messages of its group from then on, which are complete
// nevertheless, and it fires.
func TestAlertThatAlertmanagerSilencesHasNotRecovered(t *testing.T) {
	b := newBench(t, "")
	am := b.alertmanager()
	pod := func(name string) postable {
		return postable{Labels: map[string]string{"alertname": "KubePodNotReady", "severity": "warning", "namespace": "shop", "pod": name}}
	}
	alerts := []postable{pod("a"), pod("b")}
	b.post(am.url, alerts...)
	b.eventually(budget, "quell knows both", func() bool { return len(b.incidents("held,escalated")) == 2 })
	am.silence("pod=b")
	alerts = append(alerts, pod("c"))
	b.post(am.url, alerts...)
	b.eventually(budget, "quell knows the third", func() bool { return len(b.incidents("held,escalated")) == 3 })
	b.wantPages(hold+budget, "KubePodNotReady on pod/shop/a", "KubePodNotReady on pod/shop/b", "KubePodNotReady on pod/shop/c")
}
