package ruletest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
	"quell/internal/story"
	"quell/routing"
)

// stage is where a story is played: the engine, and who is told what beside it. All deliveries arrive.
type stage struct {
	start  time.Time
	engine *correlate.Engine
	steps  *routing.Escalations // nil without a configuration: then nobody knows receivers
	told   *story.Chronicle

	// known are the incidents that were not merged away; closed are copies of those that may be forgotten.
	known  map[correlate.IncidentID]bool
	closed map[correlate.IncidentID]*correlate.Incident
	// pages and notices are in order of time.
	pages, notices []message
	// reached are the entities of incidents that paged somebody.
	reached  map[topology.Entity]correlate.IncidentID
	timeline []string
	// beats are those of the source; nil if nobody asks.
	beats map[string]bool
	// now is the time of the last step.
	now time.Time
}

// message is somebody being told of an incident.
type message struct {
	at       time.Time
	root     topology.Entity
	receiver string
	incident correlate.IncidentID
	severity correlate.Severity
	reason   string
}

func newStage(s *source, start time.Time) (*stage, error) {
	e, err := correlate.New(s.compile, s.policy)
	if err != nil {
		return nil, err
	}
	st := &stage{
		start: start, engine: e, told: story.NewChronicle(start), now: start, known: make(map[correlate.IncidentID]bool),
		closed: make(map[correlate.IncidentID]*correlate.Incident), reached: make(map[topology.Entity]correlate.IncidentID), beats: s.beats,
	}
	if p := e.Policy(); p.Routing != "" {
		st.steps = routing.NewEscalations(routing.Compile(&p, routing.Options{StoreID: "test"}))
	}
	return st, nil
}

// Deadline is the engine's: what is due between its steps is done before the next.
func (s *stage) Deadline() (time.Time, bool) { return s.engine.Deadline() }

// Step lets everything take one step.
func (s *stage) Step(at time.Time, inputs []correlate.Input) {
	s.climbUntil(at)
	s.now = at
	if s.steps != nil {
		s.steps.Hear(inputs)
	}
	effects := s.engine.Step(at, inputs)
	for i := range effects {
		s.decided(&effects[i])
	}
	s.told.Take(s.engine, effects)
	s.climb(at, effects)
	s.remember(effects)
	s.listen()
}

// listen notes which heartbeats were heard, or missed.
func (s *stage) listen() {
	if s.beats == nil {
		return
	}
	for _, h := range s.engine.Heartbeats() {
		if h.State != "waiting" {
			s.beats[h.Name] = true
		}
	}
}

// climbUntil does what escalation policies have due before a time.
func (s *stage) climbUntil(until time.Time) {
	if s.steps == nil {
		return
	}
	for due, ok := s.steps.Deadline(); ok && due.Before(until); due, ok = s.steps.Deadline() {
		s.climb(due, nil)
	}
}

// climb turns decisions into what receivers are told.
func (s *stage) climb(at time.Time, effects []correlate.Effect) {
	if s.steps == nil {
		return
	}
	sent := s.steps.Step(at, effects, func(id correlate.IncidentID) (*correlate.Incident, bool) {
		return s.engine.Incident(id, correlate.MaxShown)
	})
	for i := range sent {
		if d := &sent[i]; d.Incident != nil && !d.Again {
			s.deliver(at, d)
		}
	}
	s.steps.Hear(routing.Accepted(sent))
}

// deliver notes that a receiver hears of an incident for the first time. Its integrations are one receiver.
func (s *stage) deliver(at time.Time, d *routing.Delivery) {
	m := messageOf(at, d.Incident, d.Reason)
	m.receiver = d.Target.Receiver
	switch d.Action {
	case routing.Trigger:
		s.note(&s.pages, m, "page")
	case routing.Notice:
		s.note(&s.notices, m, "notice")
	}
}

func (s *stage) note(to *[]message, m message, what string) {
	if slices.ContainsFunc(*to, func(o message) bool { return o.incident == m.incident && o.receiver == m.receiver && o.at.Equal(m.at) }) {
		return
	}
	*to = append(*to, m)
	if m.receiver != "" {
		s.say(m.at, "  ⇒ %s of %s to %s", what, m.incident, m.receiver)
	}
}

func messageOf(at time.Time, inc *correlate.Incident, reason string) message {
	return message{at: at, root: inc.Roots[0].Entity, incident: inc.ID, severity: inc.Severity, reason: reason}
}

// decided notes a decision. Without a configuration its pages and notices go to nobody in particular.
func (s *stage) decided(f *correlate.Effect) {
	root := ""
	if len(f.Roots) > 0 {
		root = " [" + string(f.Roots[0].Entity) + "]"
	}
	s.say(f.At, "  → %s %s%s: %s", f.Decision, f.Incident, root, f.Reason)
	inc, ok := s.engine.Incident(f.Incident, 0)
	if !ok {
		return
	}
	switch f.Decision {
	case correlate.Escalate:
		for _, m := range inc.Members {
			s.reached[m] = inc.ID
		}
		s.reached[inc.Roots[0].Entity] = inc.ID
		if s.steps == nil {
			s.note(&s.pages, messageOf(f.At, inc, f.Reason), "page")
		}
	case correlate.Notice:
		if s.steps == nil {
			s.note(&s.notices, messageOf(f.At, inc, f.Reason), "notice")
		}
	}
}

// remember follows which incidents there are.
func (s *stage) remember(effects []correlate.Effect) {
	for i := range effects {
		id := effects[i].Incident
		inc, ok := s.engine.Incident(id, 0)
		switch {
		case !ok:
		case inc.State == correlate.Merged:
			delete(s.known, id)
			delete(s.closed, id)
		case inc.State.Open():
			s.known[id] = true
			delete(s.closed, id)
		default:
			s.known[id], s.closed[id] = true, inc
		}
	}
}

// incidents are those that were not merged away, as they are now or as they ended.
func (s *stage) incidents() []*correlate.Incident {
	var list []*correlate.Incident
	for _, id := range slices.Sorted(maps.Keys(s.known)) {
		inc, ok := s.engine.Incident(id, 0)
		if !ok {
			inc = s.closed[id]
		}
		if inc != nil && s.steps != nil {
			inc.Escalation = s.steps.View(id)
		}
		if inc != nil && inc.State != correlate.Merged {
			list = append(list, inc)
		}
	}
	return list
}

// timelineMax bounds what is told of a story: a storm has more lines than anybody reads.
const timelineMax = 300

func (s *stage) say(at time.Time, format string, args ...any) {
	if len(s.timeline) < timelineMax {
		s.timeline = append(s.timeline, fmt.Sprintf("%8s  %s", story.Span(at.Sub(s.start)), picture.Clean(fmt.Sprintf(format, args...))))
	} else if len(s.timeline) == timelineMax {
		s.timeline = append(s.timeline, "          … and more")
	}
}

// passThrough lets everything happen that is due until a time, what is due at it included.
func (s *stage) passThrough(until time.Time) {
	story.PassUntil(s, until.Add(1))
	s.climbUntil(until.Add(1))
	s.now = slices.MaxFunc([]time.Time{s.now, until}, time.Time.Compare)
}

// climbMax is how long after the last decision escalation policies go on: some repeat for ever.
const climbMax = 24 * time.Hour

// runOut lets time run on until nothing is pending.
func (s *stage) runOut() {
	s.engine.Rest() // that nobody beats after the end of a story says nothing
	for until, ok := s.engine.Pending(); ok; until, ok = s.engine.Pending() {
		s.passThrough(until)
	}
	s.climbUntil(s.now.Add(climbMax))
}

// stories tells each incident as people would see it.
func (s *stage) stories() string {
	var b strings.Builder
	for _, inc := range s.incidents() {
		b.WriteString(picture.Story(inc, picture.Options{}))
		b.WriteByte('\n')
	}
	return b.String()
}

// compare orders messages by time, then by whom and of what they are.
func (m *message) compare(o *message) int {
	return cmp.Or(m.at.Compare(o.at), cmp.Compare(m.incident, o.incident), cmp.Compare(m.receiver, o.receiver))
}
