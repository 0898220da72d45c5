package lint

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// matcher is a condition on a label, and where it is written.
type matcher struct {
	*labels.Matcher
	at Place
	// doubled is true if it is written with ==, which Alertmanager takes for a value that begins with =.
	doubled bool
}

// doubled finds a comparison as programs write it where a matcher begins: a value that is meant to begin with = stands in quotes.
var doubled = regexp.MustCompile(`^\{?\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*==`)

// maxValues bounds the values that a pattern is written out as.
const maxValues = 256

// values are the only values that fulfil a matcher; ok is false if there are too many to tell.
func values(m *labels.Matcher) (list []string, ok bool) {
	switch m.Type {
	case labels.MatchEqual:
		return []string{m.Value}, true
	case labels.MatchRegexp:
		return writtenOut(m.Value)
	}
	return nil, false
}

// excluded are the only values that do not fulfil a matcher; ok is false if there are too many to tell.
func excluded(m *labels.Matcher) (list []string, ok bool) {
	switch m.Type {
	case labels.MatchNotEqual:
		return []string{m.Value}, true
	case labels.MatchNotRegexp:
		return writtenOut(m.Value)
	}
	return nil, false
}

// writtenOut are all texts that a pattern matches.
func writtenOut(pattern string) ([]string, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	list, ok := expand(re.Simplify())
	slices.Sort(list)
	return slices.Compact(list), ok
}

// expand writes a pattern out, part by part.
func expand(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, re.Flags&syntax.FoldCase == 0
	case syntax.OpCharClass:
		var list []string
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i+1]-re.Rune[i] > maxValues || len(list) > maxValues {
				return nil, false
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				list = append(list, string(r))
			}
		}
		return list, len(list) <= maxValues
	case syntax.OpCapture:
		return expand(re.Sub[0])
	case syntax.OpQuest:
		list, ok := expand(re.Sub[0])
		return append(list, ""), ok
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			list, ok := expand(sub)
			if all = append(all, list...); !ok || len(all) > maxValues {
				return nil, false
			}
		}
		return all, true
	case syntax.OpConcat:
		return product(re.Sub)
	}
	return nil, false
}

// product are all texts that are one of each part, in order.
func product(parts []*syntax.Regexp) ([]string, bool) {
	all := []string{""}
	for _, part := range parts {
		list, ok := expand(part)
		if !ok || len(all)*len(list) > maxValues {
			return nil, false
		}
		longer := make([]string, 0, len(all)*len(list))
		for _, head := range all {
			for _, tail := range list {
				longer = append(longer, head+tail)
			}
		}
		all = longer
	}
	return all, true
}

// prefix is the text that all values of a pattern begin with.
func prefix(m *labels.Matcher) string {
	if m.Type != labels.MatchRegexp {
		return ""
	}
	re, err := regexp.Compile(m.Value)
	if err != nil {
		return ""
	}
	p, _ := re.LiteralPrefix()
	return p
}

// everything reports whether a matcher is fulfilled whatever the label is.
func everything(m *labels.Matcher) bool { return m.Type == labels.MatchRegexp && m.Value == ".*" }

// conflict returns two of the matchers of one label that no value fulfils together, or one and the same if it is fulfilled by none. ok is
// false if there are none, or none that can be told.
func conflict(ms []matcher) (a, b matcher, ok bool) {
	for i, m := range ms {
		if m.Type == labels.MatchNotRegexp && m.Value == ".*" {
			return m, m, true
		}
		for k, other := range ms {
			if i == k || m.Name != other.Name {
				continue
			}
			if apart(m.Matcher, other.Matcher) {
				return ordered(m, other)
			}
		}
		if a, b, ok := outOfAll(m, ms); ok {
			return a, b, true
		}
	}
	return a, b, false
}

// outOfAll reports whether each value that a matcher allows is refused by one of the others, and the last of those.
func outOfAll(m matcher, ms []matcher) (a, b matcher, ok bool) {
	list, known := values(m.Matcher)
	if !known {
		return a, b, false
	}
	for _, v := range list {
		k := slices.IndexFunc(ms, func(other matcher) bool { return other.Name == m.Name && !other.Matches(v) })
		if k < 0 {
			return a, b, false
		}
		b = ms[k]
	}
	return ordered(m, b)
}

// ordered returns two matchers in the order of the file.
func ordered(a, b matcher) (first, second matcher, ok bool) {
	if b.at.Line < a.at.Line || b.at.Line == a.at.Line && b.at.Col < a.at.Col {
		return b, a, true
	}
	return a, b, true
}

// apart reports whether no value fulfils both of two matchers of one label.
func apart(a, b *labels.Matcher) bool {
	if list, ok := values(a); ok {
		return !slices.ContainsFunc(list, b.Matches)
	}
	if b.Type == inverse(a.Type) && a.Value == b.Value {
		return true
	}
	p, q := prefix(a), prefix(b)
	return p != "" && q != "" && !strings.HasPrefix(p, q) && !strings.HasPrefix(q, p)
}

// inverse is the type of the matcher that is fulfilled exactly where one of this type is not.
func inverse(t labels.MatchType) labels.MatchType {
	switch t {
	case labels.MatchEqual:
		return labels.MatchNotEqual
	case labels.MatchNotEqual:
		return labels.MatchEqual
	case labels.MatchRegexp:
		return labels.MatchNotRegexp
	}
	return labels.MatchRegexp
}

// covers reports whether all labels that fulfil narrow fulfil wide too.
func covers(wide, narrow []matcher) bool {
	for _, w := range wide {
		if !implied(w.Matcher, narrow) {
			return false
		}
	}
	return true
}

// implied reports whether all labels that fulfil ms fulfil w too.
func implied(w *labels.Matcher, ms []matcher) bool {
	if everything(w) {
		return true
	}
	out, few := excluded(w)
	for _, m := range ms {
		if m.Name != w.Name {
			continue
		}
		if m.Type == w.Type && m.Value == w.Value {
			return true
		}
		if list, ok := values(m.Matcher); ok && !slices.ContainsFunc(list, func(v string) bool { return !w.Matches(v) }) {
			return true
		}
		if p := prefix(m.Matcher); p != "" && w.Type == labels.MatchRegexp && strings.HasSuffix(w.Value, ".*") && literal(w.Value[:len(w.Value)-2]) && strings.HasPrefix(p, w.Value[:len(w.Value)-2]) {
			return true
		}
	}
	if w.Type == labels.MatchRegexp && w.Value == ".+" {
		out, few = []string{""}, true
	}
	if !few {
		return false
	}
	for _, v := range out {
		if !slices.ContainsFunc(ms, func(m matcher) bool { return m.Name == w.Name && !m.Matches(v) }) {
			return false
		}
	}
	return true
}

// literal reports whether a pattern means itself.
func literal(pattern string) bool { return regexp.QuoteMeta(pattern) == pattern }
