package correlate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"quell/correlate/topology"
)

// source is somebody who reports. Its silence is a symptom.
type source struct {
	name   string
	seen   int64 // when it reported last
	active int   // firing alerts that came from it
	silent uint64
}

// row is the JSON of a [sourceRow], without what encoding/json takes from the heap: each step that hears of a source writes one.
func (s *source) row(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"seen":`...), s.seen, 10)
	if s.silent != 0 {
		b = strconv.AppendUint(append(b, `,"silent":`...), s.silent, 10)
	}
	return append(b, '}')
}

// sourcesMax bounds the sources that are watched; more come only from broken or hostile senders, and count as one.
const sourcesMax = 1000

const (
	otherSource = "other"
	silentName  = "SourceSilent"
	// silentAfter is how long a source must have said nothing, when an alert with a time-out of its own runs out, to be silent as
	// a whole: Prometheus sends every firing alert anew each minute.
	silentAfter = int64(2 * time.Minute)
)

// heard notes that a source was alive at a time.
func (e *Engine) heard(name string, at int64) {
	if name == "" {
		return
	}
	src := e.sources[name]
	if src == nil {
		if len(e.sources) >= sourcesMax {
			name = otherSource
		}
		if src = e.sources[name]; src == nil {
			src = &source{name: name}
			e.sources[name] = src
		}
	}
	if src.seen < at {
		src.seen = at
		e.dirty.sources[src.name] = struct{}{}
	}
	if src.silent != 0 {
		if s := e.symptoms.get(src.silent); s != nil && s.active() {
			e.end(s, conditionCleared)
		}
		src.silent = 0
		e.dirty.sources[src.name] = struct{}{}
	}
}

// lostBy reacts to an alert that nobody reported in time: if its source said nothing else either, the source is silent.
func (e *Engine) lostBy(s *symptom) {
	if i := e.incidents[s.incident]; i != nil && i.state.Open() {
		f := e.emit(i, Lost, fmt.Sprintf("%s timed out: %s did not report it again, which is no recovery", s.name, s.source))
		f.Entity = e.graph.Entity(s.node)
		if i.state == Held && i.heldUntil <= e.now {
			e.timer(timerHold, e.now, uint64(i.id))
		}
	}
	src := e.sources[s.source]
	if src == nil || src.silent != 0 || strings.HasPrefix(s.source, "quell/") {
		return
	}
	after := silentAfter
	if !s.explicit {
		after = int64(e.policy.AlertTimeout)
	}
	if e.now-src.seen >= after {
		e.silence(src)
	}
}

// silence makes a symptom of a source that reports nothing any more.
func (e *Engine) silence(src *source) {
	n := e.graph.Intern(sourceEntity(src.name))
	s := e.newSymptom(n, SeverityCritical)
	s.name, s.startsAt, s.source = silentName, e.now, engineSource
	s.labels = LabelsOf("alertname", silentName, "severity", SeverityCritical.String(), "source", src.name)
	s.annotations = LabelsOf("summary", fmt.Sprintf("%s was last heard at %s; its alerts timed out without being resolved", src.name, clock(src.seen)))
	src.silent = s.num
	e.dirty.sources[src.name] = struct{}{}
	e.track(s)
	e.begin(s)
}

// engineSource is the source of symptoms that the engine itself finds.
const engineSource = "quell/engine"

// ownWords is what the engine has to say about a symptom that it found itself, for the end of a reason.
func (s *symptom) ownWords() string {
	if s.source != engineSource {
		return ""
	}
	return ": " + s.annotations.Get("summary")
}

// sourceEntity is who is ill when a source falls silent.
func sourceEntity(name string) topology.Entity { return topology.NewEntity("source", "", name, "") }

// silentSource names the silent source whose lost alerts are all that is left of i, if that is so.
func (e *Engine) silentSource(i *incident) string {
	if i.active > 0 {
		return ""
	}
	name := ""
	for _, num := range i.sorted() {
		s := e.symptoms.get(num)
		if s.condition != conditionLost {
			continue
		}
		src := e.sources[s.source]
		if src == nil || src.silent == 0 {
			return ""
		}
		name = src.name
	}
	return name
}

// lastLost is when the last of an incident's symptoms was lost.
func (e *Engine) lastLost(i *incident) int64 {
	last := int64(0)
	for _, num := range i.sorted() {
		if s := e.symptoms.get(num); s.condition == conditionLost {
			last = max(last, s.ended)
		}
	}
	return last
}

// clock shows a time of day for reasons.
func clock(at int64) string { return fromNano(at).Format("15:04:05") }
