package bolt

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"quell/storage"
)

// A lock that is free within a restart's overlap is waited for; more than a second of waiting looks like hanging.
const (
	lockTimeout = 900 * time.Millisecond
	lockRetry   = 50 * time.Millisecond
)

// lock takes the file's lock and says beside it who has it. bbolt locks the same handle again, which the kernel grants.
func lock(f *os.File, path string) error {
	for waited := time.Duration(0); ; waited += lockRetry {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			writeHolder(path)
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		if waited >= lockTimeout {
			return fmt.Errorf("%s: %w by %s (is another quell running on it?)", path, storage.ErrLocked, holder(path))
		}
		time.Sleep(lockRetry)
	}
}

func holderPath(path string) string { return path + ".lock" }

// writeHolder leaves a line for whoever finds the store locked. The lock holds without it, so errors, say of a full
// disk, must not keep the store from opening.
func writeHolder(path string) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	line := fmt.Sprintf("pid %d on host %s since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	_ = os.WriteFile(holderPath(path), []byte(line), 0o600)
}

// removeHolder goes before the unlock: afterwards the line may be the next holder's.
func removeHolder(path string) { _ = os.Remove(holderPath(path)) }

// holder reads the line; it is somebody else's, so it is cut and never trusted.
func holder(path string) string {
	b, err := os.ReadFile(holderPath(path))
	line, _, _ := strings.Cut(string(b[:min(len(b), 256)]), "\n")
	if err != nil || !strings.HasPrefix(line, "pid ") {
		return "another process"
	}
	return strings.ToValidUTF8(line, "?")
}
