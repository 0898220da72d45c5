// Package faults breaks quell on purpose and looks whether it keeps its promises: the built binary runs as a process of its own
// between fake senders and fake receivers, is killed, starved, lied to and cut off, and after every case one oracle compares what
// was acknowledged, journaled and paged with the truth (see oracle_test.go). Tests carry the numbers of the project's list of faults.
//
// Plain `go test` runs a quick mode; QUELL_LONG=1 repeats the random cases more often and makes the storms larger. QUELL
// names a binary to test instead of one built from these sources. Cases that mount a file system need root, those that
// inject faults into system calls need strace: without these they are skipped, and say so.
package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// program is the quell under test.
var program string

// long is true in the long mode.
var long = os.Getenv("QUELL_LONG") != ""

// times picks how often, or how much, by mode.
func times(quick, many int) int {
	if long {
		return many
	}
	return quick
}

func TestMain(m *testing.M) { os.Exit(private(func() int { return runTests(m) })) }

// atOnce is how many cases run at the same time: they mostly wait for holds to run out.
const atOnce = 4

func runTests(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped in short mode: a minute with the real binary")
		return 0
	}
	parallel := flag.Lookup("test.parallel").Value
	if parallel.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // not asked for otherwise
		if err := parallel.Set(strconv.Itoa(atOnce)); err != nil {
			panic(err) // it is a number
		}
	}
	folder, err := os.MkdirTemp("", "faults")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if program = os.Getenv("QUELL"); program == "" {
		program = filepath.Join(folder, "quell")
		if out, err := exec.Command("go", "build", "-o", program, "quell/cmd/quell").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build quell: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// inNamespace marks the process that private started.
const inNamespace = "FAULTS_PRIVATE"

// private runs the tests in a mount namespace of their own, if that is possible: however they end, no mount is left behind.
func private(tests func() int) int {
	if os.Getenv(inNamespace) != "" || os.Getuid() != 0 {
		return tests()
	}
	// The child gets its signal when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintf(os.Stderr, "faults: no mount namespace: %v\n", err)
		return tests()
	}
	return cmd.ProcessState.ExitCode()
}

// needMount skips a case where it cannot mount a file system without leaving it behind.
func needMount(t *testing.T) {
	t.Helper()
	if os.Getenv(inNamespace) == "" {
		t.Skip("SKIP: mounting a small disk needs root and a mount namespace")
	}
}

// needStrace skips a case where faults cannot be injected into system calls.
func needStrace(t *testing.T) {
	t.Helper()
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("SKIP: strace is not installed or may not trace: %v", err)
	}
}
