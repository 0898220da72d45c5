package bolt

import "syscall"

// spaceLeft tells how many bytes an ordinary user may still write to the file system of a file, or -1.
func spaceLeft(path string) int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return -1
	}
	return int64(fs.Bavail) * fs.Bsize
}
