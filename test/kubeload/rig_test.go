package kubeload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"quell/internal/fake"
)

// quell is a running process that watches a server.
type quell struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
	log *logBook
}

// logBook keeps what a process logs.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newServer starts a fake API server for the length of a test.
func newServer(t *testing.T, settings fake.KubernetesSettings) *fake.Kubernetes {
	t.Helper()
	k, err := fake.NewKubernetes(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

var address = regexp.MustCompile(`msg="quell takes requests" address=(\S+)`)

// start runs quell until the test ends.
func start(t *testing.T, server *fake.Kubernetes) *quell {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kubeconfig": fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
			users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`, server.URL()),
		"quell.yml": `{server: {listen: "127.0.0.1:0"}, kubernetes: {clusters: [{name: big, kubeconfig: kubeconfig}]}, route: {receiver: nobody}, receivers: [{name: nobody}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := &quell{t: t, log: new(logBook), cmd: exec.Command(program, "serve", "-c", filepath.Join(dir, "quell.yml"))}
	q.cmd.Stdout, q.cmd.Stderr = q.log, q.log
	q.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := q.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = q.cmd.Process.Signal(syscall.SIGTERM) // it may have ended, which Wait tells
		if err := q.cmd.Wait(); err != nil {
			t.Errorf("quell ended with %v\n%s", err, q.log)
		}
	})
	q.within(time.Minute, "it takes requests", func() bool {
		m := address.FindStringSubmatch(q.log.String())
		if m != nil {
			q.url = "http://" + m[1]
		}
		return m != nil
	})
	return q
}

// within waits until a claim holds.
func (q *quell) within(d time.Duration, claim string, holds func() bool) {
	q.t.Helper()
	deadline := time.After(d)
	for !holds() {
		select {
		case <-deadline:
			q.t.Fatalf("not within %v: %s\n%s", d, claim, q.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// synced waits until the cluster is known.
func (q *quell) synced() {
	q.t.Helper()
	q.within(5*time.Minute, "synced", func() bool {
		resp, err := http.Get(q.url + "/api/v1/status")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var st struct {
			Kubernetes []struct{ Synced bool }
		}
		return json.NewDecoder(resp.Body).Decode(&st) == nil && len(st.Kubernetes) == 1 && st.Kubernetes[0].Synced
	})
}

// cpu is the processor time that the process took so far.
func (q *quell) cpu() time.Duration {
	q.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", q.cmd.Process.Pid))
	if err != nil {
		q.t.Fatal(err)
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory reads a line of the process's status, such as VmHWM, the most memory that it ever had, in MiB.
func (q *quell) memory(line string) int {
	q.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", q.cmd.Process.Pid))
	if err != nil {
		q.t.Fatal(err)
	}
	m := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		q.t.Skip("this system does not tell how much memory a process takes")
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return kib >> 10
}

// metric sums a counter or gauge over its labels, those that are given aside.
func (q *quell) metric(name string) float64 {
	q.t.Helper()
	resp, err := http.Get(q.url + "/metrics")
	if err != nil {
		q.t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		q.t.Fatal(err)
	}
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum
}

// quantile is the upper bound of the bucket that a quantile of a histogram is in.
func (q *quell) quantile(name string, of float64) time.Duration {
	q.t.Helper()
	resp, err := http.Get(q.url + "/metrics")
	if err != nil {
		q.t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		q.t.Fatal(err)
	}
	h := families[name].GetMetric()[0].GetHistogram()
	for _, b := range h.GetBucket() {
		if float64(b.GetCumulativeCount()) >= of*float64(h.GetSampleCount()) {
			return time.Duration(b.GetUpperBound() * float64(time.Second))
		}
	}
	return time.Duration(1<<63 - 1)
}
