package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// percent is what the collector is set to.
func percent() int {
	p := debug.SetGCPercent(usualPercent)
	debug.SetGCPercent(p)
	return p
}

// Only the first collection is put off, and what a command sets itself stays.
func TestFirstCollectionIsLateAndTheOthersAreNot(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(usualPercent))
	for _, own := range []int{0, 300} {
		over := collectLate()
		if got := percent(); got != firstPercent {
			t.Errorf("at first it is %d, want %d", got, firstPercent)
		}
		want := usualPercent
		if own != 0 {
			debug.SetGCPercent(own)
			want = own
		}
		runtime.GC()
		<-over
		if got := percent(); got != want {
			t.Errorf("after a collection it is %d, want %d", got, want)
		}
	}
}

func TestWhoSetsTheCollectorIsObeyed(t *testing.T) {
	t.Setenv("GOGC", "50")
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	<-collectLate()
	if got := percent(); got != 50 {
		t.Errorf("it is %d, want 50", got)
	}
}
