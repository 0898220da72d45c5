package correlate

import (
	"slices"
	"strconv"

	"quell/correlate/mention"
	"quell/correlate/topology"
)

// eventSource is the source of dependencies that messages of live events tell.
const eventSource = "events"

// Annotations of event symptoms. evidenceNote holds the last message that named something where the latest one names nothing:
// "Error: ImagePullBackOff" follows "Failed to pull image …: i/o timeout" and takes nothing back.
const (
	messageNote  = "message"
	countNote    = "count"
	evidenceNote = "evidence"
)

// tells is the source under which the graph knows what s tells.
func (s *symptom) tells() string {
	if s.isEvent() {
		return eventSource
	}
	return labelSource
}

// naming is the message that an event symptom's dependencies are read from.
func (s *symptom) naming() string {
	if text := s.annotations.Get(evidenceNote); text != "" {
		return text
	}
	return s.annotations.Get(messageNote)
}

func (e *Engine) mentioned(s *symptom, message string) []topology.Edge {
	return mention.Edges(e.graph.Entity(s.node), s.name, message)
}

// say takes over what an event says, and what its message tells in the place of what the one before it told. A message that
// names nothing takes nothing back as long as the trouble lasts.
func (e *Engine) say(s *symptom, ev *Event) {
	old := s.naming()
	before, after := e.mentioned(s, old), e.mentioned(s, ev.Message)
	notes := []string{messageNote, ev.Message, countNote, strconv.Itoa(ev.Count)}
	if s.active() && len(after) == 0 && len(before) > 0 {
		after, notes = before, append(notes, evidenceNote, old)
	}
	s.annotations = LabelsOf(notes...)
	e.retell(before, after)
}

// retell puts dependencies that a message tells in the place of others, and looks again at what that may explain.
func (e *Engine) retell(before, after []topology.Edge) {
	if slices.Equal(before, after) {
		return
	}
	var departures []topology.Node
	for _, edge := range after { // first, so that nothing goes that is told again
		if n, changed := e.graph.Ref(edge, eventSource); changed {
			departures = append(departures, n)
		}
	}
	var gone []topology.Edge
	for _, edge := range before {
		if n, changed := e.graph.Unref(edge, eventSource); changed {
			departures, gone = append(departures, n), append(gone, edge)
		}
	}
	e.reconsider(departures)
	for _, edge := range gone {
		e.releaseEnds(edge)
	}
}
