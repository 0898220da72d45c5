package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Percentages of the garbage collector, as GOGC gives them. With the first one it does not run before 40 MB are in use, ten times as much as
// with the usual one.
const (
	firstPercent = 1000
	usualPercent = 100
)

// collectLate puts the first garbage collection off: a command that reads rules and ends would be busy with collecting half of its time,
// for memory that it gives back at once. After the first one all is as usual, so serve and replay need no more memory than without it; a
// limit (GOMEMLIMIT) holds from the beginning. Once all is as usual, usual is closed. It may be called once in a process, before there is work.
func collectLate() (usual <-chan struct{}) {
	done := make(chan struct{})
	if os.Getenv("GOGC") != "" {
		close(done)
		return done // somebody knows better
	}
	debug.SetGCPercent(firstPercent)
	// Nothing refers to it, so that the first collection finds it.
	runtime.AddCleanup(new(*byte), func(done chan struct{}) {
		if before := debug.SetGCPercent(usualPercent); before != firstPercent {
			debug.SetGCPercent(before) // a command has set its own
		}
		close(done)
	}, done)
	return done
}
