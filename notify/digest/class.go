package digest

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/correlate/topology"
)

// Class is a kind of trouble that healed by itself: the same alert on roots of the same kind.
type Class struct {
	Class string `json:"class"`
	Count int    `json:"count"`
	// Past is how many healed in the previous period; zero too if nothing is compared.
	Past int `json:"past,omitempty"`
	// Times to heal: the middle, the one that nine of ten did not exceed, and the longest.
	MedianSeconds  float64 `json:"median_seconds"`
	P90Seconds     float64 `json:"p90_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
	// Roots are the most frequent roots; MoreRoots counts the other entities that were one.
	Roots     []RootCount `json:"roots"`
	MoreRoots int         `json:"more_roots"`
	// Broke are the symptoms elsewhere than on the root, the most frequent first; MoreBroke counts those of other names or kinds.
	Broke     []Broken `json:"broke,omitempty"`
	MoreBroke int      `json:"more_broke,omitempty"`
	// Cause says why the first root of Example was thought to be the cause. Possibly empty.
	Cause string `json:"cause,omitempty"`
	// Healers are what healed them, by the evidence that there is, the most frequent first. Unexplained counts the incidents of which
	// nothing shows what healed them; those that nobody looked at are in neither.
	Healers     []Healer `json:"healers,omitempty"`
	MoreHealers int      `json:"more_healers,omitempty"`
	Unexplained int      `json:"unexplained"`
	// Example is the incident that took longest, HealedBy what healed it; empty if nobody looked.
	Example  Reference `json:"example"`
	HealedBy string    `json:"healed_by,omitempty"`
}

// RootCount is an entity and how many incidents of a class it was the root of.
type RootCount struct {
	Entity string `json:"entity"`
	Count  int    `json:"count"`
}

// Broken is what trouble looked like away from its root: how many symptoms of a name there were on entities of a kind.
type Broken struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

// Healer is what healed how many incidents. What is what it was in one of them; in others, names and numbers may differ.
type Healer struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// Others sums up the classes that have no line of their own.
type Others struct {
	Incidents int `json:"incidents"`
	Classes   int `json:"classes"`
}

// kind is a class of trouble in one period.
type kind struct {
	all, healed []spell
	// began are the openings within the period.
	began []time.Time
}

// kind returns the class of a name, which is new if there was none.
func (x *stretch) kind(class string) *kind {
	k := x.classes[class]
	if k == nil {
		k = new(kind)
		x.classes[class] = k
	}
	return k
}

// add takes in an incident of x.
func (k *kind) add(x *stretch, s spell) {
	k.all = append(k.all, s)
	if s.ending == SelfHealed {
		k.healed = append(k.healed, s)
	}
	if !s.Opened.Before(x.since) {
		k.began = append(k.began, s.Opened)
	}
}

// times are the times to heal, in the order in which they healed.
func (k *kind) times() []time.Duration {
	list := slices.SortedStableFunc(slices.Values(k.healed), func(a, b spell) int { return a.Closed.Compare(*b.Closed) })
	times := make([]time.Duration, len(list))
	for n, s := range list {
		times[n] = s.lasted
	}
	return times
}

// addClasses sorts out what healed, and names every class or counts it in Others. Every order has a last criterion that
// cannot tie, since maps and callers have none.
func (d *Digest) addClasses(now, past *stretch, externalURL string) {
	type named struct {
		key string
		Class
	}
	var all []named
	for key, k := range now.classes {
		if len(k.healed) > 0 {
			c := newClass(k, externalURL)
			if past != nil {
				c.Past = len(past.kind(key).healed)
			}
			all = append(all, named{key, c})
		}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.LongestSeconds, a.LongestSeconds), cmp.Compare(a.key, b.key))
	})
	shown, left := cut(all)
	d.Others.Classes = left
	for _, c := range all[len(shown):] {
		d.Others.Incidents += c.Count
	}
	d.Classes = make([]Class, len(shown))
	for n, c := range shown {
		d.Classes[n] = c.Class
	}
}

// newClass sums up what healed of a class, which is at least one.
func newClass(k *kind, externalURL string) Class {
	roots := make(map[topology.Entity]int)
	broke := make(map[symptomOn]int)
	longest, unexplained := k.healed[0], 0
	for _, s := range k.healed {
		if s.HealedBy != nil && s.HealedBy.What == correlate.Unexplained {
			unexplained++
		}
		var root topology.Entity
		if len(s.Roots) > 0 {
			root = s.Roots[0].Entity
			roots[root]++
		}
		for n := range s.Symptoms {
			if v := &s.Symptoms[n]; v.Entity != root {
				broke[symptomOn{v.Name, v.Entity.Kind()}]++
			}
		}
		if s.lasted > longest.lasted {
			longest = s
		}
	}
	spread := honesty.SpreadOf(k.times())
	c := Class{
		Class: className(longest.Class), Count: len(k.healed),
		MedianSeconds: spread.MedianSeconds, P90Seconds: spread.P90Seconds, LongestSeconds: spread.LongestSeconds,
		Unexplained: unexplained, Example: reference(longest.Incident, externalURL),
	}
	if longest.HealedBy != nil {
		c.HealedBy = cmp.Or(line(longest.HealedBy.String(), maxReasonRunes), correlate.Unexplained)
	}
	c.addRoots(roots)
	c.addBroken(broke)
	c.addHealers(k.healed)
	if len(longest.Roots) > 0 {
		c.Cause = line(longest.Roots[0].Why, maxReasonRunes)
	}
	return c
}

// className is what a digest calls a class.
func className(class string) string { return cmp.Or(line(class, maxNameRunes), "without class") }

// symptomOn is a symptom's name and the kind of its entity, as they came from outside.
type symptomOn struct{ name, kind string }

// addRoots names the entities with the highest counts, and counts the others.
func (c *Class) addRoots(counts map[topology.Entity]int) {
	list := make([]RootCount, 0, len(counts))
	for e, n := range counts {
		list = append(list, RootCount{string(e), n})
	}
	slices.SortFunc(list, func(a, b RootCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Entity, b.Entity))
	})
	c.Roots, c.MoreRoots = few(list)
	for n := range c.Roots {
		c.Roots[n].Entity = cmp.Or(line(c.Roots[n].Entity, maxNameRunes), "?")
	}
}

// addBroken does so for the symptoms elsewhere.
func (c *Class) addBroken(counts map[symptomOn]int) {
	list := make([]Broken, 0, len(counts))
	for on, n := range counts {
		list = append(list, Broken{on.name, on.kind, n})
	}
	slices.SortFunc(list, func(a, b Broken) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	c.Broke, c.MoreBroke = few(list)
	for n := range c.Broke {
		b := &c.Broke[n]
		b.Name, b.Kind = cmp.Or(line(b.Name, maxNameRunes), "?"), cmp.Or(line(b.Kind, maxNameRunes), "?")
	}
}

// addHealers does so for what healed the incidents: those that differ in names and numbers alone are alike.
func (c *Class) addHealers(healed []spell) {
	like := make(map[string]int)
	var list []Healer
	for _, s := range healed {
		if s.HealedBy == nil || s.HealedBy.What == correlate.Unexplained {
			continue
		}
		what := cmp.Or(line(s.HealedBy.What, maxReasonRunes), "?")
		pattern := patternOf(what)
		n, known := like[pattern]
		if !known {
			n = len(list)
			like[pattern] = n
			list = append(list, Healer{What: what})
		}
		list[n].Count++
	}
	slices.SortStableFunc(list, func(a, b Healer) int { return cmp.Compare(b.Count, a.Count) })
	c.Healers, c.MoreHealers = few(list)
}

// patternOf is what is left of a text without its names and numbers: Kubernetes makes names with digits, dashes, dots and slashes, and
// prose has no words of these.
func patternOf(what string) string {
	words := strings.Fields(what)
	for n, w := range words {
		w = strings.TrimRight(w, ",;:.)")
		if strings.ContainsFunc(w, func(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("-./:_@", r) }) {
			words[n] = "*"
		}
	}
	return strings.Join(words, " ")
}

// few ends a list within a class, and tells how many it leaves out.
func few[T any](list []T) (shown []T, left int) {
	n := min(len(list), maxRoots)
	return slices.Clip(list[:n]), len(list) - n
}
