package lint

import (
	"fmt"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// section says how rules of a section hide each other, where the first one that matches counts.
type section struct {
	// payload are the keys that say something, and which is asked for one by one if each is true.
	payload []string
	each    bool
	// same are the keys that have to be equal for a rule to take what it matches: an entity needs its labels.
	same []string
}

var sections = map[string]section{
	"symptoms": {payload: []string{"severity", "shows", "delay"}, each: true},
	"holds":    {payload: []string{"hold", "max", "threshold", "why"}},
	"critical": {payload: []string{"why"}},
	"entities": {payload: []string{"entity", "depends_on"}, same: []string{"entity"}},
	"chronic": {payload: []string{
		"budget", "window", "recoveries", "flap_high", "flap_low", "flap_half_life", "action", "over_budget", "why",
	}},
}

// hidden reports rules that never decide anything, since an earlier one takes all that they match.
func (c *checker) hidden() {
	earlier := make(map[string]*shelf)
	var events []*rule
	for _, r := range c.rules {
		if r.section == "events" {
			c.hiddenEvent(r, events)
			events = append(events, r)
			continue
		}
		s, ok := sections[r.section]
		if !ok || r.section == "critical" && r.tree.Get("matchers") == nil {
			continue
		}
		at := earlier[r.section]
		if at == nil {
			at = &shelf{byValue: make(map[string][]*rule)}
			earlier[r.section] = at
		}
		if _, _, never := conflict(r.matchers); never {
			continue // that was reported
		}
		if first := at.hides(s, r); first != nil {
			c.find(Finding{
				Kind: kindHidden, Place: r.at, Other: first.at,
				Text: fmt.Sprintf("%s %s never decides: %s, which comes first, matches all that it does", r.section, strictyaml.Quote(r.name), first.says()),
				Hint: "move it up, or remove it",
			})
			continue
		}
		if s.plain(r) {
			at.add(r)
		}
	}
}

// plain reports whether a rule has no conditions but its matchers.
func (s section) plain(r *rule) bool {
	for _, key := range r.tree.Keys {
		if key != "name" && key != "matchers" && !slices.Contains(s.payload, key) {
			return false
		}
	}
	return true
}

// says reports whether the earlier of two rules says all that the later one does.
func (s section) says(first, later *rule) bool {
	for _, key := range later.tree.Keys {
		switch {
		case key == "name" || key == "matchers" || key == "when":
		case !slices.Contains(s.payload, key):
			return false // a newer key may say what the first does not
		case s.each && first.tree.Get(key) == nil:
			return false
		case slices.Contains(s.same, key) && !equal(first.tree.Get(key), later.tree.Get(key)):
			return false
		}
	}
	return true
}

// equal reports whether two trees say the same.
func equal(a, b *strictyaml.Tree) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		other := b.Items[i]
		if a.Kind == strictyaml.Map {
			other = b.Get(a.Keys[i])
		}
		if !equal(a.Items[i], other) {
			return false
		}
	}
	return true
}

// shelf holds the rules of a section that came so far, by a value that a label must have where they say so: one that hides another
// allows all values that the other does.
type shelf struct {
	byValue map[string][]*rule
	rest    []*rule
}

// maxRest bounds the rules that are compared with every later one.
const maxRest = 1000

func (s *shelf) add(r *rule) {
	for _, m := range r.matchers {
		if list, ok := values(m.Matcher); ok {
			for _, v := range list {
				key := m.Name + "\x00" + v
				s.byValue[key] = append(s.byValue[key], r)
			}
			return
		}
	}
	if len(s.rest) < maxRest {
		s.rest = append(s.rest, r)
	}
}

// hides returns the first rule that takes all that r matches, or nil.
func (s *shelf) hides(in section, r *rule) *rule {
	candidates := s.rest
	for _, m := range r.matchers {
		if list, ok := values(m.Matcher); ok && len(list) > 0 {
			candidates = slices.Concat(candidates, s.byValue[m.Name+"\x00"+list[0]])
		}
	}
	for _, first := range candidates {
		if covers(first.matchers, r.matchers) && in.says(first, r) {
			return first
		}
	}
	return nil
}

// eventKeys are the keys that pick events, and eventPayload those that say what they mean.
var (
	eventKeys    = []string{"reason", "kind", "component"}
	eventPayload = []string{"meaning", "severity", "strength", "ttl", "state", "heals"}
)

// hiddenEvent reports a rule for events all of which an earlier one takes.
func (c *checker) hiddenEvent(r *rule, earlier []*rule) {
	for _, first := range earlier {
		if !slices.ContainsFunc(first.tree.Keys, func(key string) bool {
			return !slices.Contains(eventKeys, key) && !slices.Contains(eventPayload, key)
		}) && picksAll(first, r) {
			c.find(Finding{
				Kind: kindHidden, Place: r.at, Other: first.at,
				Text: fmt.Sprintf("events of reason %s never get here: %s, which comes first, takes them all", strings.Join(texts(r.tree.Get("reason")), ", "), first.says()),
				Hint: "move it up, or remove it",
			})
			return
		}
	}
}

// picksAll reports whether the first of two rules for events picks all that the later one does.
func picksAll(first, later *rule) bool {
	for _, key := range eventKeys {
		wide, narrow := texts(first.tree.Get(key)), texts(later.tree.Get(key))
		if len(wide) == 0 {
			continue
		}
		if len(narrow) == 0 || slices.ContainsFunc(narrow, func(v string) bool { return !slices.Contains(wide, v) }) {
			return false
		}
	}
	return true
}
