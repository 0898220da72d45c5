package lint

import (
	"maps"
	"slices"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// changeReasons are those of the changes that quell sees by itself in two versions of an object of Kubernetes.
var changeReasons = []string{
	"AutoscalerChanged", "ConfigChanged", "Cordoned", "Drained", "QuotaChanged", "Rollout", "Scaled", "SecretChanged", "Uncordoned",
}

// plainTypes are types that quell gives dependencies itself, and of which nothing is known: they count as depends_on.
var plainTypes = []string{"consumes"}

// types reports dependencies of a type that nothing knows, and what rules say of a type that is misspelt.
func (c *checker) types() {
	known := make(map[string]bool)
	for _, name := range slices.Concat(topology.Types(), plainTypes) {
		known[name] = true
	}
	usual := slices.Sorted(maps.Keys(known))
	used := make(map[string]bool)
	for _, r := range c.rules {
		walk(r.tree, func(t *strictyaml.Tree) {
			if r.section == "dependencies" || r.section == "entities" {
				used[text(t.Get("type"))] = true
			}
		})
	}
	for _, r := range slices.Concat(c.rules, c.packs) {
		if r.section == "edge_types" {
			known[r.name] = true
		}
	}
	for _, r := range c.rules {
		if r.section == "edge_types" && !slices.Contains(usual, r.name) && !used[r.name] {
			if hint := strictyaml.Suggest(r.name, usual); hint != "" {
				c.find(Finding{Kind: kindUnknownType, Place: r.at, Text: "no dependency is known to have the type " + strictyaml.Quote(r.name), Hint: hint})
			}
		}
		if r.section != "dependencies" && r.section != "entities" {
			continue
		}
		walk(r.tree, func(t *strictyaml.Tree) {
			at := t.Get("type")
			if name := text(at); name != "" && !known[name] {
				hint := strictyaml.Suggest(name, slices.Sorted(maps.Keys(known)))
				if hint == "" {
					hint = "say what it does under edge_types"
				}
				c.find(Finding{
					Kind: kindUnknownType, Place: place(at), Text: "nothing says what dependencies of the type " + strictyaml.Quote(name) + " do, so it counts as depends_on", Hint: hint,
				})
			}
		})
	}
}

// changes reports what is expected after changes that nothing tells of.
func (c *checker) changes() {
	known := make(map[string]bool)
	for _, reason := range changeReasons {
		known[reason] = true
	}
	// Mappings make up reasons as they like, and so does who posts events that a rule knows by something else.
	open := c.config.Get("webhooks") != nil
	for _, r := range slices.Concat(c.rules, c.packs) {
		if r.section != "events" || text(r.tree.Get("meaning")) != "change" {
			continue
		}
		reasons := texts(r.tree.Get("reason"))
		for _, reason := range reasons {
			known[reason] = true
		}
		if components := texts(r.tree.Get("component")); len(reasons) == 0 && !slices.Equal(components, []string{correlate.ChangeComponent}) {
			open = true
		}
	}
	for _, r := range c.rules {
		if r.section != "expect" {
			continue
		}
		list := r.tree.Get("after").Get("reason")
		if list == nil {
			continue
		}
		for _, item := range list.Items {
			c.change(item, known, open)
		}
	}
}

// change reports one reason that nothing gives a change.
func (c *checker) change(at *strictyaml.Tree, known map[string]bool, open bool) {
	reason := text(at)
	if reason == "" || known[reason] {
		return
	}
	hint := strictyaml.Suggest(reason, slices.Sorted(maps.Keys(known)))
	if hint == "" {
		if open {
			return
		}
		hint = "if events have it, say under events that it is a change"
	}
	c.find(Finding{Kind: kindUnknownChange, Place: place(at), Text: "no change is known to have the reason " + strictyaml.Quote(reason), Hint: hint})
}

// healed reports reasons that a rule ends, that no rule makes a symptom, and that are a letter away from one that some rule does. Other
// reasons may be of warnings, which are symptoms without a rule.
func (c *checker) healed() {
	known := make(map[string]bool)
	for _, r := range slices.Concat(c.rules, c.packs) {
		if r.section == "events" {
			for _, reason := range texts(r.tree.Get("reason")) {
				known[reason] = true
			}
		}
	}
	usual := slices.Sorted(maps.Keys(known))
	for _, r := range c.rules {
		if r.section != "events" {
			continue
		}
		for _, item := range items(r.tree.Get("heals")) {
			reason := text(item)
			i := slices.IndexFunc(usual, func(other string) bool { return len(other) > len("Failed") && apartByOne(reason, other) })
			if known[reason] || i < 0 {
				continue
			}
			c.find(Finding{
				Kind: kindUnknownReason, Place: place(item), Text: "no rule makes a symptom of the reason " + strictyaml.Quote(reason) + ", so that nothing ends here",
				Hint: "did you mean " + usual[i] + "?",
			})
		}
	}
}
