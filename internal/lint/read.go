package lint

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/internal/strictyaml"
)

// rule is an item of a section of a rule file.
type rule struct {
	section, name string
	at            Place
	tree          *strictyaml.Tree
	matchers      []matcher
}

// says is how findings name the rule.
func (r *rule) says() string {
	if r.name == "" {
		return "the rule at " + r.at.short()
	}
	return "rule " + strictyaml.Quote(r.name) + " at " + r.at.short()
}

// read makes trees of all texts. What is wrong with them was reported by those who use them.
func (c *checker) read() {
	for _, f := range c.in.Rules {
		c.rules = append(c.rules, readRules(f)...)
	}
	for _, f := range c.in.Packs {
		c.packs = append(c.packs, readRules(f)...)
	}
	c.config = tree(c.in.Config)
}

func tree(f File) *strictyaml.Tree {
	var t *strictyaml.Tree
	_ = strictyaml.Read(f.Name, []byte(f.Text), func(n strictyaml.Node) { t = n.Tree() })
	return t
}

// readRules returns the rules of a file, in order.
func readRules(f File) []*rule {
	var list []*rule
	t := tree(f)
	if t == nil || t.Kind != strictyaml.Map {
		return nil
	}
	for i, section := range t.Keys {
		if t.Items[i].Kind != strictyaml.List {
			continue
		}
		for _, item := range t.Items[i].Items {
			if item.Kind == strictyaml.Map {
				list = append(list, &rule{
					section: section, name: text(item.Get("name")), at: place(item), tree: item, matchers: readMatchers(item.Get("matchers")),
				})
			}
		}
	}
	return list
}

// place is where a value begins.
func place(t *strictyaml.Tree) Place {
	p := t.At.Later()
	return Place{p.File, p.Line, p.Col}
}

// text is a scalar's, or nothing.
func text(t *strictyaml.Tree) string {
	if t == nil || t.Kind != strictyaml.Scalar {
		return ""
	}
	return t.Text
}

// texts are those of a list of scalars.
func texts(t *strictyaml.Tree) []string {
	if t == nil || t.Kind != strictyaml.List {
		return nil
	}
	var list []string
	for _, item := range t.Items {
		list = append(list, text(item))
	}
	return list
}

// span is a duration; ok is false if there is none.
func span(t *strictyaml.Tree) (d time.Duration, ok bool) {
	v, err := model.ParseDuration(text(t))
	return time.Duration(v), err == nil
}

// readMatchers reads a list of matchers; what is none is left out.
func readMatchers(t *strictyaml.Tree) []matcher {
	if t == nil || t.Kind != strictyaml.List {
		return nil
	}
	var list []matcher
	for _, item := range t.Items {
		ms, err := strictyaml.ParseMatchers(text(item))
		if err != nil {
			continue
		}
		for _, m := range ms {
			list = append(list, matcher{m, place(item), doubled.MatchString(text(item)) && strings.HasPrefix(m.Value, "=")})
		}
	}
	return list
}

// walk calls visit with each map below a tree, and the tree itself.
func walk(t *strictyaml.Tree, visit func(*strictyaml.Tree)) {
	if t == nil {
		return
	}
	if t.Kind == strictyaml.Map {
		visit(t)
	}
	for _, item := range t.Items {
		walk(item, visit)
	}
}

// isMatchers reports whether a key has matchers.
func isMatchers(key string) bool { return key == "matchers" || strings.HasSuffix(key, "_matchers") }
