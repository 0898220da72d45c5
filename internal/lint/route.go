package lint

import (
	"fmt"
	"slices"
	"time"

	"quell/internal/strictyaml"
)

// routes looks at the tree of routes: those that nothing reaches, and their matchers together with those of the routes above.
func (c *checker) routes() {
	if root := c.config.Get("route"); root != nil {
		c.below(root, nil)
	}
}

// below looks at the routes below one that is entered by what fulfils above.
func (c *checker) below(t *strictyaml.Tree, above []matcher) {
	var earlier []*node
	for _, n := range nodes(t) {
		c.unknown(n.matchers)
		all := slices.Concat(above, n.matchers)
		if c.never(all) {
			continue // nothing below it is reached either
		}
		if k := slices.IndexFunc(earlier, func(e *node) bool { return !e.goesOn && covers(e.matchers, all) }); k >= 0 {
			c.find(Finding{
				Kind: kindUnreachable, Place: n.at, Other: earlier[k].at,
				Text: fmt.Sprintf("nothing gets to this route: the one at %s, which comes first, takes all that it matches", earlier[k].at.short()),
				Hint: "move it up, or write continue: true there",
			})
			continue
		}
		earlier = append(earlier, n)
		c.below(n.tree, all)
	}
}

// node is a route.
type node struct {
	tree     *strictyaml.Tree
	at       Place
	matchers []matcher
	goesOn   bool
}

// nodes are the routes below one.
func nodes(t *strictyaml.Tree) []*node {
	list := t.Get("routes")
	if list == nil {
		return nil
	}
	var all []*node
	for _, item := range list.Items {
		if item.Kind == strictyaml.Map {
			all = append(all, &node{item, place(item), readMatchers(item.Get("matchers")), text(item.Get("continue")) == "true"})
		}
	}
	return all
}

// end is where incidents may be routed to.
type end struct {
	policy string
}

// ends are all routes at which an alert may end that fulfils ms.
func ends(t *strictyaml.Tree, ms []matcher, inherited end) []end {
	here := inherited
	if t.Get("receiver") != nil {
		here.policy = ""
	}
	if p := text(t.Get("escalation")); p != "" {
		here.policy = p
	}
	var all []end
	for _, n := range nodes(t) {
		if _, _, never := conflict(slices.Concat(ms, n.matchers)); never {
			continue
		}
		all = append(all, ends(n.tree, ms, here)...)
		if !n.goesOn && covers(n.matchers, ms) {
			return all
		}
	}
	return append(all, here)
}

// climbs are for how long each escalation policy goes on from its first step to its last, by its name.
func (c *checker) climbs() map[string]time.Duration {
	all := make(map[string]time.Duration)
	list := c.config.Get("escalation_policies")
	if list == nil {
		return all
	}
	for _, p := range list.Items {
		var total time.Duration
		if steps := p.Get("steps"); steps != nil {
			for _, s := range steps.Items {
				wait, _ := span(s.Get("wait"))
				total += wait
			}
		}
		all[text(p.Get("name"))] = total
	}
	return all
}
