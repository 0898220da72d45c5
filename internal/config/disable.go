package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"quell/correlate"
	"quell/internal/rulebook"
	"quell/internal/strictyaml"
	"quell/rules"
	"quell/rules/packs"
)

// maxDisabled bounds the rules of packs that are turned off one by one.
const maxDisabled = 10_000

// disableUse is an entry under rules.disable.
type disableUse struct {
	entry string
	node  strictyaml.Node
}

// disable reads an entry of the rules of packs that are turned off. Whether there are such rules is checked once the packs are known.
func (l *loader) disable(n strictyaml.Node) {
	var entry string
	strictyaml.Name(&entry)(n)
	p := &l.config.policy
	switch {
	case entry == "":
	case slices.Contains(p.Disabled, entry):
		n.Problem(strictyaml.Quote(entry)+" is listed twice", "")
	case len(p.Disabled) == maxDisabled:
		n.Problem("too many rules are disabled", "turn off the whole pack with PACK/*, or copy what you need of it into a file of your own")
	default:
		p.Disabled = append(p.Disabled, entry)
		l.disables = append(l.disables, disableUse{entry, n})
	}
}

// checkDisabled compares what is turned off with the rules of the packs.
func (l *loader) checkDisabled() {
	for _, u := range l.disables {
		pack, rest, ok := strings.Cut(u.entry, "/")
		switch {
		case !ok || rest == "":
			u.node.Problem(strictyaml.Quote(u.entry)+" names no rule of a pack", "write PACK/SECTION/NAME, PACK/SECTION/* or PACK/*")
		case !slices.Contains(packs.Names(), pack):
			u.node.Problem("unknown pack "+strictyaml.Quote(pack), strictyaml.Suggest(pack, packs.Names()))
		case !slices.Contains(l.config.policy.Packs, pack):
			u.node.Warn("pack "+pack+" is not in force, so nothing of it needs to be disabled", "remove the entry")
		default:
			l.checkDisabledRule(u, pack)
		}
	}
}

func (l *loader) checkDisabledRule(u disableUse, pack string) {
	known := make(map[string]bool)
	for _, id := range packRules(pack) {
		if rules.Disabled([]string{u.entry}, &id) {
			return
		}
		known[id.Key()] = id.Name != ""
		known[pack+"/"+id.Section+"/*"] = true
	}
	maps.DeleteFunc(known, func(_ string, named bool) bool { return !named })
	u.node.Problem("pack "+pack+" has no rule "+strictyaml.Quote(u.entry), nearest(u.entry, slices.Sorted(maps.Keys(known))))
}

// nearest suggests one of the keys, or says where to look.
func nearest(entry string, keys []string) string {
	if hint := strictyaml.Suggest(entry, keys); hint != "" {
		return hint
	}
	pack, _, _ := strings.Cut(entry, "/")
	return "quell packs show " + pack + " prints its rules"
}

// packRules are the identities of all rules of a pack.
func packRules(pack string) []correlate.RuleID {
	compiled, err := rulebook.Compile(&correlate.Policy{Packs: []string{pack}})
	if set, ok := compiled.(*rules.Set); err == nil && ok {
		return set.Identities()
	}
	return nil
}

// ambiguities warns of rules whose names several packs have.
func ambiguities(set *rules.Set) (list Problems) {
	for _, a := range set.Ambiguous() {
		var places []string
		for k := range a.Of {
			places = append(places, a.Of[k].Place())
		}
		first, _ := a.Of[0].Pack()
		list = append(list, Problem{
			File: a.By.File, Line: a.By.Line, Col: 1, Warning: true,
			Text: fmt.Sprintf("rules of several packs are called %s under %s (%s), so this one replaces none of them", strictyaml.Quote(a.By.Name), a.By.Section, strings.Join(places, ", ")),
			Hint: fmt.Sprintf("call it %s/%s to replace that one, or something else if it is another rule", first, a.By.Name),
		})
	}
	return list
}
