package rules

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

const maxSpan = 7 * 24 * time.Hour

// read adds the rules of one file. After a problem the set must not be used, but reading goes on to find the others.
func (s *Set) read(name, text string) strictyaml.Problems {
	r := &reader{set: s, file: name, names: make(map[string]int)}
	return strictyaml.Read(name, []byte(text), r.sections())
}

// sections reads a rule file.
func (r *reader) sections() strictyaml.Setter {
	return func(n strictyaml.Node) {
		n.Hinting(func(key string) string { return ofOthers[key] }).Map(strictyaml.Fields{
			"symptoms":      list(r.symptom),
			"target_labels": list(r.targetLabels),
			"entities":      list(r.entity),
			"holds":         list(r.hold),
			"critical":      list(r.critical),
			"chronic":       list(r.chronic),
			"suppress":      list(r.suppress),
			"inhibit":       list(r.inhibit),
			"expect":        list(r.expect),
			"enrich":        list(r.enrich),
			"heartbeats":    list(r.heartbeat),
			"events":        list(r.event),
			"causes":        list(r.cause),
			"dependencies":  list(r.declared),
			"edge_types":    list(r.edgeType),

			"inhibit_rules": strictyaml.Refuse("inhibit_rules are for quell.yml", "in a rule file the section is called inhibit, and its rules have names"),
			"groups":        strictyaml.Refuse("this looks like a file of Prometheus' own rules", "give it to Prometheus; quell's rules say what the alerts mean that come of it"),
			"tests":         strictyaml.Refuse("this looks like a file of tests", "quell test FILE plays it; leave it out of rules.files"),
		})
	}
}

func list(item strictyaml.Setter) strictyaml.Setter {
	return func(n strictyaml.Node) { n.List(item) }
}

// reader adds rules of one file to a set.
type reader struct {
	set  *Set
	file string
	// names are the lines in which rules are named, by section and name.
	names map[string]int
}

// name stores the name of a rule. Reasons point at rules by it, so it belongs to one rule of its section only.
func (r *reader) name(section string, to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		if key := section + "/" + *to; r.names[key] != 0 {
			n.Problem("second rule of name "+strictyaml.Quote(*to), fmt.Sprintf("the first is in line %d: give each its own, or put both into one", r.names[key]))
		} else {
			r.names[key] = n.Line()
		}
	}
}

func (r *reader) symptom(n strictyaml.Node) {
	var severity, shows string
	var delay time.Duration
	said := false
	says := func(set strictyaml.Setter) strictyaml.Setter {
		return func(n strictyaml.Node) { said = true; set(n) }
	}
	h := r.rule("symptoms", n, strictyaml.Fields{
		"severity": says(strictyaml.Word(&severity, "none", "info", "warning", "error", "critical")),
		"shows":    says(strictyaml.Word(&shows, "state", "effect")),
		"delay":    says(strictyaml.Duration(&delay, 0, 24*time.Hour)),
	})
	if !said {
		n.Problem("symptom rule that says nothing", "give a severity, what it shows (state or effect), or the delay of its rule")
	}
	if severity != "" {
		r.set.symptoms.add(h, correlate.ParseSeverity(severity))
	}
	if delay != 0 {
		r.set.delays.add(h, delay)
	}
	switch shows {
	case "state":
		r.set.aspects.add(h, correlate.AspectState)
	case "effect":
		r.set.aspects.add(h, correlate.AspectEffect)
	}
}

func (r *reader) targetLabels(n strictyaml.Node) {
	var names []string
	h := r.rule("target_labels", n, strictyaml.Fields{"labels": strictyaml.Strings(&names)}, "labels")
	r.set.targets.add(h, names)
}

func (r *reader) entity(n strictyaml.Node) {
	rule := new(entityRule)
	var made []*expression
	h := r.rule("entities", n, strictyaml.Fields{
		"entity":     func(n strictyaml.Node) { r.source(n, &rule.entity, &made, nil) },
		"depends_on": list(func(n strictyaml.Node) { r.dependsOn(n, rule, &made) }),
	}, "entity")
	for _, e := range made {
		e.head = h
	}
	r.set.entities.add(h, rule)
}

func (r *reader) dependsOn(n strictyaml.Node, rule *entityRule, made *[]*expression) {
	var d dependency
	r.source(n, &d.to, made, strictyaml.Fields{"type": edgeType(&d.edgeType)})
	rule.dependsOn = append(rule.dependsOn, d)
}

// source reads what makes up an entity. The expressions in it get their rule when that is read.
func (r *reader) source(n strictyaml.Node, s *source, made *[]*expression, more strictyaml.Fields) {
	var texts sourceTexts
	fields := sourceFields(s)
	maps.Copy(fields, more)
	text := func(to **expression) strictyaml.Setter {
		return r.expression(&head{id: correlate.RuleID{Section: "entities"}}, to, expr.String)
	}
	named := false
	naming := func(set strictyaml.Setter) strictyaml.Setter {
		return func(n strictyaml.Node) { named = true; set(n) }
	}
	fields["name"], fields["namespace"], fields["cluster"] = naming(text(&texts.name)), text(&texts.namespace), text(&texts.cluster)
	fields["name_label"] = naming(fields["name_label"])
	before := len(*made)
	n.Like("{kind: pod, name_label: pod, namespace_label: namespace}; the label quell_entity of an alert names one outright").Map(fields, "kind")
	for _, p := range []struct {
		key, label string
		made       *expression
	}{{"name", s.name, texts.name}, {"namespace", s.namespace, texts.namespace}, {"cluster", s.cluster, texts.cluster}} {
		if p.made != nil {
			*made = append(*made, p.made)
		}
		if p.made != nil && p.label != "" {
			n.Problem(p.key+" and "+p.key+"_label are both given", "")
		}
	}
	if len(*made) > before {
		s.made = &texts
	}
	n.Note(func(s *strictyaml.Schema) { s.AnyOf = anyOf("name", "name_label") })
	if !named && n.IsMap() {
		n.Problem(`key "name_label" is missing`, "or name, an expression")
	}
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
	return strictyaml.Def("kind", func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		n.Note(func(s *strictyaml.Schema) {
			s.Description = "A kind of entities: lower case and singular as Kubernetes has it, or one of your own such as database."
			s.Pattern, s.Examples = "^[^A-Z/@ ]+$", []any{"pod", "deployment", "database"}
		})
		if lower := strings.ToLower(*to); lower != *to {
			n.Problem("kind "+strictyaml.Quote(*to)+" is not lower-case", "write "+lower)
		} else if strings.ContainsAny(*to, "/@ ") {
			n.Problem("kind "+strictyaml.Quote(*to)+" has a character that ids reserve", "")
		}
	})
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
	var why string
	var rule correlate.HoldRule
	h := r.rule("holds", n, strictyaml.Fields{
		"hold":      strictyaml.Duration(&rule.Hold, 0, 24*time.Hour),
		"max":       strictyaml.Duration(&rule.Max, time.Second, 24*time.Hour),
		"threshold": strictyaml.Float(&rule.Threshold, 0.01, 0.99),
		"why":       strictyaml.String(&why),
	}, "hold")
	switch {
	case rule.Max != 0 && rule.Threshold == 0:
		n.Problem("max without a threshold", "with threshold: 0.7 the hold lasts longer, up to max, where what is like it heals, and shorter where not")
	case rule.Max != 0 && rule.Max < rule.Hold:
		n.Problem("max is shorter than hold", "")
	case rule.Threshold != 0 && rule.Hold == 0:
		n.Problem("threshold of a rule that pages at once", "give a hold, which is for as long as too little is known")
	}
	rule.Why, rule.Rule = h.reason(why), &h.id
	r.set.holds.add(h, rule)
}

func (r *reader) event(n strictyaml.Node) {
	h := r.head("events", n)
	rule := eventRule{head: h}
	var meaning, severity string
	m := &rule.meaning
	r.note(h, n, strictyaml.Fields{
		"when":      r.expression(h, &rule.when, expr.Bool),
		"reason":    strictyaml.Strings(&rule.reasons),
		"kind":      kinds(&rule.kinds),
		"component": strictyaml.Strings(&rule.components),
		"meaning":   strictyaml.Word(&meaning, "symptom", "exhausted", "progress", "heal", "change", "gone", "ignore"),
		"severity":  strictyaml.Word(&severity, "info", "warning", "error", "critical"),
		"strength":  strictyaml.Float(&m.Strength, 0.01, 1),
		"ttl":       strictyaml.Duration(&m.TTL, time.Second, maxSpan),
		"state":     strictyaml.Bool(&m.State),
		"heals":     strictyaml.Strings(&m.Heals),
	}, "meaning")
	if len(rule.reasons)+len(rule.kinds)+len(rule.components) == 0 && !h.selects {
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
	m.Rule, h.about = &h.id, rule.reasons
	r.set.events.add(rule)
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
