package rules

import (
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
)

// Override says that a rule of the user's replaces one of a pack, since both have the same section and name.
type Override struct{ By, Out correlate.RuleID }

// Ambiguity says that rules of several packs have the name of a rule of the user's, which therefore replaces none of them.
type Ambiguity struct {
	By correlate.RuleID
	Of []correlate.RuleID
}

// roster knows which rules there are.
type roster struct {
	// heads are those in force in order of precedence; until they settle, all that were read.
	heads      []*head
	overridden []Override
	ambiguous  []Ambiguity
	usage      *Usage
}

// settle decides which rules of packs are out of force, once all rules are read.
func (s *Set) settle(disabled []string, usage *Usage) {
	s.usage = usage
	replacing := s.replacements(disabled)
	for _, h := range s.heads {
		if Disabled(disabled, &h.id) {
			h.out = true
		} else if by := replacing[h.id.Key()]; by != nil && by != h {
			h.out = true
			s.overridden = append(s.overridden, Override{By: by.id, Out: h.id})
		}
	}
	s.heads = slices.DeleteFunc(s.heads, func(h *head) bool { return h.out })
	for _, h := range s.heads {
		if usage != nil {
			h.tally = usage.tally(h.id)
		}
	}
	s.critical.settle()
	s.causes.settle()
	s.settleTypes()
}

// replacements are the rules of the user's by the keys of the rules of packs that they replace.
func (s *Set) replacements(disabled []string) map[string]*head {
	var mine []*head
	packed := make(map[string][]*head) // by section and name, and by section, pack and name
	for _, h := range s.heads {
		pack, ok := h.id.Pack()
		switch plain := h.id.Section + "/" + h.id.Name; {
		case h.id.Name == "" || Disabled(disabled, &h.id):
		case !ok:
			mine = append(mine, h)
		default:
			packed[plain] = append(packed[plain], h)
			qualified := h.id.Section + "/" + pack + "/" + h.id.Name
			packed[qualified] = append(packed[qualified], h)
		}
	}
	list := make(map[string]*head)
	for _, h := range mine {
		of := slices.DeleteFunc(slices.Clone(packed[h.id.Key()]), h.strange)
		switch {
		case len(of) > 1:
			o := Ambiguity{By: h.id}
			for _, other := range of {
				o.Of = append(o.Of, other.id)
			}
			s.ambiguous = append(s.ambiguous, o)
		case len(of) == 1 && list[of[0].id.Key()] == nil:
			list[of[0].id.Key()] = h
		}
	}
	return list
}

// strange reports whether two rules name alerts, or events, and none in common: then they have the same name by chance.
func (h *head) strange(other *head) bool {
	mine, others := h.names(), other.names()
	return mine != nil && others != nil && !slices.ContainsFunc(mine, func(name string) bool { return slices.Contains(others, name) })
}

// names are the only names of alerts, or reasons of events, that the rule is for, or nil if that is not plain to see.
func (h *head) names() []string {
	if h.about != nil {
		return h.about
	}
	return alertNames(h.matchers)
}

// alertNames are the only names that alerts may have which matchers match, or nil if that is not plain to see.
func alertNames(ms labels.Matchers) []string {
	for _, n := range needsOf(ms) {
		if n.label == "alertname" && len(n.values) > 0 {
			return n.values
		}
	}
	return nil
}

// Disabled reports whether any entry of [correlate.Policy.Disabled] turns a rule off.
func Disabled(entries []string, id *correlate.RuleID) bool {
	if _, packed := id.Pack(); !packed || len(entries) == 0 {
		return false
	}
	key := id.Key()
	return slices.ContainsFunc(entries, func(entry string) bool {
		if prefix, all := strings.CutSuffix(entry, "*"); all && strings.HasSuffix(prefix, "/") {
			return strings.HasPrefix(key+"/", prefix)
		}
		return entry == key
	})
}

// Identities lists the rules in force in order of precedence: those of files, then those of packs, each in the order in which they are
// read.
func (s *Set) Identities() []correlate.RuleID {
	list := make([]correlate.RuleID, len(s.heads))
	for k, h := range s.heads {
		list[k] = h.id
	}
	return list
}

// Overridden lists the rules of packs that are out of force since a rule of the user's replaces them: one of the same section and name, or
// of the name "PACK/NAME". Rules that name alerts or reasons of events, and none in common, have the same name by chance: neither replaces the other.
func (s *Set) Overridden() []Override { return slices.Clone(s.overridden) }

// Ambiguous lists the rules of the user's that would replace one of a pack if not several packs in force had one of the name.
func (s *Set) Ambiguous() []Ambiguity { return slices.Clone(s.ambiguous) }
