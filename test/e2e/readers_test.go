//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// ask runs amtool against quell itself and returns what it prints.
func (b *bench) ask(words ...string) string {
	b.Helper()
	return amtool(b.T, b.url, words...)
}

// wantLines wants that a text has exactly some lines with a word, or none of it.
func (b *bench) wantLines(text, word string, want int) {
	b.Helper()
	if got := strings.Count(text, word); got != want {
		b.Errorf("got %d times %q, want %d, in\n%s", got, word, want, text)
	}
}

// TestAmtoolReadsQuell: what quell explained is suppressed, and the alert on the root stands for all.
func TestAmtoolReadsQuell(t *testing.T) {
	b := newBench(t, "")
	b.post(b.url, cascade(5)...)
	b.post(b.url, postable{Labels: map[string]string{"alertname": "Watchdog", "severity": "none"}})
	b.eventually(budget, "all is one incident", func() bool { list := b.incidents("held,escalated"); return len(list) == 1 && list[0].Alerts == 6 })

	shown := b.ask("alert", "query")
	b.wantLines(shown, "KubeNodeNotReady", 1)
	b.wantLines(shown, "Watchdog", 1)
	b.wantLines(shown, "KubePodNotReady", 0)
	b.wantLines(b.ask("alert", "query", "--inhibited"), "KubePodNotReady", 5)
	b.wantLines(b.ask("alert", "query", "--inhibited", "--active", "pod=~cart-(1|2)"), "KubePodNotReady", 2)
	b.wantLines(b.ask("alert", "query", "-i", "--receiver=nobody"), "KubePodNotReady", 0)

	extended := b.ask("-o", "extended", "alert", "query", "-i", "-a")
	b.wantLines(extended, "suppressed", 5)
	b.wantLines(extended, `quell_root="node/n1"`, 6)
	b.wantLines(b.ask("-o", "json", "alert", "query", "-i"), `"inhibitedBy"`, 5)

	b.wantLines(b.ask("cluster", "show"), "disabled", 1)
	config := b.ask("config", "show")
	b.wantLines(config, `receiver: "oncall"`, 1)
	b.wantLines(config, "Warning", 0) // amtool knows the version
	b.wantLines(b.ask("config", "routes", "show"), "receiver: oncall", 1)
	b.wantLines(b.ask("config", "routes", "test", "severity=critical"), "oncall", 1)
}

// TestAmtoolAddsAlertsToQuell as it adds them to an Alertmanager.
func TestAmtoolAddsAlertsToQuell(t *testing.T) {
	b := newBench(t, "")
	b.ask("alert", "add", "alertname=Oven", "severity=warning", "quell_entity=service/shop/oven")
	b.wantLines(b.ask("alert", "query", "Oven"), "Oven", 1)
}

// TestAmtoolSilencesQuell adds, finds, changes and ends silences, and quell pages for nothing that they are about.
func TestAmtoolSilencesQuell(t *testing.T) {
	b := newBench(t, "")
	id := strings.TrimSpace(b.ask("silence", "add", "--author=alice", "--comment=disk swap", "--duration=1h", "alertname=KubePodNotReady", "pod=~cart-.*"))
	b.post(b.url, cascade(2)[1:]...)
	b.post(b.url, postable{Labels: map[string]string{"alertname": "Oven", "severity": "warning", "quell_entity": "service/shop/oven"}})
	b.eventually(budget, "quell holds it all", func() bool { return len(b.incidents("held,escalated")) >= 2 })

	b.wantLines(b.ask("alert", "query"), "KubePodNotReady", 0)
	b.wantLines(b.ask("alert", "query"), "Oven", 1)
	b.wantLines(b.ask("-o", "extended", "alert", "query", "--silenced"), "suppressed", 2)
	b.wantLines(b.ask("-o", "json", "alert", "query", "--silenced"), id, 2)
	b.wantLines(b.ask("silence", "query"), id, 1)
	b.wantLines(b.ask("silence", "query", "alertname=KubePodNotReady"), "disk swap", 1)
	b.wantLines(b.ask("silence", "query", "alertname=Other"), id, 0)

	changed := b.ask("silence", "update", "--duration=3h", "--comment=takes longer", id)
	b.wantLines(changed, id, 1) // in place
	b.wantLines(b.ask("-o", "extended", "silence", "query"), "takes longer", 1)
	b.wantPages(hold+budget, "Oven on service/shop/oven")

	b.ask("silence", "expire", id)
	b.wantLines(b.ask("silence", "query"), id, 0)
	b.wantLines(b.ask("silence", "query", "--expired"), id, 1)
	b.wantLines(b.ask("alert", "query"), "KubePodNotReady", 2)
	b.eventually(hold+settle+budget, "what is still broken pages", func() bool { return strings.Count(b.pages(), "KubePodNotReady") > 0 })
}

// TestAmtoolSilencesWhatDependsOnAnEntity: a matcher on quell_entity says what no label of the alerts does.
func TestAmtoolSilencesWhatDependsOnAnEntity(t *testing.T) {
	b := newBench(t, "")
	b.ask("silence", "add", "--author=alice", "--comment=reboot", "quell_entity=node/n1")
	b.post(b.url, cascade(3)...)
	b.eventually(budget, "all is one incident", func() bool { list := b.incidents("held,escalated"); return len(list) == 1 && list[0].Alerts == 4 })
	b.wantLines(b.ask("-o", "extended", "alert", "query", "--silenced", "--inhibited"), "suppressed", 4)
	b.wantLines(b.ask("silence", "query"), "quell_entity", 1)
}

// TestSilenceOfEverythingIsRefused in words that amtool shows.
func TestSilenceOfEverythingIsRefused(t *testing.T) {
	b := newBench(t, "")
	words := []string{"--alertmanager.url=" + b.url, "silence", "add", "--author=alice", "--comment=quiet please", "severity=~.+"}
	out, err := exec.Command(program(t, "AMTOOL"), words...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "too broad") {
		t.Errorf("got %v %s, want that it is refused", err, out)
	}
	b.wantLines(b.ask("silence", "query"), "quiet please", 0)
	b.ask("silence", "add", "--author=alice", "--comment=quiet please", "severity=~.+", "quell_force=true")
	b.wantLines(b.ask("silence", "query"), "quiet please", 1)
}

// TestMetricsTellTheVersionOfTheAPI: Karma reads it there.
func TestMetricsTellTheVersionOfTheAPI(t *testing.T) {
	b := newBench(t, "")
	resp, err := http.Get(b.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	b.wantLines(string(text), "\nalertmanager_build_info{version=", 1)
}
