package lint

import (
	"fmt"

	"quell/internal/strictyaml"
)

// matchers looks at each list of matchers by itself: those of rules, and those of the configuration but its routes, which inherit.
func (c *checker) matchers() {
	c.learn()
	look := func(section string, t *strictyaml.Tree) {
		walk(t, func(m *strictyaml.Tree) {
			c.mentions(section, m)
			for i, key := range m.Keys {
				if isMatchers(key) {
					ms := readMatchers(m.Items[i])
					c.never(ms)
					c.unknown(ms)
				}
			}
		})
	}
	for _, r := range c.rules {
		c.names(r)
		c.broad(r)
		look(r.section, r.tree)
	}
	if c.config == nil || c.config.Kind != strictyaml.Map {
		return
	}
	for i, key := range c.config.Keys {
		if key != "route" {
			look(key, c.config.Items[i])
		}
	}
}

// never reports matchers that nothing fulfils, and whether there are any.
func (c *checker) never(ms []matcher) bool {
	if a, b, ok := conflict(ms); ok {
		f := Finding{Kind: kindNever, Place: b.at, Hint: "all matchers of a list must hold: remove one, or write two lists"}
		switch {
		case a.Matcher == b.Matcher:
			f.Text, f.Hint = fmt.Sprintf("never matches: no value fulfils %s", b), "remove it"
		case a.at == b.at || a.at.Line == b.at.Line:
			f.Text = fmt.Sprintf("never matches: %s contradicts %s", b, a)
		default:
			f.Text, f.Other = fmt.Sprintf("never matches: %s contradicts %s of line %d", b, a, a.at.Line), a.at
		}
		c.find(f)
		return true
	}
	for _, m := range ms {
		if m.Name == "alertname" && apartFromNamed(m) {
			c.find(Finding{Kind: kindNever, Place: m.at, Text: fmt.Sprintf("never matches: %s asks for an alert without a name", m), Hint: "Prometheus names every alert"})
			return true
		}
	}
	return false
}

// apartFromNamed reports whether a matcher takes the empty value alone.
func apartFromNamed(m matcher) bool {
	list, ok := values(m.Matcher)
	return ok && len(list) == 1 && list[0] == ""
}
