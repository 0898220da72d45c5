//go:build !linux

package bolt

// releasePages does nothing where the kernel does not map pages ahead.
func releasePages(_, _ uintptr) {}
