package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

// beatRule selects the events that are beats of a heartbeat.
type beatRule struct {
	head                     *head
	name                     string
	reasons, kinds, entities []string
	when                     *expression
}

func (b *beatRule) matches(ev *correlate.Event) bool {
	return !b.head.out && (len(b.reasons) == 0 || slices.Contains(b.reasons, ev.Reason)) &&
		(len(b.kinds) == 0 || slices.Contains(b.kinds, ev.Entity.Kind())) &&
		(len(b.entities) == 0 || slices.ContainsFunc(b.entities, func(p string) bool { return correlate.EntityMatches(p, ev.Entity) })) &&
		(b.when == nil || b.when.holds(&question{event: ev}))
}

// twice reports the heartbeats of rule files that the configuration expects as well: two intervals cannot both be meant, and nobody who
// reads one of the places would look for the other.
func (s *Set) twice(configured []correlate.HeartbeatRule) (problems strictyaml.Problems) {
	for i := range s.expected {
		h := &s.expected[i]
		k := slices.IndexFunc(configured, func(c correlate.HeartbeatRule) bool { return c.Name == h.Name })
		if k < 0 {
			continue
		}
		where := "the configuration"
		if c := &configured[k].Rule; c.File != "" {
			where = fmt.Sprintf("%s:%d", c.File, c.Line)
		}
		problems = append(problems, strictyaml.Problem{
			File: h.Rule.File, Line: h.Rule.Line, Col: 1,
			Text: "heartbeat " + strictyaml.Quote(h.Name) + " is expected in " + where + " already", Hint: "remove one of them, or call it something else",
		})
	}
	return problems
}

// Expected lists the heartbeats that rule files expect.
func (s *Set) Expected() []correlate.HeartbeatRule { return s.expected }

// Beats lists those of them that an event is a beat of.
func (s *Set) Beats(ev *correlate.Event) (names []string) {
	for k := range s.beats {
		if b := &s.beats[k]; b.matches(ev) {
			b.head.used()
			names = append(names, b.name)
		}
	}
	return names
}

// heartbeat adds a rule about who should report over and over: by alerts, by events, or by itself. The first rule of a name counts.
func (r *reader) heartbeat(n strictyaml.Node) {
	var beats beatRule
	byEvents := false
	rule := r.head("heartbeats", n)
	h := ReadHeartbeat(n, func(to *string) strictyaml.Setter {
		return func(n strictyaml.Node) {
			if r.name("heartbeats", &rule.id.Name)(n); rule.id.Name != "" {
				*to = rule.id.Name
				CheckHeartbeatName(n, *to)
			}
		}
	}, strictyaml.Fields{
		"events": func(n strictyaml.Node) {
			byEvents = true
			n.Map(strictyaml.Fields{
				"when":     r.expressionAs("events", rule, &beats.when, expr.Bool),
				"reason":   strictyaml.Strings(&beats.reasons),
				"kind":     kinds(&beats.kinds),
				"entities": list(criticalPattern(&beats.entities)),
			})
			if !slices.Contains(n.Keys(), "when") && len(beats.reasons)+len(beats.kinds)+len(beats.entities) == 0 {
				n.Problem("every event is a beat", "give a reason, a kind, entities or a condition")
			}
		},
	})
	switch alerts := len(h.Matchers) > 0 || h.When != ""; {
	case byEvents && alerts:
		n.Problem("heartbeat with matchers and events", "its beats are either alerts or events; a condition on events stands below events")
	case h.Name == correlate.AnyHeartbeat || h.Name == correlate.SelfHeartbeat:
		n.Problem(strictyaml.Quote(h.Name)+" is no name for a heartbeat of a rule file", "")
	}
	if slices.ContainsFunc(r.set.expected, func(o correlate.HeartbeatRule) bool { return o.Name == h.Name }) {
		return // a file before this one says otherwise
	}
	h.Rule, h.ByEvents = rule.id, byEvents
	r.set.expected = append(r.set.expected, h)
	r.set.heads = append(r.set.heads, rule)
	if beats.name, beats.head = h.Name, rule; h.ByEvents {
		r.set.beats = append(r.set.beats, beats)
	}
}

var heartbeatName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$`)

// CheckHeartbeatName reports a name that cannot be that of a heartbeat: it becomes part of a path and of an entity's id.
func CheckHeartbeatName(n strictyaml.Node, name string) {
	if !heartbeatName.MatchString(name) {
		n.Problem(strictyaml.Quote(name)+" is no name for a heartbeat", `letters, digits, '-', '_' and '.', at most 128; or "*" for all others`)
	}
}

const day = 24 * time.Hour

// ReadHeartbeat reads who is expected to report over and over: its name by the setter that name makes, and other keys by those beside.
func ReadHeartbeat(n strictyaml.Node, name func(*string) strictyaml.Setter, beside strictyaml.Fields) correlate.HeartbeatRule {
	h := correlate.HeartbeatRule{Severity: correlate.SeverityCritical}
	var ms labels.Matchers
	severity, grace, entity := "critical", time.Duration(-1), n
	fields := strictyaml.Fields{
		"name":     name(&h.Name),
		"matchers": strictyaml.Matchers(&ms),
		"when":     heartbeatCondition(&h.When),
		"per": list(func(n strictyaml.Node) {
			var label string
			strictyaml.Name(&label)(n)
			if slices.Contains(h.Per, label) {
				n.Problem("label "+strictyaml.Quote(label)+" is listed twice", "")
				return
			}
			h.Per = append(h.Per, label)
		}),
		"interval": strictyaml.Duration(&h.Interval, 10*time.Second, 366*day),
		"grace":    strictyaml.Duration(&grace, 0, 31*day),
		"severity": strictyaml.Word(&severity, "warning", "error", "critical"),
		"entity": func(n strictyaml.Node) {
			entity = n
			strictyaml.Name(&h.Entity)(n)
		},
	}
	maps.Copy(fields, beside)
	hinting(n, fields).Map(fields, "name", "interval")
	h.Severity = correlate.ParseSeverity(severity)
	if h.Grace = grace; grace < 0 {
		h.Grace = defaultGrace(h.Interval)
	}
	for _, m := range ms {
		h.Matchers = append(h.Matchers, m.String())
	}
	switch {
	case h.Name == correlate.AnyHeartbeat && h.HeardOf():
		n.Problem(`"*" stands for heartbeats that report by themselves, and has matchers or a condition`, "give those of alerts a name")
	case len(h.Per) > 10:
		n.Problem("a heartbeat cannot be told apart by more than 10 labels", "")
	}
	checkHeartbeatEntity(entity, &h)
	return h
}

// heartbeatCondition stores the text of a condition on alerts that compiles.
func heartbeatCondition(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var p *expr.Program
		if new(Set).environment("heartbeats").Setter(&p, expr.Bool)(n); p != nil {
			*to = p.Text()
		}
	}
}

// checkHeartbeatEntity looks whether the entity is one, and names no labels but those that the heartbeat is told apart by.
func checkHeartbeatEntity(n strictyaml.Node, h *correlate.HeartbeatRule) {
	if h.Entity == "" {
		return
	}
	text := h.Entity
	for _, label := range h.Per {
		text = strings.ReplaceAll(text, "{"+label+"}", "x")
	}
	if _, err := topology.ParseEntity(text); err != nil {
		n.Problem(err.Error(), "")
	} else if strings.ContainsAny(text, "{}") {
		n.Problem(strictyaml.Quote(h.Entity)+" names a label that is not among per", "write {label}, and list it under per")
	}
}

// defaultGrace is how late a beat may be where nothing says so: half the interval, between a minute and an hour.
func defaultGrace(interval time.Duration) time.Duration {
	return min(max(interval/2, time.Minute), time.Hour).Round(time.Second)
}

// beaten takes over the heartbeats that are beaten by alerts.
func (s *Set) beaten(list []correlate.HeartbeatRule) (problems strictyaml.Problems) {
	for i := range list {
		h := &list[i]
		var all labels.Matchers
		for _, text := range h.Matchers {
			ms, err := strictyaml.ParseMatchers(text)
			if err != nil {
				problems = append(problems, strictyaml.Problem{File: "heartbeat " + h.Name, Text: "bad matcher " + strictyaml.Quote(text) + ": " + err.Error()})
			}
			all = append(all, ms...)
		}
		beat := &head{id: h.Rule, matchers: all}
		if h.When != "" {
			p, err := s.environment("heartbeats").Compile(h.When, expr.Bool)
			if err != nil {
				problems = append(problems, strictyaml.Problem{File: "heartbeat " + h.Name, Text: "bad condition " + strictyaml.Quote(h.When) + ": " + err.Error()})
				continue
			}
			beat.when = &expression{set: s, head: beat, program: p}
		}
		if len(all) > 0 || beat.when != nil {
			s.heartbeats.add(beat, h.Name)
		}
	}
	return problems
}

// Heartbeats lists the heartbeats that an alert with these labels is a beat of.
func (s *Set) Heartbeats(l correlate.Labels) (names []string) {
	for _, name := range s.heartbeats.matching(l) {
		names = append(names, name)
	}
	return names
}
