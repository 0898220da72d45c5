package correlate

import (
	"maps"
	"slices"
	"time"

	"quell/correlate/topology"
)

// HeartbeatView shows a heartbeat that is expected.
type HeartbeatView struct {
	Name string `json:"name"`
	// Labels tell it from others of its name.
	Labels Labels `json:"labels,omitempty"`
	// Entity is who is ill while it is missing.
	Entity topology.Entity `json:"entity"`
	// State is "ok", "waiting" before its first beat, "missing" or "failed".
	State string `json:"state"`
	// Since is from when on it is expected, Seen when it beat last, Due when it counts as missing unless it beats.
	Since time.Time  `json:"since"`
	Seen  *time.Time `json:"seen,omitempty"`
	Due   *time.Time `json:"due,omitempty"`
	// Interval and Grace are the rule's, in seconds.
	IntervalSeconds float64 `json:"interval_seconds"`
	GraceSeconds    float64 `json:"grace_seconds"`
	// Source told of its last beat.
	Source string `json:"source,omitempty"`
	// Incident is the one that its trouble belongs to; zero while it is well.
	Incident IncidentID `json:"incident,omitzero"`
}

// Key is what people call it: its name, and the labels that tell it from others.
func (v *HeartbeatView) Key() string { return heartbeatKey(v.Name, v.Labels) }

// Heartbeats lists those that are expected, by name and labels. What quell says to itself is not among them.
func (e *Engine) Heartbeats() []HeartbeatView {
	list := make([]HeartbeatView, 0, len(e.heartbeats))
	for _, key := range slices.Sorted(maps.Keys(e.heartbeats)) {
		h := e.heartbeats[key]
		r := e.heartbeatRule(h.Rule)
		if r == nil {
			continue
		}
		v := HeartbeatView{
			Name: h.Name, Labels: h.Labels, Entity: r.entityOf(h), State: e.heartbeatState(h), Since: fromNano(h.Since), Seen: pointTo(h.Seen),
			Due: pointTo(h.Due), IntervalSeconds: r.Interval.Seconds(), GraceSeconds: r.Grace.Seconds(), Source: h.Source,
		}
		for _, num := range [...]uint64{h.Missing, h.Failed} {
			if s := e.symptoms.get(num); s != nil && s.active() {
				v.Incident = s.incident
			}
		}
		list = append(list, v)
	}
	return list
}

// HeartbeatSeen returns when a heartbeat without labels beat last; zero if it never did.
func (e *Engine) HeartbeatSeen(name string) time.Time {
	if h := e.heartbeats[name]; h != nil {
		return fromNano(h.Seen)
	}
	return time.Time{}
}

// heartbeatState is the word for how a heartbeat is.
func (e *Engine) heartbeatState(h *heartbeat) string {
	ill := func(num uint64) bool {
		s := e.symptoms.get(num)
		return s != nil && s.active()
	}
	switch {
	case ill(h.Failed):
		return "failed"
	case ill(h.Missing):
		return "missing"
	case h.Seen == 0:
		return "waiting"
	}
	return "ok"
}

// heartbeatFigures counts them for [Engine.Figures].
func (e *Engine) heartbeatFigures(f *Figures) {
	for _, h := range e.heartbeats {
		if h.Rule == "" {
			continue
		}
		f.Heartbeats++
		switch e.heartbeatState(h) {
		case "failed":
			f.HeartbeatsFailed++
		case "missing":
			f.HeartbeatsMissing++
		}
	}
}
