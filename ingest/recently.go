package ingest

import (
	"maps"
	"sync"
	"time"
)

// recently remembers what happened a short while ago, so that it is logged once and not a thousand times. It is safe
// for concurrent use.
type recently struct {
	period time.Duration

	mu   sync.Mutex
	seen map[string]time.Time
}

// maxRemembered bounds how many keys are remembered. Keys contain names of senders, which anybody can make up.
const maxRemembered = 1000

func newRecently(period time.Duration) *recently {
	return &recently{period: period, seen: make(map[string]time.Time)}
}

// first reports whether key comes for the first time within the period. When too many keys are remembered, new
// ones are not the first until old ones are forgotten.
func (r *recently) first(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.seen[key]; ok && now.Sub(at) < r.period {
		return false
	}
	if len(r.seen) >= maxRemembered {
		maps.DeleteFunc(r.seen, func(_ string, at time.Time) bool { return now.Sub(at) >= r.period })
		if len(r.seen) >= maxRemembered {
			return false
		}
	}
	r.seen[key] = now
	return true
}
