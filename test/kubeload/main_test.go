// Package kubeload watches large clusters with the built binary, from a fake API server, and looks at what that costs: processor time,
// memory, and the time from a frame to its consideration. Bounds of memory are asserted; times are reported, since they depend on the
// machine. `go test -v` shows the figures.
//
// Plain `go test` runs a quick mode; QUELL_LONG=1 brings more events, for longer, and lists by pages. QUELL names a binary to test instead of
// one built from these sources.
package kubeload

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the quell under test.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped in short mode: half a minute with the real binary")
		return 0
	}
	folder, err := os.MkdirTemp("", "kubeload")
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
