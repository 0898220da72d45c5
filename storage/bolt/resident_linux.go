package bolt

import "syscall"

// releasePages unmaps the pages of a shared read-only mapping of a file, for which MADV_DONTNEED loses nothing.
func releasePages(start, length uintptr) {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, length, syscall.MADV_DONTNEED)
}
