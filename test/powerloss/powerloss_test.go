// Package powerloss cuts the power under a running program and checks that nothing that it acknowledged is lost. Killing
// a program does not test that: the kernel's cache survives it. The disk is package lazyfs.
//
// `make powerloss` tests the built quell, whose path is in the environment variable QUELL; a small program of our own,
// recorder, shows that the test passes who syncs and catches who does not.
package powerloss

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"quell/test/powerloss/lazyfs"
)

var (
	rounds = flag.Int("rounds", 3, "power cuts per system and kind")
	seed   = flag.Uint64("seed", 0, "seed of the moments of the cuts and of what survives them; 0 takes that of QUELL_SEED, or 1")
)

func TestMain(m *testing.M) { os.Exit(lazyfs.Private(m.Run)) }

// newRandom returns the source of a test's dice and logs its seed.
func newRandom(t *testing.T) *rand.Rand {
	s := *seed
	if text := os.Getenv("QUELL_SEED"); s == 0 && text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 0, 64); err != nil {
			t.Fatalf("QUELL_SEED: %v", err)
		}
	}
	s = max(s, 1)
	t.Logf("-seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// recorder builds the stand-in.
func recorder(t *testing.T, flags ...string) system {
	binary := filepath.Join(t.TempDir(), "recorder")
	if out, err := exec.Command("go", "build", "-o", binary, "./recorder").CombinedOutput(); err != nil {
		t.Fatalf("build recorder: %v\n%s", err, out)
	}
	return system{
		name: "recorder",
		serve: func(folder, address string) *exec.Cmd {
			return exec.Command(binary, append([]string{"serve", "-store", filepath.Join(folder, "journal"), "-listen", address}, flags...)...)
		},
		journal: func(folder, _ string) *exec.Cmd {
			return exec.Command(binary, "journal", "-store", filepath.Join(folder, "journal"))
		},
	}
}

// quell is the real thing. Its configuration lies beside the disk under test, since the test does not sync it.
func quell(t *testing.T) system {
	binary := os.Getenv("QUELL")
	if binary == "" {
		t.Skip("SKIP power loss of quell: QUELL does not name the binary (make powerloss does)")
	}
	file := filepath.Join(t.TempDir(), "quell.yml")
	command := func(folder, address string, args ...string) *exec.Cmd {
		text := fmt.Sprintf("server: {listen: %q}\nstorage: {path: %q}\nhold: {default: 1h}\nroute: {receiver: nobody}\nreceivers: [{name: nobody}]\n",
			address, filepath.Join(folder, "quell.db"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(binary, args...)
	}
	return system{
		name:  "quell",
		serve: func(folder, address string) *exec.Cmd { return command(folder, address, "serve", "-c", file) },
		journal: func(folder, address string) *exec.Cmd {
			return command(folder, address, "journal", "--config", file, "-o", "json")
		},
	}
}

// nothingLost cuts the power of a working system again and again, on one store.
func nothingLost(t *testing.T, s system, survives func(*rand.Rand) func() bool) {
	random := newRandom(t)
	r := newRig(t, s)
	for range *rounds {
		if !r.start() {
			t.Fatalf("%s does not start on its own store", s.name)
		}
		finish := r.post(4)
		r.acknowledges()
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		r.pullThePlug(survives(random))
		finish()
		if !r.start() {
			t.Fatalf("%s does not start after the power cut", s.name)
		}
		if status, err := r.get("/api/v1/incidents"); err != nil || status != http.StatusOK {
			t.Errorf("incidents after the power cut: got status %d and error %v, want 200", status, err)
		}
		r.stop()
		if v := r.check(); v.lost > 0 || v.twice > 0 || v.acknowledged == 0 {
			t.Fatalf("got %+v, want some acknowledged, none of them lost and none stored twice", v)
		}
	}
}

// everythingUnsynced loses the whole cache, half at random tosses a coin for every page of it: a store must survive both.
func everythingUnsynced(*rand.Rand) func() bool { return nil }

func halfAtRandom(random *rand.Rand) func() bool {
	return func() bool { return random.IntN(2) == 0 }
}

// TestPowerCutLosesNothingAcknowledged is case 3: promise 1 of the design.
func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	for name, s := range map[string]func(*testing.T) system{
		"recorder": func(t *testing.T) system { return recorder(t) }, "quell": quell,
	} {
		t.Run(name+"/all lost", func(t *testing.T) { nothingLost(t, s(t), everythingUnsynced) })
		t.Run(name+"/half lost", func(t *testing.T) { nothingLost(t, s(t), halfAtRandom) })
	}
}

// loses runs a system that cannot keep its word once, and wants it caught.
func loses(t *testing.T, s system, prepare func(*lazyfs.Disk)) {
	r := newRig(t, s)
	if !r.start() {
		t.Fatalf("%s does not start", s.name)
	}
	prepare(r.disk)
	finish := r.post(4)
	r.acknowledges()
	r.pullThePlug(nil)
	finish()
	// A store that does not even open has lost everything, and check says so.
	if r.start() {
		r.stop()
	}
	if v := r.check(); v.acknowledged == 0 || v.lost == 0 {
		t.Errorf("got %+v: the test does not notice a loss", v)
	}
}

// TestMissingSyncIsCaught is the control of the test: who does not sync must lose.
func TestMissingSyncIsCaught(t *testing.T) {
	loses(t, recorder(t, "-nosync"), func(*lazyfs.Disk) {})
}

// TestLyingDiskIsCaught is the control for programs whose syncing cannot be switched off.
func TestLyingDiskIsCaught(t *testing.T) {
	t.Run("recorder", func(t *testing.T) { loses(t, recorder(t), (*lazyfs.Disk).Lie) })
	t.Run("quell", func(t *testing.T) { loses(t, quell(t), (*lazyfs.Disk).Lie) })
}

// failedSync lets one sync fail, wants 503 and a non-zero exit, cuts the power and wants all acknowledged alerts back.
func failedSync(t *testing.T, s system) {
	random := newRandom(t)
	r := newRig(t, s)
	for range *rounds {
		if !r.start() {
			t.Fatalf("%s does not start on its own store", s.name)
		}
		clear(r.refused)
		r.disk.FailSync(1 + random.IntN(50))
		finish := r.post(4)
		state := r.wait()
		finish()
		if state.ExitCode() <= 0 {
			t.Errorf("after a failed sync: got %v, want a non-zero exit status", state)
		}
		if r.refused[http.StatusServiceUnavailable] == 0 || len(r.refused) != 1 {
			t.Errorf("after a failed sync: got other answers by status %v, want 503 alone", r.refused)
		}
		r.pullThePlug(nil)
		if !r.start() {
			t.Fatalf("%s does not start after a failed sync", s.name)
		}
		r.stop()
		if v := r.check(); v.lost > 0 || v.twice > 0 {
			t.Fatalf("got %+v, want none lost and none stored twice", v)
		}
	}
}

// TestFailedSyncEndsTheProcess is case 4: after a failed sync nobody knows what is on the disk, so quell must not go on
// with what it has in memory. It refuses what it could not store, ends, and reads its store again.
func TestFailedSyncEndsTheProcess(t *testing.T) {
	t.Run("recorder", func(t *testing.T) { failedSync(t, recorder(t)) })
	t.Run("quell", func(t *testing.T) { failedSync(t, quell(t)) })
}
