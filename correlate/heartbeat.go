package correlate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// HeartbeatRule says who is expected to report over and over. Silence beyond [HeartbeatRule.Interval] and Grace is trouble.
type HeartbeatRule struct {
	// Name is part of the entity that is ill; [AnyHeartbeat] stands for every name that no other rule has.
	Name string `json:"name"`
	// Matchers select the alerts that are its beats, as Alertmanager writes them, and When, an expression, which of them. Neither means that it
	// reports by itself, see [Heartbeat], unless ByEvents.
	Matchers []string `json:"matchers,omitempty"`
	When     string   `json:"when,omitempty"`
	// ByEvents is true if events are its beats, by [Rules.Beats].
	ByEvents bool `json:"by_events,omitempty"`
	// Per are labels. Each combination of their values is expected for itself, from when it was heard of first.
	Per []string `json:"per,omitempty"`
	// Interval is the time between two beats, Grace how late one may be.
	Interval time.Duration `json:"interval"`
	Grace    time.Duration `json:"grace"`
	// Severity of the trouble.
	Severity Severity `json:"severity"`
	// Entity is who is ill while it is silent; {label} in it stands for the value of one of Per. Empty means heartbeat/NAME.
	Entity string `json:"entity,omitempty"`
	// Rule says where it is configured; the zero value, that nobody knows. It decides nothing.
	Rule RuleID `json:"rule,omitzero"`
}

const (
	// AnyHeartbeat is the name of the rule for heartbeats that no other rule names.
	AnyHeartbeat = "*"
	// SelfHeartbeat is what quell says to itself, to know that it can hear. No rule may have the name.
	SelfHeartbeat = "quell"

	// heartbeatsMax bounds the heartbeats that are known, heartbeatKeyBytes the length of a name with its labels.
	heartbeatsMax     = 10_000
	heartbeatKeyBytes = 512
	// heartbeatSpan is the longest interval that is waited for anew after a gap; who beats more seldom gets that time to try again.
	heartbeatSpan = int64(time.Hour)

	heartbeatMissing = "HeartbeatMissing"
	heartbeatFailed  = "HeartbeatFailed"
)

// heartbeat is one that is expected, or that quell says to itself. Times are Unix nanoseconds, zero for none. It is a row as it stands.
type heartbeat struct {
	Rule   string `json:"rule,omitempty"`
	Name   string `json:"name"`
	Labels Labels `json:"labels,omitempty"` // those of its rule's Per
	Since  int64  `json:"since"`            // when it was expected first
	Seen   int64  `json:"seen,omitempty"`   // its last beat
	Due    int64  `json:"due,omitempty"`    // when it is missing unless it beats; zero while it is in trouble
	// Interval is that of its rule, by which Due was reckoned.
	Interval time.Duration `json:"interval,omitempty"`
	// Source told of its last beat.
	Source string `json:"source,omitempty"`
	// Missing and Failed are the symptoms of its last trouble of that kind, which may be forgotten by now.
	Missing uint64 `json:"missing,omitempty"`
	Failed  uint64 `json:"failed,omitempty"`
	// By is the rule as it stood when the heartbeat was missed last; nil if nobody knows where it is configured. It decides nothing.
	By *RuleID `json:"by,omitempty"`
}

// heartbeatKey is what people call it: its name, and the labels that tell it from others of its rule.
func heartbeatKey(name string, labels Labels) string {
	if labels == "" {
		return name
	}
	var b strings.Builder
	b.WriteString(name)
	sep := byte('{')
	for label, value := range labels.All() {
		b.WriteByte(sep)
		b.WriteString(label + "=" + strconv.Quote(value))
		sep = ','
	}
	b.WriteByte('}')
	return b.String()
}

func (h *heartbeat) key() string { return heartbeatKey(h.Name, h.Labels) }

// heartbeatRule returns the rule of a name, or nil.
func (e *Engine) heartbeatRule(name string) *HeartbeatRule {
	for i := range e.expected {
		if r := &e.expected[i]; r.Name == name {
			return r
		}
	}
	return nil
}

// told returns the labels of l that the rule tells its heartbeats apart by; ok is false if one is missing.
func (r *HeartbeatRule) told(l Labels) (labels Labels, ok bool) {
	if len(r.Per) == 0 {
		return "", true
	}
	pairs := make([]Label, 0, len(r.Per))
	for _, name := range r.Per {
		value := l.Get(name)
		if value == "" {
			return "", false
		}
		pairs = append(pairs, Label{Name: name, Value: value})
	}
	return NewLabels(pairs), true
}

// HeartbeatError says why the engine expects no such heartbeat.
type HeartbeatError struct {
	Reason string
	// Unknown is true if nobody configured it; false if something else is wrong.
	Unknown bool
}

// Error returns the reason.
func (e *HeartbeatError) Error() string { return e.Reason }

// Expects returns a [*HeartbeatError] if a heartbeat would have no effect, else nil.
func (e *Engine) Expects(in *Heartbeat) error {
	if in.Name == SelfHeartbeat {
		return nil
	}
	if in.Forget {
		return e.forgettable(in)
	}
	r := e.reportedRule(in.Name)
	if r == nil {
		return &HeartbeatError{Reason: fmt.Sprintf("no heartbeat %q is configured that reports by itself", in.Name), Unknown: true}
	}
	labels, ok := r.told(in.Labels)
	key := heartbeatKey(in.Name, labels)
	switch _, known := e.heartbeats[key]; {
	case !ok:
		return &HeartbeatError{Reason: fmt.Sprintf("heartbeat %q is told apart by %s: give a value for each", in.Name, strings.Join(r.Per, ", "))}
	case len(key) > heartbeatKeyBytes:
		return &HeartbeatError{Reason: fmt.Sprintf("name and labels of the heartbeat are longer than %d bytes", heartbeatKeyBytes)}
	case !known && r.learns() && len(e.heartbeats) >= heartbeatsMax:
		return &HeartbeatError{Reason: fmt.Sprintf("more than %d heartbeats: forget some", heartbeatsMax)}
	}
	return nil
}

// forgettable returns why a heartbeat cannot be forgotten, or nil.
func (e *Engine) forgettable(in *Heartbeat) error {
	h := e.heardOf(in)
	if h == nil {
		return &HeartbeatError{Reason: fmt.Sprintf("no heartbeat %s was heard of", heartbeatKey(in.Name, in.Labels)), Unknown: true}
	}
	if r := e.heartbeatRule(h.Rule); r != nil && !r.learns() {
		return &HeartbeatError{Reason: fmt.Sprintf("heartbeat %q is expected by the configuration: take it out there", in.Name)}
	}
	return nil
}

// heardOf returns the heartbeat that is known by the name and labels of in, or nil.
func (e *Engine) heardOf(in *Heartbeat) *heartbeat {
	r := e.heartbeatRule(in.Name)
	if r == nil {
		r = e.heartbeatRule(AnyHeartbeat)
	}
	if r == nil {
		return nil
	}
	labels, _ := r.told(in.Labels)
	return e.heartbeats[heartbeatKey(in.Name, labels)]
}

// learns reports whether the rule's heartbeats are expected from when they were heard of first, and not from the beginning.
func (r *HeartbeatRule) learns() bool { return len(r.Per) > 0 || r.Name == AnyHeartbeat }

// reportedRule returns the rule of a heartbeat that reports by itself, or nil.
func (e *Engine) reportedRule(name string) *HeartbeatRule {
	r := e.heartbeatRule(name)
	if r == nil {
		r = e.heartbeatRule(AnyHeartbeat)
	}
	if r == nil || r.HeardOf() {
		return nil
	}
	return r
}

// HeardOf reports whether its beats are what others tell, alerts or events: it does not report by itself.
func (r *HeartbeatRule) HeardOf() bool { return len(r.Matchers) > 0 || r.When != "" || r.ByEvents }

// heartbeat takes in what one says that reports by itself, or that it is to be forgotten.
func (e *Engine) heartbeat(in *Heartbeat) {
	if in.Forget {
		if e.forgettable(in) == nil {
			e.forgetHeartbeat(e.heardOf(in))
		}
		return
	}
	if in.Name == SelfHeartbeat {
		h := &heartbeat{Name: SelfHeartbeat, Since: e.now, Seen: e.now}
		e.heartbeats[SelfHeartbeat] = h
		e.dirty.heartbeats[SelfHeartbeat] = struct{}{}
		return
	}
	r := e.reportedRule(in.Name)
	if r == nil {
		return // the rules changed just now
	}
	labels, ok := r.told(in.Labels)
	if !ok {
		return
	}
	h := e.expect(r, in.Name, labels)
	if h == nil {
		return
	}
	e.beat(h, r, in.Source, e.now)
	if in.Failed {
		text := "it reported a failure"
		if in.Message != "" {
			text += ": " + in.Message
		}
		h.Due = 0
		h.Failed = e.heartbeatTrouble(h, r, heartbeatTrouble{last: h.Failed, name: heartbeatFailed, summary: text, began: e.now})
		return
	}
	e.heartbeatWell(h.Failed)
}

// alertBeats takes in that an alert which is a beat fired at a time.
func (e *Engine) alertBeats(s *symptom, at int64) {
	for _, name := range s.beats {
		r := e.heartbeatRule(name)
		labels, ok := r.told(s.labels)
		if !ok {
			continue
		}
		if h := e.expect(r, name, labels); h != nil {
			e.beat(h, r, s.source, at)
		}
	}
}

// eventBeats takes in an event that is a beat.
func (e *Engine) eventBeats(ev *Event) {
	for _, name := range e.rules.Beats(ev) {
		r := e.heartbeatRule(name)
		labels, ok := r.told(eventLabels(ev, SeverityNone))
		if !ok {
			continue
		}
		if h := e.expect(r, name, labels); h != nil {
			e.beat(h, r, ev.Source, e.now)
		}
	}
}

// alertStops takes in that an alert which is a beat was resolved: what should always fire is over, so that not its interval but the
// grace alone runs, in which another sender of the same beat may speak.
func (e *Engine) alertStops(s *symptom) {
	for _, name := range s.beats {
		r := e.heartbeatRule(name)
		labels, _ := r.told(s.labels)
		if h := e.heartbeats[heartbeatKey(name, labels)]; h != nil && h.Due > e.now+int64(r.Grace) {
			e.dueAt(h, e.now+int64(r.Grace))
		}
	}
}

// expect returns the heartbeat of a rule, which is known from now on at the latest; nil if there is no room for it.
func (e *Engine) expect(r *HeartbeatRule, name string, labels Labels) *heartbeat {
	key := heartbeatKey(name, labels)
	if h := e.heartbeats[key]; h != nil {
		return h
	}
	if r.learns() && (len(e.heartbeats) >= heartbeatsMax || len(key) > heartbeatKeyBytes) {
		return nil
	}
	h := &heartbeat{Rule: r.Name, Name: name, Labels: labels, Since: e.now, Interval: r.Interval}
	e.heartbeats[key] = h
	e.dueAt(h, e.now+int64(r.Interval+r.Grace))
	return h
}

// beat notes a sign of life at a time, which ends silence.
func (e *Engine) beat(h *heartbeat, r *HeartbeatRule, source string, at int64) {
	if at < h.Seen {
		return // what was heard since says more
	}
	h.Seen, h.Source = at, source
	e.dueAt(h, at+int64(r.Interval+r.Grace))
	e.heartbeatWell(h.Missing)
}

// dueAt sets when a heartbeat is missing. All share one timer, which is due when the first of them may be.
func (e *Engine) dueAt(h *heartbeat, at int64) {
	h.Due = at
	e.dirty.heartbeats[h.key()] = struct{}{}
	e.watchHeartbeats(at)
}

func (e *Engine) watchHeartbeats(at int64) {
	if at != 0 && (e.heartbeatAt == 0 || at < e.heartbeatAt) {
		e.heartbeatAt = at
		e.timer(timerHeartbeat, at, 0)
	}
}

// heartbeatsDue looks which heartbeats are missing by now. It costs a look at each, about once in the shortest of their intervals.
func (e *Engine) heartbeatsDue(t timer) {
	if t.at != e.heartbeatAt || e.resting {
		return
	}
	e.heartbeatAt = 0
	var missing []*heartbeat
	next := int64(0)
	for _, h := range e.heartbeats {
		switch {
		case h.Due == 0:
		case h.Due <= e.now:
			missing = append(missing, h)
		case next == 0 || h.Due < next:
			next = h.Due
		}
	}
	e.watchHeartbeats(next)
	slices.SortFunc(missing, func(a, b *heartbeat) int { return cmp.Compare(a.key(), b.key()) })
	for _, h := range missing {
		e.miss(h)
	}
}

// miss makes a symptom of a heartbeat's silence.
func (e *Engine) miss(h *heartbeat) {
	r := e.heartbeatRule(h.Rule)
	text := fmt.Sprintf("no beat since %s, %s ago", stamp(h.Seen), round(time.Duration(e.now-h.Seen)))
	if h.Seen == 0 {
		text = fmt.Sprintf("no beat at all since it is expected, from %s on", stamp(h.Since))
	}
	text += fmt.Sprintf("; one is expected every %s and may be %s late", round(r.Interval), round(r.Grace))
	if h.By = nil; r.Rule.File != "" {
		by := r.Rule
		h.By = &by
		text += " (" + by.String() + ")"
	}
	if h.Source != "" && h.Seen != 0 {
		text += "; the last one came from " + h.Source
	}
	h.Due = 0
	h.Missing = e.heartbeatTrouble(h, r, heartbeatTrouble{last: h.Missing, name: heartbeatMissing, summary: text, began: cmp0(h.Seen, h.Since)})
}

// heartbeatTrouble says what is wrong with a heartbeat; last is the symptom of the last time.
type heartbeatTrouble struct {
	last          uint64
	name, summary string
	began         int64
}

// heartbeatTrouble makes a symptom, or lets that of the last time begin again, and returns its number.
func (e *Engine) heartbeatTrouble(h *heartbeat, r *HeartbeatRule, t heartbeatTrouble) uint64 {
	e.dirty.heartbeats[h.key()] = struct{}{}
	pairs := []Label{{model.AlertNameLabel, t.name}, {"severity", r.Severity.String()}, {"heartbeat", h.Name}}
	if t.name == heartbeatMissing && h.Source != "" && r.HeardOf() {
		pairs = append(pairs, Label{"source", h.Source})
	}
	for name, value := range h.Labels.All() {
		if !slices.ContainsFunc(pairs, func(l Label) bool { return l.Name == name }) {
			pairs = append(pairs, Label{name, value})
		}
	}
	labels, entity := NewLabels(pairs), r.entityOf(h)
	s := e.symptoms.get(t.last)
	isNew := s == nil || s.labels != labels || e.graph.Entity(s.node) != entity
	if isNew {
		if s != nil && s.active() {
			e.end(s, conditionCleared)
		}
		s = e.newSymptom(e.graph.Intern(entity), r.Severity)
		s.name, s.source, s.labels = t.name, engineSource, labels
		e.addEdges(s, e.edgesOf(s))
		e.track(s)
	}
	s.annotations = LabelsOf("summary", t.summary)
	if s.active() {
		e.mark(s)
		e.seenAgain(s, e.now)
		return s.num
	}
	s.startsAt = t.began
	e.begin(s)
	return s.num
}

// ownRule is the rule that [symptom.ownWords] names; nil if they name none. It costs a look at each heartbeat if s is one that was missed.
func (e *Engine) ownRule(s *symptom) *RuleID {
	if s.source != engineSource || s.name != heartbeatMissing {
		return nil
	}
	for _, h := range e.heartbeats {
		// A symptom that begins is not yet known to its heartbeat by its number.
		if h.By != nil && h.Name == s.labels.Get("heartbeat") && h.tells(s.labels) {
			return h.By
		}
	}
	return nil
}

// tells reports whether labels are those of a symptom of h's.
func (h *heartbeat) tells(labels Labels) bool {
	for name, value := range h.Labels.All() {
		if labels.Get(name) != value {
			return false
		}
	}
	return true
}

// heartbeatWell ends a heartbeat's trouble, if there is any.
func (e *Engine) heartbeatWell(num uint64) {
	if s := e.symptoms.get(num); s != nil && s.active() {
		e.end(s, conditionCleared)
	}
}

// heartbeatEdges is what a silent heartbeat depends on: who told of it last, since trouble of that explains the silence.
func (e *Engine) heartbeatEdges(s *symptom) []topology.Edge {
	source := s.labels.Get("source")
	if s.name != heartbeatMissing || source == "" {
		return nil
	}
	return []topology.Edge{{From: e.graph.Entity(s.node), To: sourceEntity(source), Type: "needs"}}
}

// entityOf is who is ill while a heartbeat is in trouble.
func (r *HeartbeatRule) entityOf(h *heartbeat) topology.Entity {
	if r.Entity != "" {
		text := r.Entity
		for name, value := range h.Labels.All() {
			text = strings.ReplaceAll(text, "{"+name+"}", strings.Map(pathless, value))
		}
		if entity, err := topology.ParseEntity(text); err == nil {
			return entity
		}
	}
	name, cluster := h.Name, ""
	for label, value := range h.Labels.All() {
		value = strings.Map(pathless, value)
		if label == "cluster" {
			cluster = value
			continue
		}
		name += ":" + value
	}
	return topology.NewEntity("heartbeat", "", name, cluster)
}

// pathless keeps a label's value from changing the shape of an entity's id.
func pathless(c rune) rune {
	if c == '/' || c == '@' || c < ' ' || c == 0x7f {
		return '_'
	}
	return c
}

// forgetHeartbeat drops a heartbeat, with its trouble.
func (e *Engine) forgetHeartbeat(h *heartbeat) {
	e.heartbeatWell(h.Missing)
	e.heartbeatWell(h.Failed)
	delete(e.heartbeats, h.key())
	e.dirty.heartbeats[h.key()] = struct{}{}
}

// reviseHeartbeats brings what is expected in line with the rules, where they are others than before.
func (e *Engine) reviseHeartbeats() {
	if !e.heartbeatsStale {
		return
	}
	e.heartbeatsStale = false
	for _, key := range slices.Sorted(maps.Keys(e.heartbeats)) {
		h := e.heartbeats[key]
		if h.Name == SelfHeartbeat {
			continue
		}
		r := e.heartbeatRule(h.Rule)
		if r == nil || !r.covers(h) || r.Name != h.Name && e.heartbeatRule(h.Name) != nil {
			e.forgetHeartbeat(h)
			continue
		}
		if h.Interval == r.Interval {
			continue
		}
		h.Interval = r.Interval
		e.dirty.heartbeats[key] = struct{}{}
		if h.Due != 0 {
			e.dueAt(h, max(cmp0(h.Seen, h.Since)+int64(r.Interval), e.now)+int64(r.Grace))
		}
	}
	for i := range e.expected {
		if r := &e.expected[i]; !r.learns() {
			e.expect(r, r.Name, "")
		}
	}
}

// covers reports whether a heartbeat is still one of the rule's: told apart by the same labels.
func (r *HeartbeatRule) covers(h *heartbeat) bool {
	n := 0
	for name := range h.Labels.All() {
		if !slices.Contains(r.Per, name) {
			return false
		}
		n++
	}
	return n == len(r.Per)
}

// heartbeatsGap lets those that may have beaten while quell was away beat anew.
func (e *Engine) heartbeatsGap() {
	for _, key := range slices.Sorted(maps.Keys(e.heartbeats)) {
		h := e.heartbeats[key]
		r := e.heartbeatRule(h.Rule)
		if h.Due == 0 || r == nil || h.Due-2*int64(r.Grace) > e.now {
			continue
		}
		e.dueAt(h, max(h.Due, e.now+min(int64(r.Interval), heartbeatSpan)+int64(r.Grace)))
	}
}

func (e *Engine) loadHeartbeat(key string, v []byte) error {
	h := new(heartbeat)
	err := json.Unmarshal(v, h)
	e.heartbeats[key] = h
	e.watchHeartbeats(h.Due)
	return err
}

// stamp shows a time with its day, since heartbeats may be days apart.
func stamp(at int64) string { return fromNano(at).Format("2006-01-02 15:04:05") }

// Rest says that nobody will report any more, as at the end of a recording: who falls silent from then on is not missing.
func (e *Engine) Rest() { e.resting = true }
