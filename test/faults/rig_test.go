package faults

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quell/internal/fake"
)

// What every rig's quell is configured with, where its options do not say otherwise.
const (
	defaultHold = time.Second
	settle      = time.Second
	// restartGrace is what senders get after a restart before overdue holds page.
	restartGrace = 2 * time.Second
)

// Credentials that must appear nowhere but in their files and at the receivers.
const (
	routingKey = "PLANTEDROUTINGKEY7f3a00000000000"
	slackToken = "xoxb-planted-token-91c4"
)

// options of a rig. The zero value is useful.
type options struct {
	// alone keeps the case from running beside others.
	alone bool
	// hold is the default hold; zero means defaultHold.
	hold time.Duration
	// server is YAML that is added to the server's section, ", key: value"; root to the whole file; routes and receivers to
	// theirs, slack to the channel at Slack.
	server, root, routes, receivers, slack string
	// late is how much later than in time pages may be, because the case keeps receivers from taking them.
	late time.Duration
	// maxRSS bounds the memory of a run; zero means 512 MiB.
	maxRSS int64
}

// rig is one quell with its store, the receivers that it pages, and the truth about the world that it watches.
type rig struct {
	*testing.T
	options
	// folder has the configuration, the folder data with the store, and a log of each run.
	folder string
	pd     *fake.PagerDuty
	slack  *fake.Slack
	client *http.Client

	address   atomic.Value // of the run that goes on, a string
	process   *process
	runs      int
	restarted time.Time
	base      figures

	mu       sync.Mutex
	accepted map[report]bool // what was answered with 200
	world    truth
	// told and ending are when alerts of an entity were sent first, and their ends.
	told, ending map[string]time.Time
}

// newRig prepares a quell without starting it.
func newRig(t *testing.T, o options) *rig {
	t.Helper()
	if !o.alone {
		t.Parallel()
	}
	o.hold, o.maxRSS = cmp.Or(o.hold, defaultHold), cmp.Or(o.maxRSS, 512<<20)
	r := &rig{
		T: t, options: o, folder: t.TempDir(), accepted: make(map[report]bool), world: make(truth),
		told: make(map[string]time.Time), ending: make(map[string]time.Time),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	var err error
	if r.pd, err = fake.StartPagerDuty(); err != nil {
		t.Fatal(err)
	}
	if r.slack, err = fake.StartSlack(); err != nil {
		t.Fatal(err)
	}
	r.slack.RequireToken(slackToken)
	r.write("pd.key", routingKey+"\n")
	r.write("slack.token", slackToken+"\n")
	r.write("rules.yml", calm)
	r.write("quell.yml", r.config())
	if err := os.Mkdir(filepath.Join(r.folder, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.process != nil {
			r.process.kill()
		}
		_ = r.pd.Close() // loopback sockets of the test itself
		_ = r.slack.Close()
		if t.Failed() && r.process != nil {
			t.Logf("the last log:\n%s", tail(r.process.output()))
		}
	})
	return r
}

// calm are rules for which nothing flaps: the same few things fail here over and over, and each recovery is to be told.
const calm = `chronic:
  - {name: calm, matchers: [], budget: 1d, window: 1d, recoveries: 10000, flap_high: 50, flap_low: 10, action: none, over_budget: none}
`

// config holds for a fixed time: what is truth of the world here, and when it is to be paged, must not depend on what quell has learned from the case
// so far.
func (r *rig) config() string {
	return fmt.Sprintf(`server: {listen: "127.0.0.1:0"%s}
storage: {path: data/quell.db}
hold: {default: %s, threshold: never, settle: %s, restart_grace: %s, alert_timeout: 1h}
rules: {files: [rules.yml]}
log: {level: debug}
route:
  receiver: oncall
%s
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key, url: %q}]
    slack_configs: [{token_file: slack.token, channel: "#ops", api_url: %q%s}]
%s
%s
`, r.server, r.hold, settle, restartGrace, r.routes, r.pd.URL(), r.slack.APIURL(), r.options.slack, r.receivers, r.root)
}

func (r *rig) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// store is the store's file.
func (r *rig) store() string { return filepath.Join(r.folder, "data", "quell.db") }

// started is a rig whose quell runs.
func started(t *testing.T, o options) *rig {
	t.Helper()
	r := newRig(t, o)
	r.start()
	return r
}

// eventually waits for something at most as long as the budget says.
func (r *rig) eventually(budget time.Duration, what string, holds func() bool) {
	r.Helper()
	for end := time.Now().Add(budget); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("after %v, not true: %s", budget, what)
		}
	}
}

// answer is what quell said to a request; status is 0 if it said nothing.
type answer struct {
	status int
	body   string
	err    error
}

func (a answer) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %.200s %v", a.status, a.body, cmp.Or[any](a.err, "")))
}

func (r *rig) request(method, path string, body []byte, headers ...string) answer {
	req, err := http.NewRequest(method, r.address.Load().(string)+path, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text), err}
}

func (r *rig) get(path string) answer { return r.request(http.MethodGet, path, nil) }

// post posts a body to the webhook.
func (r *rig) post(body []byte, headers ...string) answer {
	return r.request(http.MethodPost, "/api/v1/alertmanager", body, headers...)
}

// send reports alerts in one webhook and remembers what was acknowledged.
func (r *rig) send(alerts ...*alert) answer {
	r.telling(alerts...)
	a := r.post(webhook(alerts...))
	if a.status == http.StatusOK {
		r.acknowledged(alerts...)
	}
	return a
}

// telling remembers when alerts are sent for the first time.
func (r *rig) telling(alerts ...*alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range alerts {
		first := r.told
		if !a.ends.IsZero() {
			first = r.ending
		}
		if first[a.entity()].IsZero() {
			first[a.entity()] = time.Now()
		}
	}
}

func (r *rig) acknowledged(alerts ...*alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range alerts {
		r.accepted[a.report()] = true
	}
}

// mustSend wants 200.
func (r *rig) mustSend(alerts ...*alert) {
	r.Helper()
	if a := r.send(alerts...); a.status != http.StatusOK {
		r.Fatalf("webhook of %d alerts: got %v, want 200", len(alerts), a)
	}
}

// fails reports alerts of which each is a fault of its own.
func (r *rig) fails(alerts ...*alert) {
	r.Helper()
	r.mustSend(alerts...)
	r.began(alerts...)
}

// began adds faults to the truth.
func (r *rig) began(alerts ...*alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range alerts {
		if r.world[a.entity()] == nil {
			now := time.Now()
			r.world[a.entity()] = &fault{entity: a.entity(), told: earlier(r.told[a.entity()], now), began: now, hold: r.hold}
		}
	}
}

// heals reports the end of alerts.
func (r *rig) heals(alerts ...*alert) {
	r.Helper()
	over := make([]*alert, len(alerts))
	for i, a := range alerts {
		over[i] = a.ended()
	}
	r.mustSend(over...)
	r.recovered(alerts...)
}

// recovered ends faults in the truth.
func (r *rig) recovered(alerts ...*alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range alerts {
		if f := r.world[a.entity()]; f != nil {
			f.recovered = time.Now()
			f.ending = earlier(r.ending[a.entity()], f.recovered)
		}
	}
}

// earlier is when something was sent, or now if a case has posted it by itself.
func earlier(sent, now time.Time) time.Time {
	if sent.IsZero() {
		return now
	}
	return sent
}

// paged waits until PagerDuty was paged for an entity.
func (r *rig) paged(entity string) {
	r.Helper()
	r.eventually(r.hold+restartGrace+pageBudget+r.late, "PagerDuty has an incident for "+entity, func() bool {
		return len(pagesFor(r.pd.Incidents(), entity)) > 0
	})
}

// operatorPage waits until PagerDuty was told something about quell itself, with a word in it, and returns its title.
func (r *rig) operatorPage(word string) string {
	r.Helper()
	title := ""
	r.eventually(pageBudget, "an operator page about "+word, func() bool {
		for _, i := range r.pd.Incidents() {
			if isOperator(i) && strings.Contains(i.Summary, word) {
				title = i.Summary
			}
		}
		return title != ""
	})
	return title
}
