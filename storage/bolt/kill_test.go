package bolt_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quell/internal/fake/dice"
	"quell/storage"
	"quell/storage/bolt"
)

// TestAcknowledgedBatchesSurviveKill kills a writer at random moments, 20 times on one store, and looks what is there.
func TestAcknowledgedBatchesSurviveKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	r := dice.New(t)
	for round := range 20 {
		cmd := childProcess("commit 100000 " + path)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Reading the n-th acknowledgement is no particular moment for the writer, which has gone on.
		n := 1 + r.IntN(60)
		o := listen(stdout, func(acked int) {
			if acked == n {
				_ = cmd.Process.Kill()
			}
		})
		_ = cmd.Wait() // killed
		if o.acked == 0 {
			t.Fatalf("round %d: the writer said %q", round, o.lines)
		}
		verify(t, path, o.acked)
	}
}

// needStrace returns the command in front of a child that makes strace inject a fault into system calls.
func needStrace(t *testing.T) func(inject string) []string {
	t.Helper()
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("strace is not installed or may not trace: %v", err)
	}
	return func(inject string) []string {
		return []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fdatasync,fsync", "-e", "inject=" + inject}
	}
}

// steps are the system calls to fail at: all of the first 30, or in short mode some.
func steps() []int {
	var all []int
	for n := 1; n <= 30; n++ {
		if !testing.Short() || n%5 == 1 {
			all = append(all, n)
		}
	}
	return all
}

// TestAcknowledgedBatchesSurviveKillAtEverySystemCall is case 2: creation and the first commits, killed at the n-th
// write or sync. What a killed creation leaves counts as new.
func TestAcknowledgedBatchesSurviveKillAtEverySystemCall(t *testing.T) {
	strace := needStrace(t)
	for _, call := range []string{"pwrite64", "fdatasync"} {
		for _, n := range steps() {
			t.Run(fmt.Sprintf("%s/%d", call, n), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "quell.db")
				o := runChild(t, "commit 12 "+path, strace(fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, n))...)
				if o.acked == 12 && n < 20 {
					t.Error("the writer was not killed")
				}
				verify(t, path, o.acked)
			})
		}
	}
}

// TestFailedSyncOrWriteLeavesOutcomeUnknown is case 4: EIO at the n-th call ends the handle, and what was acknowledged
// before is there when the store is opened again. The first three syncs belong to the creation.
func TestFailedSyncOrWriteLeavesOutcomeUnknown(t *testing.T) {
	strace := needStrace(t)
	for _, call := range []string{"fdatasync", "pwrite64"} {
		for _, n := range steps() {
			t.Run(fmt.Sprintf("%s/%d", call, n), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "quell.db")
				o := runChild(t, "commit 16 "+path, strace(fmt.Sprintf("%s:error=EIO:when=%d", call, n))...)
				if !o.says("unknown") && !o.says("open:") {
					t.Errorf("acknowledged %d and said %q, want an unknown outcome", o.acked, o.lines)
				}
				verify(t, path, o.acked)
			})
		}
	}
}

// TestFailedGrowthLeavesOutcomeUnknown: bbolt syncs when it grows the file, and passes the error on as text.
func TestFailedGrowthLeavesOutcomeUnknown(t *testing.T) {
	strace := needStrace(t)
	path := filepath.Join(t.TempDir(), "quell.db")
	// The first fsync is the folder's, the second that of the file when the buckets are created.
	o := runChild(t, "commit 3 "+path, strace("fsync:error=EIO:when=2")...)
	if !o.says(storage.ErrUnknown.Error()) {
		t.Errorf("acknowledged %d and said %q, want an unknown outcome", o.acked, o.lines)
	}
	verify(t, path, o.acked)
}

// TestRefusedWriteChangesNothingAndCanBeRepeated: ENOSPC or EROFS at the n-th write, that of a meta page included.
func TestRefusedWriteChangesNothingAndCanBeRepeated(t *testing.T) {
	strace := needStrace(t)
	for errno, want := range map[string]error{"ENOSPC": storage.ErrFull, "EDQUOT": storage.ErrFull, "EROFS": storage.ErrReadOnly} {
		for _, n := range steps() {
			if errno != "ENOSPC" && n%10 != 6 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", errno, n), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "quell.db")
				o := runChild(t, "commit 16 "+path, strace(fmt.Sprintf("pwrite64:error=%s:when=%d", errno, n))...)
				if !o.says("refused: commit: "+want.Error()) && !o.says("open:") {
					t.Errorf("acknowledged %d and said %q, want %v", o.acked, o.lines, want)
				}
				if o.says("refused:") && o.acked != 16 {
					t.Errorf("acknowledged %d of 16 and said %q", o.acked, o.lines)
				}
				verify(t, path, o.acked)
			})
		}
	}
}

// TestSecondProcessIsToldWhoHoldsTheStore is case 12.
func TestSecondProcessIsToldWhoHoldsTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quell.db")
	cmd := childProcess("hold 0 " + path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 5)
	if _, err := stdout.Read(ready); err != nil {
		t.Fatal(err)
	}
	_, err = bolt.Open(path, bolt.Options{}) // which would wait for ever without a bound
	holder := fmt.Sprintf("store is locked by pid %d on host ", cmd.Process.Pid)
	if !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), holder) {
		t.Errorf("got %v, want ErrLocked and %q", err, holder)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, path))
}
