//go:build e2e

// Package e2e runs quell together with the real Alertmanager: alerts are pushed by amtool and by Alertmanager's API, travel through
// its grouping and its webhook, and end as pages at a fake PagerDuty. `make e2e` builds the programs and names them in the
// environment variables QUELL, ALERTMANAGER and AMTOOL.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quell/internal/fake"
)

const (
	// hold and settle are what quell is configured with, flush is Alertmanager's group_interval. What heals has to pass through
	// amtool and Alertmanager before the hold is over, on a busy machine too.
	hold, settle, flush = 10 * time.Second, 2 * time.Second, 2 * time.Second
	// budget is how late what is due may be on a busy machine.
	budget = 20 * time.Second
)

// TestMain runs all tests at once, unless told otherwise: they do nothing but wait.
func TestMain(m *testing.M) {
	flag.Parse()
	parallel := flag.Lookup("test.parallel").Value
	if parallel.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // not asked for otherwise
		if err := parallel.Set("8"); err != nil {
			panic(err) // it is a number
		}
	}
	os.Exit(m.Run())
}

// program returns the path of a program from the environment.
func program(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s does not name the program (make e2e does)", variable)
	}
	return path
}

// bench is one quell with a PagerDuty.
type bench struct {
	*testing.T
	folder string
	pd     *fake.PagerDuty
	quell  *process
	url    string
}

// process is a program that runs, with its log.
type process struct {
	*testing.T
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when it has ended
}

// run starts a program that ends with the test at the latest.
func run(t *testing.T, log string, words ...string) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.Command(words[0], words[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.cmd.Stdout, p.cmd.Stderr = f, f
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // nobody asks how it ended
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(log), p.output())
		}
	})
	return p
}

// kill ends it as kill -9 does; it may have ended already.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const keep = 8000
	return string(text[max(0, len(text)-keep):])
}

// newBench starts quell and a PagerDuty. More YAML for its section hold can be given, and whole sections.
func newBench(t *testing.T, more string, sections ...string) *bench {
	t.Helper()
	t.Parallel()
	pd, err := fake.StartPagerDuty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pd.Close() }) // sockets of the test itself
	b := &bench{T: t, folder: t.TempDir(), pd: pd, url: "http://" + freeAddress(t)}
	config := fmt.Sprintf(`server: {listen: %q}
storage: {path: quell.db}
rules: {files: [rules.yml]}
hold: {default: %s, settle: %s, restart_grace: 2s%s}
route: {receiver: oncall}
receivers: [{name: oncall, pagerduty_configs: [{routing_key_file: pd.key, url: %q}]}]
`, strings.TrimPrefix(b.url, "http://"), hold, settle, more, pd.URL()) + strings.Join(sections, "")
	// The packs' holds are minutes; tests have seconds.
	rules := fmt.Sprintf("holds: [{name: test, matchers: [], hold: %s, why: tests are short}]\n", hold)
	for name, text := range map[string]string{"quell.yml": config, "rules.yml": rules, "pd.key": fake.RoutingKey + "\n"} {
		if err := os.WriteFile(filepath.Join(b.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	return b
}

// start starts quell, or starts it again.
func (b *bench) start() {
	b.Helper()
	b.quell = run(b.T, filepath.Join(b.folder, fmt.Sprintf("quell.%d.log", time.Now().UnixNano())), program(b.T, "QUELL"), "serve", "-c", filepath.Join(b.folder, "quell.yml"))
	b.eventually(budget, "quell is ready", func() bool { return status(b.url+"/-/ready") == http.StatusOK })
}

// alertmanager is a real one that reports to a bench's quell.
type alertmanager struct {
	*process
	b                *bench
	url, clusterPort string
}

// alertmanager starts one; peers are the cluster addresses of others.
func (b *bench) alertmanager(peers ...string) *alertmanager {
	b.Helper()
	var flags []string
	for _, p := range peers {
		flags = append(flags, "--cluster.peer="+p)
	}
	return b.alertmanagerWith(fmt.Sprintf(`route: {receiver: quell, group_by: [alertname], group_wait: 1s, group_interval: %s, repeat_interval: 5m}
receivers: [{name: quell, webhook_configs: [{url: %q, send_resolved: true}]}]
`, flush, b.url+"/api/v1/alertmanager"), flags...)
}

// alertmanagerWith starts one with a configuration and more flags.
func (b *bench) alertmanagerWith(config string, flags ...string) *alertmanager {
	b.Helper()
	name := fmt.Sprintf("am%d", time.Now().UnixNano())
	file := filepath.Join(b.folder, name+".yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	a := &alertmanager{b: b, url: "http://" + freeAddress(b.T), clusterPort: freeAddress(b.T)}
	words := []string{
		program(b.T, "ALERTMANAGER"), "--config.file=" + file, "--storage.path=" + filepath.Join(b.folder, name),
		"--web.listen-address=" + strings.TrimPrefix(a.url, "http://"), "--cluster.listen-address=" + a.clusterPort,
		"--cluster.settle-timeout=1s", "--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=500ms",
	}
	a.process = run(b.T, filepath.Join(b.folder, name+".log"), append(words, flags...)...)
	b.eventually(budget, "Alertmanager is ready", func() bool { return status(a.url+"/-/ready") == http.StatusOK })
	return a
}

// addresses counts those that were given out.
var addresses atomic.Uint32

// freeAddress returns an address on loopback where nobody listens, nor will: of all that 127.0.0.0/8 has each one is given out once, so that
// what a program listens on later, or again after a restart, is nobody else's meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	pid, n := os.Getpid(), addresses.Add(1)
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+pid>>8%250, pid%256, 1+n%250))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// status asks for a page; 0 says that nobody answered.
func status(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode
}

func (b *bench) eventually(budget time.Duration, what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(budget); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("after %v, not true: %s; pages: %s", budget, what, b.pages())
		}
	}
}

// pages tells what PagerDuty has, in words.
func (b *bench) pages() string {
	var list []string
	for _, i := range b.pd.Incidents() {
		state := "open"
		if !i.Resolved.IsZero() {
			state = "resolved"
		}
		list = append(list, fmt.Sprintf("%q %s after %d triggers", i.Summary, state, i.Triggers))
	}
	return strings.Join(list, ", ")
}

// wantPages waits until PagerDuty has exactly the pages whose descriptions match, in any order, since pages of one moment leave
// together, and wants that it stays so for a while.
func (b *bench) wantPages(within time.Duration, patterns ...string) {
	b.Helper()
	matches := func() bool {
		list := b.pd.Incidents()
		if len(list) != len(patterns) {
			return false
		}
		for _, p := range patterns {
			k := slices.IndexFunc(list, func(i fake.PDIncident) bool { return regexp.MustCompile(p).MatchString(i.Summary) })
			if k < 0 {
				return false
			}
			list = slices.Delete(list, k, k+1)
		}
		return true
	}
	b.eventually(within, fmt.Sprintf("PagerDuty has %q", patterns), matches)
	time.Sleep(2 * flush)
	if !matches() {
		b.Errorf("got other pages later: %s, want %q", b.pages(), patterns)
	}
}

// wantResolved waits until no page is open any more.
func (b *bench) wantResolved() {
	b.Helper()
	b.eventually(flush+settle+budget, "all pages are resolved", func() bool {
		for _, i := range b.pd.Incidents() {
			if i.Resolved.IsZero() {
				return false
			}
		}
		return true
	})
}

// postable is an alert as Prometheus posts it.
type postable struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt,omitzero"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
	Generator   string            `json:"generatorURL,omitempty"`
}

// post posts alerts to an API v2, of Alertmanager or of quell.
func (b *bench) post(url string, alerts ...postable) {
	b.Helper()
	body, err := json.Marshal(alerts)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.Post(url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		b.Fatalf("post alerts to %s: %s %s %v", url, resp.Status, text, err)
	}
}

// amtool adds an alert with amtool. Words are labels, name=value, and flags.
func (a *alertmanager) amtool(words ...string) {
	a.Helper()
	amtool(a.T, a.url, append([]string{"alert", "add"}, words...)...)
}

// silence silences what matches, for an hour.
func (a *alertmanager) silence(matchers ...string) {
	a.Helper()
	amtool(a.T, a.url, append([]string{"silence", "add", "--author=me", "--comment=test"}, matchers...)...)
}

// amtool runs amtool on an API v2, of Alertmanager or of quell, and returns what it prints.
func amtool(t *testing.T, url string, words ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	out, err := exec.CommandContext(ctx, program(t, "AMTOOL"), append([]string{"--alertmanager.url=" + url}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("amtool %q: %v\n%s", words, err, out)
	}
	return string(out)
}

// postSilence makes a silence.
func (a *alertmanager) postSilence(body string) {
	a.Helper()
	resp, err := http.Post(a.url+"/api/v2/silences", "application/json", strings.NewReader(body))
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		a.Fatalf("post silence: %s %s %v", resp.Status, text, err)
	}
}

// command runs a command of quell, which must succeed.
func (b *bench) command(words ...string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	if out, err := exec.CommandContext(ctx, program(b.T, "QUELL"), words...).CombinedOutput(); err != nil {
		b.Fatalf("quell %q: %v\n%s", words, err, out)
	}
}
