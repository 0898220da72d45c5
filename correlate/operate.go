package correlate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"quell/correlate/topology"
)

// command carries out what an operator asks for. Callers answer operators from [Engine.Allows] before.
func (e *Engine) command(c *Command) {
	if e.Allows(c) != nil {
		return
	}
	i := e.incidents[c.Incident]
	by := c.By
	if by == "" {
		by = "an operator"
	}
	switch c.Action {
	case ActionAck:
		e.acknowledge(i, c.By, "acknowledged by "+by)
	case ActionResolve:
		i.byHand = true
		e.close(i, Resolved, fmt.Sprintf("resolved by %s while %d symptoms were still active", by, i.active))
	}
}

// acknowledge notes that somebody took an incident on.
func (e *Engine) acknowledge(i *incident, by, why string) {
	i.state, i.acknowledged, i.ackedBy = Acknowledged, e.now, by
	e.emit(i, Acknowledge, why)
}

// Allows says why a command cannot be carried out, or nil if it can.
func (e *Engine) Allows(c *Command) error {
	i := e.incidents[c.Incident]
	switch {
	case c.Action != ActionAck && c.Action != ActionResolve:
		return fmt.Errorf("unknown action %q (ack and resolve are known)", c.Action)
	case i == nil:
		return fmt.Errorf("no open incident %s", c.Incident)
	case !i.state.Open():
		return fmt.Errorf("incident %s is %s already", c.Incident, i.state)
	case c.Action == ActionAck && i.state == Acknowledged:
		return fmt.Errorf("incident %s was acknowledged by %s already", c.Incident, i.ackedBy)
	}
	return nil
}

// delivered puts on the timeline how a delivery ended.
func (e *Engine) delivered(d *Delivery) {
	i := e.incidents[d.Incident]
	if i == nil || d.Generation != i.generation {
		return
	}
	switch {
	case d.Error != "":
		i.note(fromNano(e.now), Notice, fmt.Sprintf("%s could not be delivered to %s, %s: %s", d.Action, d.Receiver, d.Integration, d.Error))
	case d.Action == "trigger":
		i.note(fromNano(e.now), Notice, fmt.Sprintf("page accepted by %s, %s", d.Receiver, d.Integration))
	default:
		return
	}
	e.dirty.incidents[i.id] = struct{}{}
}

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

// heard notes that a source is alive.
func (e *Engine) heard(name string) {
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
	if src.seen != e.now {
		src.seen = e.now
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
	entity := topology.NewEntity("source", "", src.name, "")
	n := e.graph.Intern(entity)
	s := e.newSymptom(n, SeverityCritical)
	s.name, s.startsAt, s.source = silentName, e.now, "quell/engine"
	s.labels = LabelsOf("alertname", silentName, "severity", SeverityCritical.String(), "source", src.name)
	s.annotations = LabelsOf("summary", fmt.Sprintf("%s was last heard at %s; its alerts timed out without being resolved", src.name, clock(src.seen)))
	src.silent = s.num
	e.dirty.sources[src.name] = struct{}{}
	e.track(s)
	e.begin(s)
}

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
