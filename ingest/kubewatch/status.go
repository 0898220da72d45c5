package kubewatch

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// State is how a kind is watched.
type State string

// States of kinds.
const (
	// Syncing: the first list is not complete yet.
	Syncing State = "syncing"
	// Synced: all that there is is known, and the server tells what changes.
	Synced State = "synced"
	// Failing: the server cannot be reached, or does not answer as it should.
	Failing State = "failing"
	// Forbidden: quell lacks the permission.
	Forbidden State = "forbidden"
	// Absent: the server does not have this kind.
	Absent State = "absent"
)

// Status is how a cluster is watched.
type Status struct {
	Cluster string
	// Synced is true once every kind that can be watched was listed.
	Synced bool
	// StaleSince is since when some kind could not be watched for so long that what is known of it may be wrong; zero if there is none.
	StaleSince time.Time
	// Error is why there is no connection to try at all; empty if there is.
	Error string
	// Skew is how far the server's clock is ahead of quell's, give or take half a second.
	Skew time.Duration
	// Checkpoint is the resource version up to which events are durable. Possibly empty.
	Checkpoint string
	// Kinds are in the order in which they are watched.
	Kinds []KindStatus
}

// KindStatus is how a kind is watched, in one namespace if only that is watched.
type KindStatus struct {
	// Resource is the kind as the API names it, "pods"; API is the group and version it comes from.
	Resource, API, Namespace string
	State                    State
	// Objects is how many there are; for events how many the last list had.
	Objects int
	// Refused counts objects that could not be used.
	Refused uint64
	// LastHeard is when the server told something last, LastFailed when something last went wrong, and what that was. Zero means never.
	LastHeard, LastFailed time.Time
	LastError             string
	// FailingSince is since when it cannot be watched though it could be once, or should be; zero while it can.
	FailingSince time.Time
}

// Status tells how the watch goes.
func (w *Cluster) Status() Status {
	w.mu.Lock()
	st := Status{Cluster: w.config.Name, Synced: w.synced, StaleSince: w.staleSince, Skew: w.skew, Checkpoint: w.checkpoint}
	if w.fault != nil {
		st.Error = w.fault.Error()
	}
	w.mu.Unlock()
	for _, p := range w.parts {
		st.Kinds = append(st.Kinds, p.status())
	}
	return st
}

func (p *part) status() KindStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := KindStatus{
		Resource: p.resource(), API: p.variants[p.variant].apiVersion(), Namespace: p.namespace, State: p.state, Objects: p.objects,
		Refused: p.refused.Load(), LastHeard: p.heard, LastFailed: p.lastFailed, LastError: p.lastError,
	}
	// A permission that was never there is not missed, one that was lost is.
	if p.state == Failing || p.state == Forbidden && !p.synced.IsZero() {
		st.FailingSince = p.failing
	}
	return st
}

// stored notes how many objects a part holds.
func (p *part) stored(objects int) {
	p.mu.Lock()
	p.objects = objects
	p.mu.Unlock()
	p.cluster.options.Metrics.objects.WithLabelValues(p.cluster.config.Name, p.resource()).Set(float64(objects))
}

// complete notes that the first list was taken as a whole.
func (p *part) complete() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.synced = p.cluster.options.Now(); p.state == Syncing {
		p.state = Synced
	}
}

// listed reports whether each part was listed, or cannot be.
func (w *Cluster) listed() bool {
	for _, p := range w.parts {
		p.mu.Lock()
		isOut := p.synced.IsZero() && p.state != Forbidden && p.state != Absent
		p.mu.Unlock()
		if isOut {
			return false
		}
	}
	return true
}

// survey looks at all parts: what is known of too long ago, as text, and whether each was listed or cannot be. The first time that all
// are it says so.
func (w *Cluster) survey(now time.Time) (stale string, settled bool) {
	var failing, forbidden []string
	isStale, reason, settled, objects := false, "", true, 0
	for _, p := range w.parts {
		st := p.status()
		objects += st.Objects
		isOld := !st.FailingSince.IsZero() && now.Sub(st.FailingSince) > w.options.pace.stale
		w.options.Metrics.show(w.config.Name, &st, isOld)
		if !st.FailingSince.IsZero() {
			failing, reason = append(failing, st.Resource), st.LastError
		}
		if st.State == Forbidden {
			forbidden = append(forbidden, st.Resource)
		}
		isStale = isStale || isOld
		settled = settled && st.State != Failing && st.State != Syncing
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.fault != nil:
		if now.Sub(w.since) > w.options.pace.stale {
			stale = fmt.Sprintf("the cluster cannot be watched: %v", w.fault)
		}
		return stale, false
	case settled && !w.synced:
		w.synced = true
		w.log.Info("kubernetes cluster synced", slog.Int("objects", objects), slog.String("forbidden", names(forbidden)))
	case isStale:
		stale = fmt.Sprintf("what is known of the cluster is out of date: %s cannot be watched: %s", names(failing), reason)
	}
	return stale, settled
}

// names lists each name once.
func names(list []string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}
