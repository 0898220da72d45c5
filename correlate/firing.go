package correlate

import (
	"time"

	"github.com/prometheus/common/model"
)

// Firing is a symptom as those see it who know alerts and no incidents.
type Firing struct {
	// Fingerprint identifies it; that of an event is its labels'.
	Fingerprint model.Fingerprint
	Labels      Labels
	Annotations Labels
	// Generator links to what raised it; possibly empty or hostile.
	Generator string
	Severity  Severity
	// StartsAt is when it began, by the sender's clock; Seen when it was reported last.
	StartsAt, Seen time.Time
	// Expires is when it is lost, or fades, unless it is reported again: zero for never, and past for what is lost.
	Expires time.Time
	// Incident is the open one that it belongs to; zero if there is none.
	Incident IncidentID
	// OnRoot is true if its entity is the root of its incident.
	OnRoot bool
	// SilencedBy is what silences it now, what lasts longest first.
	SilencedBy []SilencedBy
	// MutedBy are the rules that keep it from paging, likewise.
	MutedBy []MutedBy
}

// Fires reports whether an alert fires, as far as the engine was told; one that is lost may. It does not change the engine.
func (e *Engine) Fires(f model.Fingerprint) bool {
	s := e.alerts[f]
	return s != nil && s.condition != conditionCleared
}

// Firing looks at the next symptoms, at most limit, and returns those that are active, those of no incident too, and those of open
// incidents that are lost, since nobody knows whether they ended; oldest first. after is 0 at first, and then what the call before
// returned as last, which is 0 when there are no more: who reads all of them need not keep the engine from stepping all the time. It
// does not change the engine. A symptom costs 0.3 µs, and some ten times that while silences are in force.
func (e *Engine) Firing(after uint64, limit int) (list []Firing, last uint64) {
	nums := e.symptoms.after(after, limit)
	list = make([]Firing, 0, len(nums))
	for _, num := range nums {
		s := e.symptoms.get(num)
		if s.condition == conditionCleared {
			continue
		}
		i := e.incidents[s.incident]
		open := i != nil && i.state.Open()
		if !open && !s.active() {
			continue
		}
		f := Firing{
			Fingerprint: s.fingerprint, Labels: s.labels, Annotations: s.annotations, Generator: s.generator, Severity: s.severity,
			StartsAt: fromNano(s.startsAt), Seen: fromNano(s.seen), Expires: fromNano(s.expires), SilencedBy: e.silencedView(s), MutedBy: e.mutedView(s),
		}
		if s.isEvent() {
			f.Fingerprint = s.labels.Fingerprint()
		}
		if open {
			f.Incident, f.OnRoot = i.id, s.node == i.root
		}
		list = append(list, f)
	}
	if len(nums) < limit {
		return list, 0
	}
	return list, nums[len(nums)-1]
}
