package powerloss

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quell/test/powerloss/lazyfs"
)

// system is a program under test. It keeps all that it stores in a folder, takes POST /api/v2/alerts, and lists what it
// stored while it is stopped.
type system struct {
	name string
	// serve and journal return commands, not started, for a folder and an address to listen on. The second prints a JSON
	// object for each record, {"seq": N, "inputs": […]}, on a line of its own.
	serve, journal func(folder, address string) *exec.Cmd
}

// deadline is how long a program may take to start, to stop, or to notice that its disk is gone.
const deadline = 20 * time.Second

// rig drives one system on one disk through crashes and remembers what it acknowledged.
type rig struct {
	*testing.T
	system
	durable, mountpoint string
	address             string
	disk                *lazyfs.Disk
	process             *exec.Cmd
	// exited is closed when the process has ended and been waited for.
	exited chan struct{}

	numbers atomic.Int64
	mu      sync.Mutex
	// acknowledged holds the number of every alert that was answered with 2xx; refused counts other answers by status.
	acknowledged map[int64]bool
	refused      map[int]int
	// syncs counts those of the disk until the last power cut.
	syncs int
}

// newRig skips the test loudly where file systems cannot be mounted.
func newRig(t *testing.T, s system) *rig {
	if err := lazyfs.Available(); err != nil {
		t.Skipf("SKIP power loss: %v", err)
	}
	r := &rig{
		T: t, system: s, durable: t.TempDir(), mountpoint: t.TempDir(),
		acknowledged: make(map[int64]bool), refused: make(map[int]int),
	}
	t.Cleanup(func() {
		if r.process != nil {
			r.signal(syscall.SIGKILL)
			<-r.exited
		}
		if r.disk != nil {
			if err := r.disk.Unmount(); err != nil {
				t.Errorf("unmount: %v", err)
			}
		}
	})
	return r
}

// start plugs the disk in if it is out, runs the program and waits until it is ready. False means that it ended before.
func (r *rig) start() bool {
	r.Helper()
	if r.disk == nil {
		disk, err := lazyfs.Mount(r.durable, r.mountpoint)
		if err != nil {
			r.Fatal(err)
		}
		r.disk = disk
	}
	r.address = freeAddress(r.T)
	r.process = r.serve(r.mountpoint, r.address)
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := new(bytes.Buffer)
	r.process.Stdout, r.process.Stderr = log, log
	if err := r.process.Start(); err != nil {
		r.Fatal(err)
	}
	process, exited := r.process, make(chan struct{})
	r.exited = exited
	go func() {
		_ = process.Wait() // The exit status is in ProcessState.
		close(exited)
	}()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-exited:
			r.Logf("%s ended at start: %v\n%s", r.name, process.ProcessState, log)
			r.process = nil
			return false
		default:
		}
		if status, err := r.get("/-/ready"); err == nil && status == http.StatusOK {
			return true
		}
	}
	r.Fatalf("%s is not ready after %v", r.name, deadline)
	return false
}

// addresses counts those that were given out.
var addresses atomic.Uint32

// freeAddress returns an address on loopback where nobody listens, nor will: of all that 127.0.0.0/8 has each one is given out once, so that no
// connection of another program takes its port before the program under test listens there.
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

func (r *rig) get(path string) (status int, err error) {
	resp, err := http.Get("http://" + r.address + path)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}

// signal is all that the program hears from the rig.
func (r *rig) signal(s syscall.Signal) {
	// An error says that it has ended already.
	_ = r.process.Process.Signal(s)
}

// wait waits for the end of the program and returns how it ended.
func (r *rig) wait() *os.ProcessState {
	r.Helper()
	select {
	case <-r.exited:
	case <-time.After(deadline):
		r.Fatalf("%s still runs after %v", r.name, deadline)
	}
	state := r.process.ProcessState
	r.process = nil
	return state
}

// stop asks the program to end.
func (r *rig) stop() {
	r.Helper()
	r.signal(syscall.SIGTERM)
	r.wait()
}

// pullThePlug cuts the power and then kills the program, in this order: whatever it does meanwhile finds the disk dead.
func (r *rig) pullThePlug(survives func() bool) {
	r.Helper()
	err := r.disk.Cut(survives)
	r.syncs = r.disk.Syncs()
	if r.process != nil {
		r.signal(syscall.SIGKILL)
		r.wait()
	}
	if err := errors.Join(err, r.disk.Unmount()); err != nil {
		r.Fatal(err)
	}
	r.disk = nil
}

// acknowledges waits until the program under test has acknowledged one more alert: before that a power cut has nothing to show.
func (r *rig) acknowledges() {
	r.Helper()
	count := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.acknowledged)
	}
	before := count()
	for end := time.Now().Add(deadline); count() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("%s acknowledges nothing within %v", r.name, deadline)
		}
	}
}

// post lets clients post alerts, each a new one, until the returned function is called or the program is gone.
func (r *rig) post(clients int) (finish func()) {
	var wait sync.WaitGroup
	done := make(chan struct{})
	url := "http://" + r.address + "/api/v2/alerts"
	for range clients {
		wait.Go(func() {
			client := &http.Client{Timeout: deadline, Transport: new(http.Transport)}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-done:
					return
				default:
				}
				if r.postOne(client, url) != nil {
					return
				}
			}
		})
	}
	return func() { close(done); wait.Wait() }
}

// batchAlerts is how many alerts one POST has.
const batchAlerts = 3

// postOne posts a batch of alerts and notes the answer. An error says that there was none.
func (r *rig) postOne(client *http.Client, url string) error {
	var batch []map[string]any
	last := r.numbers.Add(batchAlerts)
	for number := last - batchAlerts + 1; number <= last; number++ {
		batch = append(batch, map[string]any{
			"labels": map[string]string{
				"alertname": "PowerLoss", "severity": "warning", "number": fmt.Sprint(number),
				"quell_entity": fmt.Sprintf("pod/powerloss/p%d", number),
			},
			"startsAt": time.Now().UTC(),
		})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	err = errors.Join(err, resp.Body.Close())
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.StatusCode/100 != 2 {
		r.refused[resp.StatusCode]++
		return err
	}
	for number := last - batchAlerts + 1; number <= last; number++ {
		r.acknowledged[number] = true
	}
	return err
}

// verdict is the comparison of what was acknowledged with what is in the journal.
type verdict struct{ acknowledged, lost, twice, stored int }

// check reads the journal of the stopped program. A journal that cannot be read has lost everything.
func (r *rig) check() verdict {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, err := readJournal(r.journal(r.mountpoint, r.address))
	if err != nil {
		r.Logf("journal: %v", err)
	}
	v := verdict{acknowledged: len(r.acknowledged), stored: len(stored)}
	for number := range r.acknowledged {
		if stored[number] == 0 {
			v.lost++
		}
	}
	for count := range maps.Values(stored) {
		if count > 1 {
			v.twice++
		}
	}
	r.Logf("%s: %+v, other answers by status: %v, %d syncs before the cut", r.name, v, r.refused, r.syncs)
	return v
}

// readJournal runs a journal command and counts the alerts in it by their numbers.
func readJournal(cmd *exec.Cmd) (map[int64]int, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%w: %s", err, exit.Stderr)
	} else if err != nil {
		return nil, err
	}
	stored := make(map[int64]int)
	seq := int64(0)
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var record struct {
			Seq    int64 `json:"seq"`
			Inputs any   `json:"inputs"`
		}
		if err := lines.Decode(&record); errors.Is(err, io.EOF) {
			return stored, nil
		} else if err != nil {
			return stored, err
		}
		if seq != 0 && record.Seq != seq+1 {
			return stored, fmt.Errorf("record %d follows %d", record.Seq, seq)
		}
		seq = record.Seq
		countNumbers(record.Inputs, stored)
	}
}

// countNumbers looks for label sets with a number, however deep: how a journal shows its inputs is its own affair.
func countNumbers(input any, stored map[int64]int) {
	switch v := input.(type) {
	case []any:
		for _, e := range v {
			countNumbers(e, stored)
		}
	case map[string]any:
		if labels, ok := v["labels"].(map[string]any); ok {
			var number int64
			if _, err := fmt.Sscan(fmt.Sprint(labels["number"]), &number); err == nil {
				stored[number]++
			}
			return
		}
		for _, e := range v {
			countNumbers(e, stored)
		}
	}
}
