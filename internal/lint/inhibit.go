package lint

import (
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// inhibitions reports rules whose source and target are the same alerts. What is both is inhibited by nothing that is both, else alerts would
// inhibit themselves, so such a rule does nothing.
func (c *checker) inhibitions() {
	look := func(t *strictyaml.Tree) {
		source, target := readMatchers(t.Get("source_matchers")), readMatchers(t.Get("target_matchers"))
		if t.Get("source_when") != nil || t.Get("target_when") != nil {
			return // conditions may tell them apart
		}
		if len(source) == 0 || len(target) == 0 || !covers(source, target) || !covers(target, source) {
			return
		}
		c.find(Finding{
			Kind: kindInhibit, Place: place(t), Text: "source and target are the same alerts, and no alert inhibits itself, so that nothing is inhibited",
			Hint: "say in target_matchers what is inhibited",
		})
	}
	for _, r := range c.rules {
		walk(r.tree, look)
	}
	walk(c.config, look)
}

// overrides tells which rules of packs are replaced by the user's of the same name.
func (c *checker) overrides() {
	type key struct{ section, name string }
	of := make(map[key]*rule)
	for _, r := range c.packs {
		if r.name != "" {
			of[key{r.section, r.name}] = r
		}
	}
	for _, r := range c.rules {
		if pack := of[key{r.section, r.name}]; pack != nil && !byChance(r, pack) {
			c.find(Finding{Kind: kindOverride, Place: r.at, Other: pack.at, Text: "takes the place of " + pack.says(), Hint: "quell packs show " + strings.TrimPrefix(pack.at.File, "pack ")})
		}
	}
}

// byChance reports whether two rules of one name are for alerts or events that have no name in common.
func byChance(a, b *rule) bool {
	mine, others := a.about(), b.about()
	return mine != nil && others != nil && !slices.ContainsFunc(mine, func(name string) bool { return slices.Contains(others, name) })
}

// about are the only names of alerts, or reasons of events, that a rule is for; nil if that is not plain to see.
func (r *rule) about() []string {
	switch r.section {
	case "events":
		return texts(r.tree.Get("reason"))
	case "causes":
		return []string{text(r.tree.Get("cause")), text(r.tree.Get("effect"))}
	}
	for _, m := range r.matchers {
		if list, ok := values(m.Matcher); ok && m.Name == "alertname" {
			return list
		}
	}
	return nil
}
