//go:build e2ekube

package e2ekube

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"quell/internal/fake"
)

// quell is one that watches the cluster, with a PagerDuty and a Slack.
type quell struct {
	folder, url string
	pd          *fake.PagerDuty
	slack       *fake.Slack
	cmd         *exec.Cmd
	exited      chan struct{} // closed when it has ended
}

// newQuell starts one. Its way to the cluster is the kubeconfig.
func newQuell(t *testing.T, kubeconfig string) *quell {
	t.Helper()
	pd, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	slack, err := fake.StartSlack()
	if err != nil {
		t.Fatal(err)
	}
	q := &quell{folder: t.TempDir(), url: "http://" + freeAddress(t), pd: pd, slack: slack}
	config := fmt.Sprintf(`server: {listen: %q}
storage: {path: quell.db}
kubernetes: {clusters: [{name: e2e, kubeconfig: kubeconfig, qps: 50, burst: 100}]}
rules: {packs: [kubernetes]}
hold: {default: %s, settle: %s, restart_grace: 10s}
route: {receiver: oncall}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pd.key, url: %q}]
    slack_configs: [{token_file: slack.token, channel: "#ops", api_url: %q}]
`, strings.TrimPrefix(q.url, "http://"), hold, settle, pd.URL(), slack.APIURL())
	for name, text := range map[string]string{"quell.yml": config, "kubeconfig": kubeconfig, "pd.key": fake.RoutingKey + "\n", "slack.token": "xoxb-e2e\n"} {
		if err := os.WriteFile(filepath.Join(q.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q.start(t)
	t.Cleanup(func() {
		q.kill()
		_, _ = pd.Close(), slack.Close() // sockets of the test itself
		if t.Failed() {
			t.Logf("quell's log:\n%s", q.log())
		}
	})
	return q
}

// start starts it, or starts it again.
func (q *quell) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(q.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd, exited := exec.Command(program(t), "serve", "-c", filepath.Join(q.folder, "quell.yml")), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	q.cmd, q.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // nobody asks how it ended
		close(exited)
	}()
	eventually(t, budget, "quell is ready", func() (bool, any) {
		resp, err := http.Get(q.url + "/-/ready")
		if err != nil {
			return false, err
		}
		_ = resp.Body.Close() // only the status counts
		return resp.StatusCode == http.StatusOK, resp.Status
	})
}

// kill ends it as kill -9 does.
func (q *quell) kill() {
	_ = q.cmd.Process.Kill() // it may have ended already
	<-q.exited
}

// log is the end of what it logged.
func (q *quell) log() string {
	text, err := os.ReadFile(filepath.Join(q.folder, "log"))
	if err != nil {
		return err.Error()
	}
	const keep = 12_000
	return string(text[max(0, len(text)-keep):])
}

// program returns the path of quell.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("QUELL")
	if path == "" {
		t.Fatal("QUELL does not name the program (make e2e-k8s does)")
	}
	return path
}

// freeAddress returns an address on loopback where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// incident is what the stories read of one.
type incident struct {
	ID        string
	State     string
	Title     string
	Roots     []struct{ Entity string }
	Members   []string
	Alerts    int
	Opened    time.Time
	Escalated *time.Time
	HealedBy  *struct{ What, Entity string } `json:"healed_by"`
	Symptoms  []struct{ Entity, Name, State string }
	Timeline  []struct{ Decision, Reason string }
}

// String tells it for people who read a failure.
func (i incident) String() string {
	var decisions []string
	for _, e := range i.Timeline {
		decisions = append(decisions, e.Decision+" ("+e.Reason+")")
	}
	return fmt.Sprintf("\n  %s %s %q, %d alerts, members %v, healed by %v: %s", i.ID, i.State, i.Title, i.Alerts, i.Members, i.HealedBy, strings.Join(decisions, "; "))
}

// touches reports whether the best root or a member has a place in its id: "/shop/", or "/shop/cart".
func (i incident) touches(place string) bool {
	in := func(entity string) bool { return strings.Contains(entity, place) }
	return in(i.Roots[0].Entity) || slices.ContainsFunc(i.Members, in)
}

// get decodes what the API says.
func (q *quell) get(path string, into any) error {
	resp, err := http.Get(q.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// incidents lists those that touch a place, oldest first and whole.
func (q *quell) incidents(t *testing.T, place string) []incident {
	t.Helper()
	var page struct{ Incidents []incident }
	if err := q.get("/api/v1/incidents?limit=1000", &page); err != nil {
		t.Fatal(err)
	}
	var list []incident
	for _, i := range slices.Backward(page.Incidents) {
		if err := q.get("/api/v1/incidents/"+i.ID, &i); err != nil {
			t.Fatal(err)
		}
		if i.touches(place) {
			list = append(list, i)
		}
	}
	return list
}

// digest is what the digest of the last hour says.
func (q *quell) digest(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(program(t), "digest", "--url", q.url, "--since", "1h").CombinedOutput()
	if err != nil {
		t.Fatalf("digest: %v\n%s", err, out)
	}
	return string(out)
}

// watch is what the status says of the watch of the cluster.
type watch struct {
	Cluster    string
	Synced     bool
	StaleSince *time.Time `json:"stale_since"`
	Error      string
	Kinds      []kind
}

// kind is what the status says of one kind: syncing, synced, failing, forbidden or absent.
type kind struct {
	Resource, State string
	Objects         int
	LastError       string `json:"last_error"`
}

// watch asks for the status; zero if there is none yet.
func (q *quell) watch(t *testing.T) watch {
	t.Helper()
	var status struct{ Kubernetes []watch }
	if err := q.get("/api/v1/status", &status); err != nil {
		t.Fatal(err)
	}
	if len(status.Kubernetes) != 1 {
		return watch{}
	}
	return status.Kubernetes[0]
}

// wantFresh waits until all that the cluster has is watched, and nothing is stale or forbidden.
func (q *quell) wantFresh(t *testing.T) {
	t.Helper()
	eventually(t, 2*budget, "the status says that all is watched", func() (bool, any) {
		w := q.watch(t)
		bad := slices.ContainsFunc(w.Kinds, func(k kind) bool { return k.State != "synced" && k.State != "absent" })
		return w.Cluster == "e2e" && w.Synced && w.StaleSince == nil && !bad, w
	})
}

// cost is the memory, and the CPU time so far, of its process.
func (q *quell) cost(t *testing.T) (rssMiB int, cpu time.Duration) {
	t.Helper()
	folder := filepath.Join("/proc", strconv.Itoa(q.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &rssMiB); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		t.Fatal(err)
	}
	// The name may hold blanks; utime and stime are the 12th and 13th field after it, in hundredths of a second.
	_, rest, _ = strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		cpu += time.Duration(n) * 10 * time.Millisecond
	}
	return rssMiB >> 10, cpu
}
