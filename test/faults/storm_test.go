package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"quell/internal/fake"
)

// TestCase24FlappingPagesOnce replays an hour in which an alert comes and goes every second.
func TestCase24FlappingPagesOnce(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for s := range 3600 {
		a := ill("pod/shop/flapping")
		if a.starts = begin.Add(time.Duration(s) * time.Second); s%2 == 1 {
			a.ends, a.starts = a.starts, a.starts.Add(-time.Second)
		}
		fmt.Fprintf(&lines, `{"t":%q,"alertmanager":%s}`+"\n", begin.Add(time.Duration(s)*time.Second).Format(time.RFC3339), webhook(a))
	}
	cmd := exec.Command(program, "replay", "-o", "json", "-")
	cmd.Stdin = &lines
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("replay: %v", err)
	}
	decisions := make(map[string]int)
	var summary struct {
		Incidents, Pages int
	}
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		line := struct {
			Decision string
			Summary  any
		}{Summary: &summary}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, scanner.Bytes())
		}
		decisions[line.Decision]++
	}
	if summary.Incidents != 1 || summary.Pages != 1 {
		t.Errorf("an hour of flapping: got %+v and decisions %v, want one incident and one page", summary, decisions)
	}
	if len(out) > 64<<10 {
		t.Errorf("the story of one incident has %d bytes", len(out))
	}
}

// TestCase25OneRootManyDependents breaks a node under thousands of pods, of which each has an alert of its own: one page and one
// message in the channel, which is edited.
func TestCase25OneRootManyDependents(t *testing.T) {
	pods := times(5_000, 50_000)
	r := newRig(t, options{hold: 8 * time.Second})
	r.start()
	type edge struct {
		From string `json:"from"`
		To   string `json:"to"`
		Type string `json:"type"`
	}
	edges := make([]edge, pods)
	alerts := make([]*alert, pods)
	for i := range pods {
		pod := fmt.Sprintf("pod/shop/p%d", i)
		edges[i] = edge{pod, "node/n1", "runs_on"}
		alerts[i] = ill(pod, "severity", "warning")
	}
	if a := r.request(http.MethodPost, "/api/v1/topology", mustJSON(map[string]any{"edges": edges})); a.status != http.StatusOK {
		t.Fatalf("topology: got %v, want 200", a)
	}
	node := ill("node/n1", "alertname", "NodeDown")
	for i := 0; i < pods; i += 500 {
		r.mustSend(alerts[i:min(i+500, pods)]...)
		if i == 0 {
			r.fails(node)
		}
	}
	r.paged("node/n1")
	if pages := r.pd.Incidents(); len(pages) != 1 {
		t.Errorf("got %d pages, want one", len(pages))
	}
	for i := 0; i < pods; i += 500 {
		over := make([]*alert, 0, 500)
		for _, a := range alerts[i:min(i+500, pods)] {
			over = append(over, a.ended())
		}
		r.mustSend(over...)
	}
	r.heals(node)
	r.verify()
	if n := inChannel(r.slack); n != 1 {
		t.Errorf("got %d messages in the channel, want one", n)
	}
}

// inChannel counts the messages that are not answers in a thread.
func inChannel(s *fake.Slack) (n int) {
	for _, m := range s.Messages() {
		if m.ThreadTS == "" {
			n++
		}
	}
	return n
}
