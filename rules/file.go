package rules

import (
	"cmp"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

const maxSpan = 7 * 24 * time.Hour

// read adds the rules of one file. After a problem the set must not be used, but reading goes on to find the others.
func (s *Set) read(name, text string) strictyaml.Problems {
	r := reader{set: s, file: name, names: make(map[string]bool)}
	return strictyaml.Read(name, []byte(text), func(n strictyaml.Node) {
		n.Map(strictyaml.Fields{
			"symptoms":      list(r.symptom),
			"target_labels": list(r.targetLabels),
			"entities":      list(r.entity),
			"holds":         list(r.hold),
			"events":        list(r.event),
			"causes":        list(r.cause),
			"dependencies":  list(r.declared),
			"edge_types":    list(r.edgeType),
		})
	})
}

func list(item strictyaml.Setter) strictyaml.Setter {
	return func(n strictyaml.Node) { n.List(item) }
}

// reader adds rules of one file to a set.
type reader struct {
	set   *Set
	file  string
	names map[string]bool
}

// name stores the name of a rule. Reasons point at rules by it, so it belongs to one rule of its section only.
func (r *reader) name(section string, to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		if key := section + "/" + *to; r.names[key] {
			n.Problem("second rule of name "+strictyaml.Quote(*to), "")
		} else {
			r.names[key] = true
		}
	}
}

func (r *reader) symptom(n strictyaml.Node) {
	var name, severity, shows string
	var ms labels.Matchers
	var delay time.Duration
	said := false
	says := func(set strictyaml.Setter) strictyaml.Setter {
		return func(n strictyaml.Node) { said = true; set(n) }
	}
	n.Map(strictyaml.Fields{
		"name":     r.name("symptoms", &name),
		"matchers": strictyaml.Matchers(&ms),
		"severity": says(strictyaml.Word(&severity, "none", "info", "warning", "error", "critical")),
		"shows":    says(strictyaml.Word(&shows, "state", "effect")),
		"delay":    says(strictyaml.Duration(&delay, 0, 24*time.Hour)),
	}, "name", "matchers")
	if !said {
		n.Problem("symptom rule that says nothing", "give a severity, what it shows (state or effect), or the delay of its rule")
	}
	if severity != "" {
		r.set.symptoms.add(ms, correlate.ParseSeverity(severity))
	}
	if delay != 0 {
		r.set.delays.add(ms, delay)
	}
	switch shows {
	case "state":
		r.set.aspects.add(ms, correlate.AspectState)
	case "effect":
		r.set.aspects.add(ms, correlate.AspectEffect)
	}
}

func (r *reader) targetLabels(n strictyaml.Node) {
	var name string
	var ms labels.Matchers
	var names []string
	n.Map(strictyaml.Fields{
		"name":     r.name("target_labels", &name),
		"matchers": strictyaml.Matchers(&ms),
		"labels":   strictyaml.Strings(&names),
	}, "name", "matchers", "labels")
	r.set.targets.add(ms, names)
}

func (r *reader) entity(n strictyaml.Node) {
	var name string
	var ms labels.Matchers
	rule := new(entityRule)
	n.Map(strictyaml.Fields{
		"name":       r.name("entities", &name),
		"matchers":   strictyaml.Matchers(&ms),
		"entity":     func(n strictyaml.Node) { n.Map(sourceFields(&rule.entity), "kind", "name_label") },
		"depends_on": list(rule.dependency),
	}, "name", "matchers", "entity")
	r.set.entities.add(ms, rule)
}

func (r *entityRule) dependency(n strictyaml.Node) {
	var d dependency
	fields := sourceFields(&d.to)
	fields["type"] = edgeType(&d.edgeType)
	n.Map(fields, "kind", "name_label")
	r.dependsOn = append(r.dependsOn, d)
}

func sourceFields(s *source) strictyaml.Fields {
	return strictyaml.Fields{
		"kind":            kind(&s.kind),
		"name_label":      strictyaml.Name(&s.name),
		"namespace_label": strictyaml.Name(&s.namespace),
		"cluster_label":   strictyaml.Name(&s.cluster),
	}
}

// kind stores a kind as entities' ids have them.
func kind(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		if lower := strings.ToLower(*to); lower != *to {
			n.Problem("kind "+strictyaml.Quote(*to)+" is not lower-case", "write "+lower)
		} else if strings.ContainsAny(*to, "/@ ") {
			n.Problem("kind "+strictyaml.Quote(*to)+" has a character that ids reserve", "")
		}
	}
}

func kinds(to *[]string) strictyaml.Setter {
	return list(func(n strictyaml.Node) {
		var k string
		kind(&k)(n)
		*to = append(*to, k)
	})
}

func edgeType(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.String(to)(n)
		if len(*to) > topology.MaxTypeBytes {
			n.Problem("type "+strictyaml.Quote(*to)+" is too long", "")
		}
	}
}

func (r *reader) hold(n strictyaml.Node) {
	var name, why string
	var ms labels.Matchers
	var hold time.Duration
	n.Map(strictyaml.Fields{
		"name":     r.name("holds", &name),
		"matchers": strictyaml.Matchers(&ms),
		"hold":     strictyaml.Duration(&hold, 0, 24*time.Hour),
		"why":      strictyaml.String(&why),
	}, "name", "matchers", "hold")
	r.set.holds.add(ms, holdRule{hold: hold, why: reason(name, r.file, why)})
}

func (r *reader) event(n strictyaml.Node) {
	var reasons []string
	var rule eventRule
	var meaning, severity string
	m := &rule.meaning
	n.Map(strictyaml.Fields{
		"reason":    strictyaml.Strings(&reasons),
		"kind":      kinds(&rule.kinds),
		"component": strictyaml.Strings(&rule.components),
		"meaning":   strictyaml.Word(&meaning, "symptom", "exhausted", "progress", "heal", "change", "gone", "ignore"),
		"severity":  strictyaml.Word(&severity, "info", "warning", "error", "critical"),
		"strength":  strictyaml.Float(&m.Strength, 0.01, 1),
		"ttl":       strictyaml.Duration(&m.TTL, time.Second, maxSpan),
		"state":     strictyaml.Bool(&m.State),
		"heals":     strictyaml.Strings(&m.Heals),
	}, "meaning")
	if len(reasons)+len(rule.kinds)+len(rule.components) == 0 {
		n.Problem("event rule for every event", "give a reason, kind or component")
	}
	m.Exhausted, m.Progress = meaning == "exhausted", meaning == "progress"
	m.Symptom, m.Change, m.Gone = meaning == "symptom" || m.Exhausted, meaning == "change", meaning == "gone"
	eventProblems(n, meaning, severity, m)
	if m.Gone {
		m.Heals = []string{"*"}
	}
	if m.Symptom {
		m.Severity = correlate.ParseSeverity(cmp.Or(severity, "warning"))
	}
	r.set.events.add(reasons, rule)
}

// eventProblems reports what a rule says of an event that does not go with its meaning.
func eventProblems(n strictyaml.Node, word, severity string, m *correlate.EventMeaning) {
	switch {
	case word == "heal" && len(m.Heals) == 0:
		n.Problem("meaning heal without heals", `list the reasons that it ends, or ["*"]`)
	case (word == "ignore" || word == "gone") && len(m.Heals) > 0:
		n.Problem("heals does not go with meaning "+word, "")
	}
	switch {
	case m.Symptom:
	case severity != "" || m.Strength != 0 || m.State:
		n.Problem("severity, strength and state go with the meanings symptom and exhausted only", "")
	case m.TTL != 0 && !m.Progress:
		n.Problem("ttl goes with the meanings symptom, exhausted and progress only", "")
	}
	if m.State && m.TTL != 0 {
		n.Problem("a state has no ttl", "it lasts until another event heals it")
	}
}
