package webhook

import (
	"slices"
	"time"

	"quell/internal/strictyaml"
	"quell/rules/expr"
)

const (
	// maxOutcomes and maxPairs bound a mapping.
	maxOutcomes, maxPairs = 50, 100
	// MaxTimeout bounds how long an alert may count without being told again.
	MaxTimeout = 366 * 24 * time.Hour
)

// Read takes over what a value says, beside or in place of what the mapping says already: key by key, outcomes by their names, labels and
// annotations by theirs. New outcomes come before those that were there. Problems are reported where they stand.
func (m *Mapping) Read(n strictyaml.Node) {
	before := m.outcomes
	hinting(n).Map(strictyaml.Fields{
		"about":     strictyaml.String(&m.About),
		"signature": m.signature,
		"sns":       strictyaml.Bool(&m.SNS),
		"each":      m.expression(&m.each, expr.List),
		"become": func(n strictyaml.Node) {
			all, told := "", false // the first new outcome that takes all items, and whether it was reported
			n.Like("{NAME: {when: item.state == \"firing\", alert: {name: item.title}}}").Entries(func(name string, n strictyaml.Node) {
				fresh := !slices.ContainsFunc(before, func(o *outcome) bool { return o.name == name }) // these are asked before the others
				if fresh && all != "" && !told {
					n.Warn("outcome "+strictyaml.Quote(name)+" is never asked: "+strictyaml.Quote(all)+", which comes first, takes all items", "give that a condition, when, or move it to the end")
					told = true
				}
				if takesAll := m.outcome(name, n); takesAll && fresh && all == "" {
					all = name
				}
			})
			if len(m.outcomes) > maxOutcomes {
				n.Problem("more outcomes than a mapping may have", "")
			}
		},
	})
	m.outcomes = slices.Concat(m.outcomes[len(before):], before)
}

func (m *Mapping) signature(n strictyaml.Node) {
	s := &m.Signature
	n.Map(strictyaml.Fields{
		"header":           strictyaml.Name(&s.Header),
		"prefix":           strictyaml.String(&s.Prefix),
		"algorithm":        strictyaml.Word(&s.Algorithm, Algorithms...),
		"encoding":         strictyaml.Word(&s.Encoding, Encodings...),
		"timestamp_header": strictyaml.Name(&s.TimestampHeader),
		"separator":        strictyaml.String(&s.Separator),
	})
}

// needed is expression for a key that has to be there; given becomes true if it is, also if it is wrong.
func (m *Mapping) needed(to *expression, given *bool) strictyaml.Setter {
	set := m.expression(to, expr.String)
	*given = to.given()
	return func(n strictyaml.Node) {
		*given = true
		set(n)
	}
}

// expression stores an expression that gives what is wanted.
func (m *Mapping) expression(to *expression, want expr.Type) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var x expression
		m.language.env.Setter(&x.program, want)(n)
		if x.program != nil {
			x.at = n.Pos()
			*to = x
		}
	}
}

// outcome reads one thing that items may become; of a name that is known it changes that. takesAll is true if it has no condition.
func (m *Mapping) outcome(name string, n strictyaml.Node) (takesAll bool) {
	i := slices.IndexFunc(m.outcomes, func(o *outcome) bool { return o.name == name })
	if i < 0 {
		i = len(m.outcomes)
		m.outcomes = append(m.outcomes, &outcome{name: name})
	}
	o := m.outcomes[i]
	takesAll = !o.when.given()
	when := m.expression(&o.when, expr.Bool)
	hinting(n).Map(strictyaml.Fields{
		"when":   func(n strictyaml.Node) { takesAll = false; when(n) },
		"ignore": strictyaml.Bool(&o.ignore),
		"alert":  m.alert(o),
		"event":  m.event(&o.event, false),
		"change": m.event(&o.change, true),
	})
	kinds := 0
	for _, given := range []bool{o.ignore, o.alert != nil, o.event != nil, o.change != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		n.Problem("outcome "+strictyaml.Quote(name)+" is none or several of alert, event, change and ignore", "give one of them")
	}
	return takesAll
}

// ofOthers are keys that people know from other tools, with those that are meant.
var ofOthers = map[string]string{
	"if": "when", "condition": "when", "foreach": "each", "for_each": "each", "items": "each", "outcomes": "become", "status": "resolved", "starts": "starts_at",
	"starts_on": "starts_at", "ends": "ends_at", "title": "name", "alertname": "name", "summary": "annotations: {summary: …}", "description": "annotations: {description: …}",
	"link": "url", "id": "fingerprint", "dedup_key": "fingerprint", "source": "component", "type": "reason", "ttl": "timeout",
}

// hinting is a map with hints for keys of other tools.
func hinting(n strictyaml.Node) strictyaml.Node {
	return n.Hinting(func(key string) string {
		if own := ofOthers[key]; own != "" {
			return "did you mean " + own + "?"
		}
		return ""
	})
}

func (m *Mapping) alert(o *outcome) strictyaml.Setter {
	return func(n strictyaml.Node) {
		if o.alert == nil {
			o.alert = new(alert)
		}
		a, named, labelled := o.alert, false, len(o.alert.labels) > 0
		hinting(n).Map(strictyaml.Fields{
			"name":       m.needed(&a.name, &named),
			"severity":   m.expression(&a.severity, expr.String),
			"severities": severities(&a.severities),
			"labels": func(n strictyaml.Node) {
				labelled = true
				m.pairs(&a.labels)(n)
			},
			"annotations": m.pairs(&a.annotations),
			"resolved":    m.expression(&a.resolved, expr.Bool),
			"starts_at":   m.expression(&a.startsAt, expr.Any),
			"ends_at":     m.expression(&a.endsAt, expr.Any),
			"url":         m.expression(&a.url, expr.String),
			"fingerprint": m.expression(&a.fingerprint, expr.String),
			"timeout":     strictyaml.Duration(&a.timeout, time.Minute, MaxTimeout),
		})
		if !named && !labelled {
			n.Problem("alert without a name", "it becomes the label alertname")
		}
	}
}

// severities replaces the list of severities that one alert may have in its life.
func severities(to *[]string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		*to = nil
		n.List(func(n strictyaml.Node) {
			var s string
			strictyaml.Name(&s)(n)
			if slices.Contains(*to, s) {
				n.Problem("severity "+strictyaml.Quote(s)+" is listed twice", "")
				return
			}
			*to = append(*to, s)
		})
	}
}

func (m *Mapping) event(to **event, change bool) strictyaml.Setter {
	return func(n strictyaml.Node) {
		if *to == nil {
			*to = new(event)
		}
		e := *to
		entity, reason := false, false
		fields := strictyaml.Fields{
			"entity":  m.needed(&e.entity, &entity),
			"reason":  m.needed(&e.reason, &reason),
			"message": m.expression(&e.message, expr.String),
			"at":      m.expression(&e.at, expr.Any),
			"id":      m.expression(&e.id, expr.String),
		}
		if !change {
			fields["component"] = m.expression(&e.component, expr.String)
			fields["warning"] = m.expression(&e.warning, expr.Bool)
		}
		hinting(n).Map(fields)
		if !entity {
			n.Problem("event about no entity", "say which, such as entity: '\"service/shop/\" + body.app'")
		}
		if !reason {
			n.Problem("event without a reason", "")
		}
	}
}

// pairs adds names with expressions of their values, or expressions of whole maps, or a list of either.
func (m *Mapping) pairs(to *pairs) strictyaml.Setter {
	one := func(n strictyaml.Node) {
		if n.IsMap() {
			n.Entries(func(name string, n strictyaml.Node) {
				p := pair{name: name}
				m.expression(&p.expression, expr.String)(n)
				to.add(n, p)
			})
			return
		}
		var p pair
		m.expression(&p.expression, expr.Labels)(n)
		to.add(n, p)
	}
	return func(n strictyaml.Node) {
		if n.IsList() {
			n.List(one)
			return
		}
		one(n)
	}
}

func (ps *pairs) add(n strictyaml.Node, p pair) {
	switch {
	case !p.given():
		return // reported already
	case len(*ps) == maxPairs:
		n.Problem("more labels or annotations than a mapping may name", "")
	default:
		*ps = append(*ps, p)
	}
}
