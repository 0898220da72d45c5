package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quell/correlate"
	"quell/internal/fake/dice"
)

// smallDisk puts the rig's store on a file system of a few MiB, which goes with the test.
func (r *rig) smallDisk() (folder string) {
	r.Helper()
	folder = filepath.Join(r.folder, "data")
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=6m"); err != nil {
		r.Fatalf("mount: %v", err)
	}
	r.Cleanup(func() {
		r.process.kill()
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			r.Errorf("unmount: %v", err)
		}
	})
	return folder
}

// fill takes all space that is left in a folder.
func (r *rig) fill(folder string) (ballast string) {
	r.Helper()
	ballast = filepath.Join(folder, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) >= 512; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	return ballast
}

// bulky is an alert whose report takes a few KiB that do not compress.
func bulky(entity string) *alert {
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte('0' + rand.IntN(64))
	}
	a := ill(entity)
	a.annotations["noise"] = string(noise)
	return a
}

// TestCase05DiskFull fills the disk: quell refuses new alerts with 503, pages the critical ones among them all the same, says
// everywhere that it is degraded, goes on with what it knew, and takes alerts again when there is space, without a restart.
func TestCase05DiskFull(t *testing.T) {
	needMount(t)
	r := newRig(t, options{hold: 6 * time.Second})
	disk := r.smallDisk()
	r.start()
	held := ill("pod/shop/held")
	r.fails(held)
	ballast := r.fill(disk)
	var bulk []*alert
	r.eventually(20*time.Second, "a webhook is refused", func() bool {
		a := bulky("service/shop/bulk")
		answer := r.send(a)
		// The one that is refused is a fault like the others: whether quell remembers it is open until it is sent again.
		r.began(a)
		bulk = append(bulk, a)
		if answer.status == http.StatusOK {
			return false
		}
		if answer.status != http.StatusServiceUnavailable {
			t.Fatalf("disk full: got %v, want 503", answer)
		}
		return true
	})

	refused := ill("pod/shop/refused")
	if a := r.send(refused); a.status != http.StatusServiceUnavailable {
		t.Fatalf("critical alert on a full disk: got %v, want 503", a)
	}
	r.operatorPage("pod/shop/refused")
	r.operatorPage("safe mode (store)")
	r.degraded("store", `quell_safe_mode{reason="store"}`)
	if n := r.figures()[`quell_storage_errors_total{reason="enospc"}`]; n == 0 {
		t.Error("quell_storage_errors_total does not tell of the full disk")
	}
	if a := r.get("/api/v1/incidents"); a.status != http.StatusOK || !strings.Contains(a.body, "pod/shop/held") {
		t.Errorf("incidents on a full disk: got %v, want those known", a)
	}
	if len(pagesFor(r.pd.Incidents(), held.entity())) > 0 {
		t.Error("paged too early to say anything about pages on a full disk")
	}
	r.paged(held.entity())
	r.degraded("store", `quell_safe_mode{reason="store"}`)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r.eventually(pageBudget, "ready again", func() bool { return r.get("/-/ready").status == http.StatusOK })
	r.fails(refused)
	r.paged(refused.entity())
	r.heals(append(bulk, held, refused)...)
	r.verify()
}

// degraded is I8: /-/ready, the status and a metric say what is wrong.
func (r *rig) degraded(reason, metric string) {
	r.Helper()
	if a := r.get("/-/ready"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, reason) {
		r.Errorf("I8: got %v from /-/ready, want 503 and %q", a, reason)
	}
	var status struct{ Degraded []string }
	if a := r.get("/api/v1/status"); json.Unmarshal([]byte(a.body), &status) != nil || !strings.Contains(strings.Join(status.Degraded, "; "), reason) {
		r.Errorf("I8: got %v as status, want %q", a, reason)
	}
	if f := r.figures(); f[metric] != 1 {
		r.Errorf("I8: got %v for %s, want 1", f[metric], metric)
	}
}

// refusesToStart wants an exit with a status, and certain words in the last line of the log.
func (r *rig) refusesToStart(status int, words ...string) {
	r.Helper()
	p := r.launch()
	if got := r.wait(p, startBudget); got != status {
		r.Errorf("got exit status %d, want %d\n%s", got, status, tail(p.output()))
	}
	lines := strings.Split(strings.TrimSpace(p.output()), "\n")
	for _, word := range words {
		if last := lines[len(lines)-1]; !strings.Contains(last, word) {
			r.Errorf("got %q, want %q in it", last, word)
		}
	}
}

// TestCase07ReadOnlyFileSystem starts quell where it cannot write.
func TestCase07ReadOnlyFileSystem(t *testing.T) {
	needMount(t)
	r := newRig(t, options{})
	disk := r.smallDisk()
	r.start()
	r.stop()
	if err := syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatalf("remount: %v", err)
	}
	r.refusesToStart(1, "store cannot be written", "read-only file system", r.store())
}

// TestCase09FlippedBits flips single bits in a stopped store and starts quell on it. It may refuse with status 3, or leave
// out what is damaged and say so, or find that nothing that counts has changed. It never shows anything else, and
// never dies of it.
func TestCase09FlippedBits(t *testing.T) {
	r, random := started(t, options{hold: time.Hour}), dice.New(t)
	for range 4 {
		alerts := make([]*alert, 500)
		for i := range alerts {
			alerts[i] = ill(fmt.Sprintf("pod/shop/p%d", i%50), "n", fmt.Sprint(random.Uint64()))
		}
		r.mustSend(alerts...)
	}
	whole := r.incidents()
	r.stop()
	store, err := os.ReadFile(r.store())
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(map[string]int)
	inUse := len(bytes.TrimRight(store, "\x00")) // the rest of the file is reserved
	for range times(40, 600) {
		bit := random.IntN(8 * inUse)
		damaged := bytes.Clone(store)
		damaged[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(r.store(), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		outcome := r.onDamagedStore(whole)
		outcomes[strings.TrimRight(outcome, "!")]++
		if strings.HasSuffix(outcome, "!") {
			t.Errorf("bit %d of byte %d of %d flipped: %s\n%s", bit%8, bit/8, inUse, outcome, tail(r.process.output()))
		}
	}
	t.Logf("%v", outcomes)
}

// onDamagedStore starts quell and says what became of it. An exclamation mark at the end says that this must not be.
func (r *rig) onDamagedStore(whole map[correlate.IncidentID]shown) string {
	paged := len(r.pd.Events())
	p := r.launch()
	if !r.listening(p) {
		if status := p.cmd.ProcessState.ExitCode(); status != 3 {
			return fmt.Sprintf("exit status %d!", status)
		}
		return "refused"
	}
	defer p.kill()
	now := r.incidents()
	if ready := r.get("/-/ready"); ready.status != http.StatusOK {
		r.degraded("damage", `quell_safe_mode{reason="damage"}`)
		r.operatorPage("safe mode (damage)")
		r.eventually(pageBudget, "an operator page for this damage", func() bool { return len(r.pd.Events()) > paged })
		if alertsIn(now) > alertsIn(whole) {
			return "more alerts than before!"
		}
		return "started and said so"
	}
	for id, inc := range whole {
		if now[id] != inc {
			return fmt.Sprintf("%s was %+v and is %+v without a word!", id, inc, now[id])
		}
	}
	if len(now) != len(whole) {
		return "more incidents than before!"
	}
	return "unchanged"
}

// shown is what the API says about an incident.
type shown struct {
	state          correlate.State
	root           string
	alerts, active int
}

func alertsIn(list map[correlate.IncidentID]shown) (n int) {
	for _, inc := range list {
		n += inc.alerts
	}
	return n
}

// incidents asks for all of them.
func (r *rig) incidents() map[correlate.IncidentID]shown {
	r.Helper()
	a := r.get("/api/v1/incidents?limit=1000")
	var page struct{ Incidents []*correlate.Incident }
	if err := json.Unmarshal([]byte(a.body), &page); a.status != http.StatusOK || err != nil {
		r.Fatalf("incidents: %v, %v", a, err)
	}
	list := make(map[correlate.IncidentID]shown)
	for _, i := range page.Incidents {
		list[i.ID] = shown{i.State, string(i.Roots[0].Entity), i.Alerts, i.Active}
	}
	return list
}

// TestCase10BrokenStoreIsLeftAlone: quell says what is wrong and what to do, and touches nothing.
func TestCase10BrokenStoreIsLeftAlone(t *testing.T) {
	r := started(t, options{hold: time.Hour})
	r.mustSend(ill("pod/shop/x"), bulky("pod/shop/y"))
	r.stop()
	store, err := os.ReadFile(r.store())
	if err != nil {
		t.Fatal(err)
	}
	inUse := bytes.TrimRight(store, "\x00") // the rest of the file is reserved
	zeros := make([]byte, len(store))
	for name, content := range map[string][]byte{
		"cut in half": store[:len(inUse)/2], "cut to a page": store[:4096], "zeros": zeros,
		"zeros behind the first pages": append(bytes.Clone(store[:2*4096]), zeros[2*4096:]...),
		"text":                         []byte(strings.Repeat("this is no store\n", 1000)),
	} {
		if err := os.WriteFile(r.store(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		r.refusesToStart(3, r.store(), "damaged", "restore a copy")
		if after, err := os.ReadFile(r.store()); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed (error %v)", name, err)
		}
	}
}

// TestCase11TruncatedWhileRunning takes the file away under a running quell: it ends, and refuses to start again.
func TestCase11TruncatedWhileRunning(t *testing.T) {
	r := started(t, options{hold: time.Hour})
	r.mustSend(bulky("pod/shop/x"), bulky("pod/shop/y"))
	if err := os.Truncate(r.store(), 2*4096); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 50 && !r.process.ended(); i++ {
		r.post(webhook(bulky("pod/shop/z")))
	}
	if status := r.wait(r.process, stopBudget); status == 0 {
		t.Errorf("got exit status %d, want an error", status)
	}
	r.refusesToStart(3, r.store(), "restore a copy")
}

// TestCase12SecondProcess: the one that has the store goes on, the other one ends and says who that is.
func TestCase12SecondProcess(t *testing.T) {
	r := started(t, options{})
	first := r.process
	r.refusesToStart(1, "locked by pid "+fmt.Sprint(first.cmd.Process.Pid))
	r.process = first
	x := ill("pod/shop/x")
	r.fails(x)
	r.paged(x.entity())
	r.heals(x)
	r.verify()
}
