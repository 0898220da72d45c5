package story

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// Kinds of claims.
const (
	Incidents = "incidents"
	Pages     = "pages"
	Notices   = "notices"
	NotPaged  = "not_paged"
	Digest    = "digest"
	Decisions = "decisions"
)

// Never is the value of a time at which nothing happened.
const Never = "never"

// shape is what a fact is like, which says how it is read and compared. The zero value is text that must be equal.
type shape uint8

const (
	exact  shape = iota
	part         // text that must occur
	moment       // an offset from the start, or never
	set          // a list whose order does not count
	number
	flag
	word
	entity
)

// facts are the keys of incidents and of pages, in the order in which they are written.
type facts []struct {
	key   string
	shape shape
	words []string
}

var incidentFacts = facts{
	{key: "id"},
	{key: "root", shape: entity},
	{key: "silent", shape: flag},
	{key: "title", shape: part},
	{key: "state", shape: word, words: []string{"held", "self-healed", "escalated", "acknowledged", "resolved"}},
	{key: "outcome", shape: word, words: []string{"open", "escalated", "self-healed", "resolved"}},
	{key: "severity", shape: word, words: []string{"unset", "none", "info", "warning", "error", "critical"}},
	{key: "members", shape: set},
	{key: "chronic", shape: set},
	{key: "alerts", shape: number},
	{key: "active", shape: number},
	{key: "generation", shape: number},
	{key: "opened", shape: moment},
	{key: "held_until", shape: moment},
	{key: "paged", shape: moment},
	{key: "acknowledged", shape: moment},
	{key: "closed", shape: moment},
	{key: "acknowledged_by"},
	{key: "rule"},
	{key: "hold_reason", shape: part},
	{key: "close_reason", shape: part},
	{key: "healed_by", shape: part},
	{key: "muted_by", shape: part},
}

var messageFacts = facts{
	{key: "at", shape: moment},
	{key: "within", shape: moment},
	{key: "root", shape: entity},
	{key: "receiver"},
	{key: "incident"},
	{key: "severity", shape: word, words: []string{"unset", "none", "info", "warning", "error", "critical"}},
	{key: "reason", shape: part},
}

// factsOf returns the facts of a kind of claim; nil if it has none.
func factsOf(kind string) facts {
	switch kind {
	case Incidents:
		return incidentFacts
	case Pages, Notices:
		return messageFacts
	}
	return nil
}

// shapeOf is what a fact of a claim is like.
func shapeOf(kind, key string) shape {
	for _, f := range factsOf(kind) {
		if f.key == key {
			return f.shape
		}
	}
	return part
}

// Agrees reports whether a value is what a fact of a claim wants.
func (f *Fact) Agrees(kind string, got []string) bool {
	switch shapeOf(kind, f.Key) {
	case part:
		return len(got) == 1 && len(f.Want) == 1 && strings.Contains(got[0], f.Want[0])
	case set:
		return slices.Equal(slices.Sorted(slices.Values(f.Want)), slices.Sorted(slices.Values(got)))
	}
	return slices.Equal(f.Want, got)
}

// Keys are the keys that items of a kind of claim may have, in the order in which they are written.
func Keys(kind string) []string {
	var keys []string
	for _, f := range factsOf(kind) {
		keys = append(keys, f.key)
	}
	return keys
}

// expect reads what is expected, and when.
func (t *Test) expect(n strictyaml.Node) {
	n.List(func(n strictyaml.Node) {
		p := n.Later()
		x := Expectation{AtEnd: true, Mark: Mark{p.Line, p.Col}}
		n.Map(strictyaml.Fields{
			"at": func(n strictyaml.Node) {
				if n.Is("end") {
					return
				}
				var when time.Time
				at(Epoch, &when)(n)
				x.AtEnd, x.At = false, when.Sub(Epoch)
			},
			Incidents: x.items(Incidents),
			Pages:     x.items(Pages),
			Notices:   x.items(Notices),
			NotPaged:  x.texts(NotPaged),
			Digest:    x.texts(Digest),
			Decisions: func(n strictyaml.Node) {
				if n.IsList() {
					x.texts(Decisions)(n)
					return
				}
				n.Problem("want a list, got something else", `write a list of decisions, such as "5m escalate inc-1"`)
			},
		})
		if only(n, []string{"at"}) {
			n.Problem("nothing is expected", "give one of incidents, pages, notices, not_paged, digest, decisions; [] is none of them")
		}
		t.Expect = append(t.Expect, x)
	})
}

func (x *Expectation) claim(kind string, n strictyaml.Node) *Claim {
	p := n.Later()
	x.Claims = append(x.Claims, Claim{Kind: kind, Mark: Mark{p.Line, p.Col}})
	return &x.Claims[len(x.Claims)-1]
}

// items reads incidents, pages or notices.
func (x *Expectation) items(kind string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		c := x.claim(kind, n)
		n.List(func(n strictyaml.Node) {
			p := n.Later()
			i := Item{Mark: Mark{p.Line, p.Col}}
			fields := make(strictyaml.Fields)
			for _, f := range factsOf(kind) {
				fields[f.key] = i.fact(f.key, f.shape, f.words)
			}
			n.Map(fields)
			if len(i.Facts) == 0 {
				n.Problem("it says nothing", "give one of "+strings.Join(Keys(kind), ", "))
			}
			c.Items = append(c.Items, i)
		})
	}
}

// texts reads a list of texts.
func (x *Expectation) texts(kind string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		c := x.claim(kind, n)
		n.List(func(n strictyaml.Node) {
			p := n.Later()
			var text string
			if kind == NotPaged {
				entityName(&text)(n)
			} else {
				strictyaml.Name(&text)(n)
			}
			c.Texts = append(c.Texts, Fact{Key: kind, Want: []string{text}, Mark: Mark{p.Line, p.Col}})
		})
	}
}

// fact reads one value of an item.
func (i *Item) fact(key string, s shape, words []string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		p := n.Later()
		f := Fact{Key: key, Mark: Mark{p.Line, p.Col}}
		switch s {
		case set:
			f.Want = []string{}
			strictyaml.Strings(&f.Want)(n)
		default:
			var text string
			read(&text, s, words)(n)
			f.Want = []string{text}
		}
		i.Facts = append(i.Facts, f)
	}
}

// read reads a value that is one text in its canonical form.
func read(to *string, s shape, words []string) strictyaml.Setter {
	switch s {
	case word:
		return strictyaml.Word(to, words...)
	case entity:
		return entityName(to)
	case flag:
		return func(n strictyaml.Node) {
			var b bool
			strictyaml.Bool(&b)(n)
			*to = strconv.FormatBool(b)
		}
	case number:
		return func(n strictyaml.Node) {
			var i int
			strictyaml.Int(&i, 0, 1_000_000_000)(n)
			*to = strconv.Itoa(i)
		}
	case moment:
		return func(n strictyaml.Node) {
			if n.Is(Never) {
				*to = Never
				return
			}
			when := Epoch
			at(Epoch, &when)(n)
			*to = Span(when.Sub(Epoch))
		}
	}
	return strictyaml.Plain(to)
}

func entityName(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		if *to == "" {
			return
		}
		if _, err := topology.ParseEntity(*to); err != nil {
			n.Problem(err.Error(), "")
		}
	}
}
