package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/internal/strictyaml"
)

var (
	// enclosed finds quotes that became a part of a value: Alertmanager knows the straight double ones only.
	enclosed = regexp.MustCompile("^(?:'.*'|[\u201c\u201d\u201e\u00ab].*[\u201c\u201d\u201f\u00bb]|\u2018.*\u2019)$")
	// patterned finds what only a pattern has.
	patterned = regexp.MustCompile(`\.[*+]`)
	// plainName has nothing that a pattern would not take as it stands, but for the dot that many names have.
	plainName = regexp.MustCompile(`^[\w./:@ -]+$`)
)

// odd reports a matcher of a value that nobody means.
func (c *checker) odd(m matcher) {
	text, hint := m.String(), ""
	equality := m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual
	begins, ends := strings.HasPrefix(m.Value, "^"), strings.HasSuffix(m.Value, "$")
	bare := strings.TrimSuffix(strings.TrimPrefix(m.Value, "^"), "$")
	switch {
	case m.doubled:
		c.find(Finding{
			Kind: kindOther, Place: m.at, Text: "== asks for a value that begins with =: " + text,
			Hint: "write a single =; a value that does begin with it stands in double quotes",
		})
		return
	case enclosed.MatchString(m.Value):
		text += " asks for a value that has quotes in it"
		hint = `write "value", in straight double quotes`
	case equality && patterned.MatchString(m.Value), equality && m.Name == "alertname" && strings.Contains(m.Value, "|"):
		text += " asks for this very text, not for what the pattern matches"
		hint = "write " + map[labels.MatchType]string{labels.MatchEqual: "=~", labels.MatchNotEqual: "!~"}[m.Type] + " for a pattern"
	case !equality && begins != ends && plainName.MatchString(bare):
		text += " asks for the value " + strictyaml.Quote(bare) + " and no other, since a pattern has to match all of it"
		if hint = "write " + bare + ".*"; ends {
			hint = "write .*" + bare
		}
	default:
		return
	}
	c.find(Finding{Kind: kindOdd, Place: m.at, Text: text, Hint: hint})
}

// severities are what rules make of the label; expressions see no other word.
var severities = []string{"critical", "error", "warning", "info", "none"}

// comparison finds what an expression compares with a text: a variable, and either one text or a list of them.
var comparison = regexp.MustCompile(`\b(severity|entity\.kind)\s*(?:[!=]=\s*((?:"[^"\\]*"|'[^'\\]*'))|in\s*\[([^\]]*)\])`)

// quotedWord finds the texts in it.
var quotedWord = regexp.MustCompile(`"[^"\\]*"|'[^'\\]*'`)

// compared reports words in a condition that what they are compared with never is.
func (c *checker) compared(t *strictyaml.Tree) {
	s := text(t)
	for _, m := range comparison.FindAllStringSubmatchIndex(s, -1) {
		variable := s[m[2]:m[3]]
		if m[2] > 0 && s[m[2]-1] == '.' {
			continue // labels.severity is as the alert has it
		}
		begin, end := max(m[4], m[6]), max(m[5], m[7])
		for _, lit := range quotedWord.FindAllStringIndex(s[begin:end], -1) {
			at, word := inside(t, begin+lit[0]), s[begin+lit[0]+1:begin+lit[1]-1]
			if variable != "severity" {
				c.kindName(word, at)
			} else if !slices.Contains(severities, word) {
				hint := cmp.Or(strictyaml.Suggest(word, severities), "it is one of "+strings.Join(severities, ", ")+"; labels.severity is as the alert has it")
				c.find(Finding{Kind: kindOdd, Place: at, Text: "severity is never " + strictyaml.Quote(word), Hint: hint})
			}
		}
	}
}

// inside is the place of an offset in a text.
func inside(t *strictyaml.Tree, offset int) Place {
	p := t.At.Inside(offset).Later()
	return Place{p.File, p.Line, p.Col}
}

// names reports names of alerts and reasons that a rule has, where it has patterns instead.
func (c *checker) names(r *rule) {
	switch r.section {
	case "causes":
		c.named(r.tree.Get("cause"))
		c.named(r.tree.Get("effect"))
	case "events":
		c.named(r.tree.Get("reason"))
		c.named(r.tree.Get("heals"))
	case "expect":
		c.named(r.tree.Get("after").Get("reason"))
	}
}

// named reports names of alerts and reasons of events that are written as patterns, which nothing is ever called.
func (c *checker) named(t *strictyaml.Tree) {
	for _, item := range append([]*strictyaml.Tree{t}, items(t)...) {
		if name := text(item); name != "*" && strings.ContainsAny(name, "*|{}=\"^$") {
			c.find(Finding{Kind: kindOdd, Place: place(item), Text: "no name is " + strictyaml.Quote(name), Hint: "write each name out: patterns are for matchers"})
		}
	}
}

// items are those of a list.
func items(t *strictyaml.Tree) []*strictyaml.Tree {
	if t == nil || t.Kind != strictyaml.List {
		return nil
	}
	return t.Items
}

// broad reports what keeps every alert from paging: an inhibition of that kind is an error, and quell silence add wants to be forced.
func (c *checker) broad(r *rule) {
	if r.section != "suppress" || r.tree.Get("when") != nil || r.tree.Get("matchers") == nil {
		return
	}
	for _, m := range r.matchers {
		if m.Type != labels.MatchRegexp || m.Value != ".*" && m.Value != ".+" || m.Value == ".+" && m.Name != "alertname" {
			return
		}
	}
	c.find(Finding{
		Kind: kindBroad, Place: place(r.tree.Get("matchers")), Text: "while this rule is in force, no alert pages for as long as its for says", Hint: "say in matchers which alerts need nobody",
	})
}
