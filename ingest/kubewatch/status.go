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
	// FailingSince is since when it could not be watched; zero while it can.
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
	if p.state == Failing {
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

// survey looks at all parts: which are stale, and whether each was listed or cannot be. The first time that all are it says so.
func (w *Cluster) survey(now time.Time) (stale string, settled bool) {
	var list, forbidden []string
	reason, settled, objects := "", true, 0
	for _, p := range w.parts {
		st := p.status()
		objects += st.Objects
		isStale := st.State == Failing && now.Sub(st.FailingSince) > w.options.pace.stale
		w.options.Metrics.show(w.config.Name, &st, isStale)
		switch st.State {
		case Failing:
			settled = false
			if isStale {
				list, reason = append(list, st.Resource), st.LastError
			}
		case Forbidden:
			forbidden = append(forbidden, st.Resource)
		case Syncing:
			settled = false
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil && now.Sub(w.since) > w.options.pace.stale {
		return fmt.Sprintf("the cluster cannot be watched: %v", w.fault), false
	}
	if settled && !w.synced {
		w.synced = true
		slices.Sort(forbidden)
		w.log.Info("kubernetes cluster synced", slog.Int("objects", objects), slog.String("forbidden", strings.Join(slices.Compact(forbidden), " ")))
	}
	if len(list) == 0 {
		return "", settled
	}
	slices.Sort(list)
	return fmt.Sprintf("what is known of the cluster is out of date: %s cannot be watched: %s", strings.Join(slices.Compact(list), ", "), reason), settled
}
