package rules

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// enrichRule is what a rule adds for people, as patterns.
type enrichRule struct {
	owner, runbook pattern
	links          []enrichLink
	notes          []pattern
}

type enrichLink struct {
	name string
	url  pattern
}

// Bounds of what enrich rules give. Longer texts are cut, longer addresses left out.
const (
	maxOwnerRunes = 100
	maxNoteRunes  = 500
	maxLinkBytes  = 2048
	// maxPattern bounds the text of one pattern, and maxPerRule the links and notes of a rule.
	maxPattern = 4096
	maxPerRule = 20
)

// Enrich returns what all matching rules under "enrich" say: of several that name an owner or a runbook the first.
func (s *Set) Enrich(l correlate.Labels, e topology.Entity) (x correlate.Enrichment) {
	for _, r := range s.enrich.matching(l) {
		x.Add(r.fill(l, e))
	}
	return x
}

// HasEnrichments reports whether there are rules under "enrich".
func (s *Set) HasEnrichments() bool { return len(s.enrich.rows) > 0 }

// fill puts labels and entity into the patterns of a rule. What names a label that is missing is left out.
func (r *enrichRule) fill(l correlate.Labels, e topology.Entity) (x correlate.Enrichment) {
	x.Owner, _ = r.owner.text(l, e, maxOwnerRunes)
	x.Runbook, _ = r.runbook.address(l, e)
	for _, link := range r.links {
		if address, ok := link.url.address(l, e); ok {
			x.Links = append(x.Links, correlate.EnrichmentLink{Name: link.name, URL: address})
		}
	}
	for _, note := range r.notes {
		if text, ok := note.text(l, e, maxNoteRunes); ok {
			x.Notes = append(x.Notes, text)
		}
	}
	return x
}

// pattern is text with places in it that labels, or parts of an entity's id, are put into.
type pattern []piece

// piece is text, or a place: a label, or a part of the entity.
type piece struct {
	text, label, part string
}

// place matches {{ .Labels.pod }}, {{ index .Labels "app.kubernetes.io/name" }}, {{ .Entity }} and {{ .Entity.Name }}.
var place = regexp.MustCompile(`\{\{\s*(?:\.Labels\.([A-Za-z_][A-Za-z0-9_]*)|index \.Labels "([^"{}]+)"|\.(Entity(?:\.(?:Kind|Namespace|Name|Cluster))?))\s*\}\}`)

// parsePattern reads a pattern. There is nothing but places in it: no functions, conditions or loops, so that it always ends and costs little.
func parsePattern(text string) (p pattern, problem string) {
	if len(text) > maxPattern {
		return nil, fmt.Sprintf("text of %d bytes is longer than %d", len(text), maxPattern)
	}
	rest := text
	add := func(s string) {
		if strings.Contains(s, "{{") && problem == "" {
			problem = "no place for a value: " + strictyaml.Quote(s[strings.Index(s, "{{"):])
		}
		if s != "" {
			p = append(p, piece{text: s})
		}
	}
	for {
		at := place.FindStringSubmatchIndex(rest)
		if at == nil {
			add(rest)
			return p, problem
		}
		add(rest[:at[0]])
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return rest[at[2*n]:at[2*n+1]]
		}
		p = append(p, piece{label: group(1) + group(2), part: group(3)})
		rest = rest[at[1]:]
	}
}

// value is what is put into a place; empty if it is not there.
func (p *piece) value(l correlate.Labels, e topology.Entity) string {
	switch p.part {
	case "":
		return l.Get(p.label)
	case "Entity":
		return string(e)
	case "Entity.Kind":
		return e.Kind()
	case "Entity.Namespace":
		return e.Namespace()
	case "Entity.Name":
		return e.Name()
	}
	return e.Cluster()
}

// text fills a pattern; ok is false if it is empty, or something is missing.
func (p pattern) text(l correlate.Labels, e topology.Entity, maxRunes int) (text string, ok bool) {
	var b strings.Builder
	for k := range p {
		if p[k].text != "" {
			b.WriteString(p[k].text)
			continue
		}
		v := p[k].value(l, e)
		if v == "" {
			return "", false
		}
		b.WriteString(v)
	}
	return cutRunes(b.String(), maxRunes), b.Len() > 0
}

// cutRunes shortens text.
func cutRunes(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// address fills the pattern of an address; values are escaped for where they stand, so that none can change where it leads.
func (p pattern) address(l correlate.Labels, e topology.Entity) (address string, ok bool) {
	var b strings.Builder
	query := false
	for k := range p {
		if p[k].text != "" {
			b.WriteString(p[k].text)
			query = (query || strings.Contains(p[k].text, "?")) && !strings.Contains(p[k].text, "#")
			continue
		}
		v := p[k].value(l, e)
		switch {
		case v == "":
			return "", false
		case query:
			b.WriteString(url.QueryEscape(v))
		case v == "." || v == "..":
			return "", false // a step in a path, whatever it is written as
		default:
			b.WriteString(url.PathEscape(v))
		}
	}
	if b.Len() == 0 || b.Len() > maxLinkBytes {
		return "", false
	}
	return b.String(), true
}

// filling stores a pattern of text.
func filling(to *pattern) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var text, problem string
		if strictyaml.Name(&text)(n); text == "" {
			return // reported already
		}
		if *to, problem = parsePattern(text); problem != "" {
			n.Problem(problem, `write {{ .Labels.NAME }}, {{ index .Labels "NAME" }}, {{ .Entity }}, or .Entity.Kind, .Namespace, .Name and .Cluster`)
		}
	}
}

// addressPattern stores a pattern of an address. Its host is fixed.
func addressPattern(to *pattern) strictyaml.Setter {
	return func(n strictyaml.Node) {
		if filling(to)(n); len(*to) == 0 {
			return // reported already
		}
		var sample strings.Builder
		for _, p := range *to {
			if p.text == "" {
				p.text = "x"
			}
			sample.WriteString(p.text)
		}
		first := (*to)[0].text
		after, secure := strings.CutPrefix(first, "https://")
		u, err := url.Parse(sample.String())
		switch {
		case !secure:
			n.Problem("the address does not begin with https://", "")
		case err != nil || u.Hostname() == "" || u.User != nil:
			n.Problem(strictyaml.Quote(sample.String())+" is no address", "want https://HOST/PATH")
		case len(*to) > 1 && !strings.ContainsAny(after, "/?#"):
			n.Problem("the host of an address cannot come from a label", "write the host out: https://grafana.example.com/d/x?var-pod={{ .Labels.pod }}")
		}
	}
}

func (r *reader) enrich(n strictyaml.Node) {
	rule := new(enrichRule)
	h := r.rule("enrich", n, strictyaml.Fields{
		"owner":   filling(&rule.owner),
		"runbook": addressPattern(&rule.runbook),
		"dashboards": list(func(n strictyaml.Node) {
			link := enrichLink{name: "dashboard"}
			addressPattern(&link.url)(n)
			rule.links = append(rule.links, link)
		}),
		"links": list(rule.link),
		"notes": list(func(n strictyaml.Node) {
			var note pattern
			filling(&note)(n)
			rule.notes = append(rule.notes, note)
		}),
	})
	switch {
	case len(rule.owner)+len(rule.runbook)+len(rule.links)+len(rule.notes) == 0:
		n.Problem("enrich rule that adds nothing", "give an owner, a runbook, dashboards, links or notes")
	case len(rule.links) > maxPerRule || len(rule.notes) > maxPerRule:
		n.Problem(fmt.Sprintf("more than %d links or notes", maxPerRule), fmt.Sprintf("an incident shows %d links and %d notes", correlate.MaxEnrichmentLinks, correlate.MaxEnrichmentNotes))
	}
	r.set.enrich.add(h, rule)
}

func (r *enrichRule) link(n strictyaml.Node) {
	var link enrichLink
	n.Like("{name: logs, url: 'https://logs.example.com'}").Map(strictyaml.Fields{"name": strictyaml.Name(&link.name), "url": addressPattern(&link.url)}, "name", "url")
	link.name = cutRunes(link.name, maxOwnerRunes)
	r.links = append(r.links, link)
}
