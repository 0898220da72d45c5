package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startBudget is how long quell may take until it takes requests, stopBudget until it has ended. Both are for machines that have
// other things to do; what it takes otherwise is measured where it matters.
const (
	startBudget = 30 * time.Second
	stopBudget  = 20 * time.Second
)

// process is one run of quell.
type process struct {
	cmd      *exec.Cmd
	log      string // the file with its log
	launched time.Time
	exited   chan struct{} // closed when cmd.ProcessState is set
}

// launch starts quell on the rig's configuration and does not wait for it. Words are put in front of the command.
func (r *rig) launch(words ...string) *process {
	r.Helper()
	r.runs++
	p := &process{log: filepath.Join(r.folder, fmt.Sprintf("log.%d", r.runs)), exited: make(chan struct{})}
	words = append(words, program, "serve", "-c", filepath.Join(r.folder, "quell.yml"))
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(p.log)
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.launched = time.Now()
	if err := p.cmd.Start(); err != nil {
		r.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.exited)
	}()
	r.process = p
	return p
}

// start starts quell and waits until it takes requests.
func (r *rig) start(words ...string) {
	r.Helper()
	p := r.launch(words...)
	if !r.listening(p) {
		r.Fatalf("quell does not start: %s\n%s", p.state(), p.output())
	}
	r.restarted = time.Now()
	r.base = r.figures()
}

var listens = regexp.MustCompile(`msg="quell takes requests" address=(\S+)`)

// listening waits until a process takes requests, and remembers where. False means that it ended before.
func (r *rig) listening(p *process) bool {
	r.Helper()
	up := false
	r.eventually(startBudget, "quell takes requests", func() bool {
		if m := listens.FindStringSubmatch(p.output()); m != nil {
			r.address.Store("http://" + m[1])
			up = true
		}
		return up || p.ended()
	})
	return up
}

func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// state says how a process ended, or that it runs.
func (p *process) state() string {
	if !p.ended() {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// output is what it logged so far.
func (p *process) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// kill ends the process as kill -9 does. It may have ended already.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// wait waits for the end of the process and returns its exit status, -1 after a signal.
func (r *rig) wait(p *process, budget time.Duration) int {
	r.Helper()
	select {
	case <-p.exited:
	case <-time.After(budget):
		r.Fatalf("quell still runs after %v\n%s", budget, tail(p.output()))
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop asks quell to end, and wants exit status 0.
func (r *rig) stop() {
	r.Helper()
	if err := r.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.Fatalf("stop quell: %v: %s\n%s", err, r.process.state(), tail(r.process.output()))
	}
	if status := r.wait(r.process, stopBudget); status != 0 {
		r.Errorf("stop: got exit status %d, want 0\n%s", status, tail(r.process.output()))
	}
}

// tail is the end of a log.
func tail(s string) string {
	const keep = 4000
	if len(s) > keep {
		return "…" + s[len(s)-keep:]
	}
	return s
}

// figures are the metrics of a scrape, by name with labels as they are written.
type figures map[string]float64

// figures scrapes quell. Metrics are text of the simplest kind, a name and a number a line.
func (r *rig) figures() figures {
	r.Helper()
	f := make(figures)
	lines := bufio.NewScanner(strings.NewReader(r.get("/metrics").body))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && name != "#" {
			f[name] = v
		}
	}
	return f
}

// busy is the time that a running process has spent on processors so far.
func (p *process) busy() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0 // it has ended
	}
	// Fields are counted behind the name, which may have spaces in it; the 14th and 15th of all are ticks of a hundredth of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// peakRSS is the most memory that a running process had resident, in bytes.
func (p *process) peakRSS() (bytes int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib int64
			_, err := fmt.Sscanf(rest, "%d kB", &kib)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/%d/status", p.cmd.Process.Pid)
}
