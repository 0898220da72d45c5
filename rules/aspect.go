package rules

import (
	"unicode"

	"quell/correlate"
)

// Words in alert names that tell what an alert is about where no rule does. People name alerts after what they measure: latency,
// errors and objectives are felt by those who use a thing, whatever is broken below it; memory, disks and crashes are of the thing
// itself.
var (
	stateWords = words("cpu", "memory", "mem", "oom", "disk", "filesystem", "inode", "inodes", "swap", "load", "fd", "crash", "crashed", "crashing",
		"looping", "restart", "restarts", "restarting", "killed", "evicted", "eviction", "notready", "ready", "down", "dead", "absent", "missing",
		"unreachable", "throttled", "throttling", "full", "filling", "pressure", "exhausted", "quota", "expiry", "expired", "expiring", "expiration", "certificate",
		"failed", "failing", "failure", "corrupt", "corruption", "stuck", "mismatch", "unschedulable", "pending", "waiting", "backoff", "panic", "deadlock", "leader", "quorum", "degraded", "raid", "hardware", "power", "temperature")
	effectWords = words("latency", "slow", "duration", "response", "timeout", "timeouts", "error", "errors", "errorrate", "rate", "requests", "request", "availability", "unavailable",
		"slo", "sli", "budget", "burn", "apdex", "success", "traffic", "throughput", "qps", "rps", "4xx", "5xx", "saturation", "lag")
)

func words(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[w] = true
	}
	return m
}

// aspectOfName reads the words of an alert's name, which is written in camel case, or with _, - or blanks. A word about
// an effect wins: DiskLatencyHigh and ReadyRequestErrors are felt by users.
func aspectOfName(name string) correlate.Aspect {
	aspect := correlate.AspectUnknown
	var word [24]byte
	n := 0
	prev := rune(0)
	flush := func() {
		switch {
		case effectWords[string(word[:n])]:
			aspect = correlate.AspectEffect
		case aspect == correlate.AspectUnknown && stateWords[string(word[:n])]:
			aspect = correlate.AspectState
		}
		n = 0
	}
	for i, r := range name {
		lower := unicode.ToLower(r)
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			prev = 0
			continue
		case r != lower && (unicode.IsLower(prev) || i+1 < len(name) && unicode.IsLower(rune(name[i+1]))):
			flush()
		}
		if n < len(word) && lower < 0x80 {
			word[n] = byte(lower)
			n++
		}
		prev = r
	}
	flush()
	return aspect
}
