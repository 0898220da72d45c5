package hook

import (
	"sync"
	"time"
)

// recentMax is how many messages are remembered: more than SNS repeats.
const recentMax = 10_000

// recent remembers the last messages that were taken, so that one that somebody recorded does not count twice. It is safe for concurrent use.
type recent struct {
	mu   sync.Mutex
	ring [recentMax]string
	next int
	has  map[string]bool
}

func newRecent() *recent { return &recent{has: make(map[string]bool)} }

func (r *recent) known(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.has[id]
}

func (r *recent) add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.has[id] {
		return
	}
	delete(r.has, r.ring[r.next])
	r.ring[r.next], r.has[id] = id, true
	r.next = (r.next + 1) % recentMax
}

// warnedFor is how long a warning is not repeated.
const warnedFor = time.Minute

// warned remembers which warnings were logged. Their keys are names of sources and fixed words. It is safe for concurrent use.
type warned struct {
	mu sync.Mutex
	at map[string]time.Time
}

func newWarned() *warned { return &warned{at: make(map[string]time.Time)} }

// first reports whether a warning is due.
func (w *warned) first(key string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, ok := w.at[key]; ok && now.Sub(at) < warnedFor {
		return false
	}
	w.at[key] = now
	return true
}
