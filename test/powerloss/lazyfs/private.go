package lazyfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Available says why file systems cannot be mounted here, or nil if they can.
func Available() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting needs root")
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("no FUSE: %w", err)
	}
	return f.Close()
}

// inNamespace marks the process that Private started.
const inNamespace = "LAZYFS_PRIVATE"

// Private runs a test binary in a mount namespace of its own and returns its exit status. The namespace goes with its
// last process, and its mounts with it: however a test ends, none is left behind. Where mounting is not possible, it runs
// tests right here, so that they can say so.
func Private(tests func() int) int {
	if os.Getenv(inNamespace) != "" || Available() != nil {
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
		fmt.Fprintf(os.Stderr, "lazyfs: no mount namespace, mounting in the common one: %v\n", err)
		return tests()
	}
	return cmd.ProcessState.ExitCode()
}
