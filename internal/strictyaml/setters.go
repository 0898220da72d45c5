package strictyaml

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// String stores text. A number is a problem: YAML would turn 1e3 or 0123 into something else without a word.
func String(to *string) Setter {
	return func(n Node) {
		if n.noted(Schema{Type: []string{"string"}}, *to) {
			return
		}
		s, ok := n.text(false)
		if !ok {
			n.wrongType("text")
			return
		}
		*to = s
	}
}

// Plain stores text or a number as it was written.
func Plain(to *string) Setter {
	return func(n Node) {
		if n.noted(Schema{Type: []string{"string", "number"}}, *to) {
			return
		}
		s, ok := n.text(true)
		if !ok {
			n.wrongType("text or a number")
			return
		}
		*to = s
	}
}

// Name stores text that is not empty.
func Name(to *string) Setter {
	return func(n Node) {
		if n.noted(Schema{Type: []string{"string"}, MinLength: 1}, *to) {
			return
		}
		String(to)(n)
		if s, ok := n.text(false); ok && s == "" {
			n.Problem("empty text", "")
		}
	}
}

// Strings stores a list of texts, none of them empty.
func Strings(to *[]string) Setter {
	return func(n Node) {
		n.List(func(n Node) {
			var s string
			Name(&s)(n)
			*to = append(*to, s)
		})
	}
}

// Word stores one of the words given.
func Word(to *string, words ...string) Setter {
	return func(n Node) {
		if n.noted(Schema{Enum: anys(words)}, *to) {
			return
		}
		s, ok := n.text(false)
		if !ok {
			n.wrongType("text")
			return
		}
		if !slices.Contains(words, s) {
			n.Problem(fmt.Sprintf("%s is none of %s", Quote(s), strings.Join(words, ", ")), Suggest(s, words))
			return
		}
		*to = s
	}
}

// Bool stores true or false.
func Bool(to *bool) Setter {
	return func(n Node) {
		if n.noted(Schema{Type: []string{"boolean"}}, *to) {
			return
		}
		b, ok := n.node.(*ast.BoolNode)
		if !ok {
			n.wrongType("true or false")
			return
		}
		*to = b.Value
	}
}

// Int stores a whole number from lo to hi.
func Int(to *int, lo, hi int) Setter {
	return func(n Node) {
		if n.noted(bounded("integer", float64(lo), float64(hi)), *to) {
			return
		}
		i, ok := n.node.(*ast.IntegerNode)
		if !ok {
			n.wrongType("a whole number")
			return
		}
		v, err := strconv.Atoi(fmt.Sprint(i.Value))
		if err != nil || v < lo || v > hi {
			n.Problem(fmt.Sprintf("%s is not between %d and %d", Quote(i.Token.Value), lo, hi), "")
			return
		}
		*to = v
	}
}

// Float stores a number from lo to hi.
func Float(to *float64, lo, hi float64) Setter {
	return func(n Node) {
		if n.noted(bounded("number", lo, hi), *to) {
			return
		}
		switch n.node.(type) {
		case *ast.IntegerNode, *ast.FloatNode:
		case *ast.NanNode, *ast.InfinityNode:
			n.Problem("the number is not finite", "")
			return
		default:
			n.wrongType("a number")
			return
		}
		s, _ := n.text(true)
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v < lo || v > hi {
			n.Problem(fmt.Sprintf("%s is not between %v and %v", Quote(s), lo, hi), "")
			return
		}
		*to = v
	}
}

// IntOrWord stores a whole number from lo to hi, or what one of the words stands for.
func IntOrWord(to *int, lo, hi int, words map[string]int) Setter {
	return func(n Node) {
		if n.notedIntOrWord(*to, lo, hi, words) {
			return
		}
		s, ok := n.text(false)
		if !ok {
			Int(to, lo, hi)(n)
			return
		}
		v, ok := words[s]
		if !ok {
			known := slices.Sorted(maps.Keys(words))
			n.Problem(fmt.Sprintf("%s is neither a whole number nor one of %s", Quote(s), strings.Join(known, ", ")), Suggest(s, known))
			return
		}
		*to = v
	}
}

// Ratio stores a number from 0 to 1.
func Ratio(to *float64) Setter { return Float(to, 0, 1) }

// Duration stores a time span between lo and hi, as Prometheus writes them: 90s, 5m, 1h30m, 7d.
func Duration(to *time.Duration, lo, hi time.Duration) Setter {
	return func(n Node) {
		if n.notedDuration(*to, lo, hi) {
			return
		}
		s, ok := n.text(true)
		if !ok {
			n.wrongType("a duration such as 5m")
			return
		}
		d, err := model.ParseDuration(s)
		if err != nil {
			n.Problem(Quote(s)+" is no duration", durationHint(s))
			return
		}
		if time.Duration(d) < lo || time.Duration(d) > hi {
			n.Problem(fmt.Sprintf("%s is not between %v and %v", s, model.Duration(lo), model.Duration(hi)), "")
			return
		}
		*to = time.Duration(d)
	}
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}

// Size stores a number of bytes between lo and hi, written plainly or with KiB, MiB, GiB or TiB.
func Size(to *int64, lo, hi int64) Setter {
	return func(n Node) {
		if n.notedSize(*to, lo, hi) {
			return
		}
		s, ok := n.text(true)
		if !ok {
			n.wrongType("a size such as 64MiB")
			return
		}
		v, ok := parseSize(s)
		if !ok {
			n.Problem(Quote(s)+" is no size", "write bytes, or 64MiB or 1GiB")
			return
		}
		if v < lo || v > hi {
			n.Problem(fmt.Sprintf("%s is not between %d and %d bytes", s, lo, hi), "")
			return
		}
		*to = v
	}
}

func parseSize(s string) (int64, bool) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		return int64(v) * u.bytes, err == nil && v <= uint64(math.MaxInt64/u.bytes)
	}
	return 0, false
}

// URL stores an http or https address.
func URL(to *string) Setter {
	return func(n Node) {
		if n.noted(n.ref("address"), *to) {
			return
		}
		s, ok := n.text(false)
		if !ok {
			n.wrongType("text")
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			n.Problem(Quote(s)+" is no http or https address", "")
			return
		}
		*to = s
	}
}

// Matchers stores a list of matchers as Alertmanager reads them with its default settings: all of them must match.
func Matchers(to *labels.Matchers) Setter {
	return func(n Node) {
		if n.mapped() {
			n.Problem("matchers are a list of texts, not a map", "write "+n.asMatchers())
			return
		}
		n.List(func(n Node) {
			if n.mapped() {
				n.Problem("a matcher is a text, not a map", "write "+n.asMatchers())
				return
			}
			if n.noted(n.ref("matcher"), nil) {
				return
			}
			s, ok := n.text(false)
			if !ok {
				n.wrongType("text")
				return
			}
			ms, err := ParseMatchers(s)
			if err != nil {
				n.Problem("bad matcher "+Quote(s)+": "+firstLine(err), matcherHint(firstLine(err)))
				return
			}
			*to = append(*to, ms...)
		})
	}
}

// asMatchers writes the first entries of a map, {a: b}, as matchers.
func (n Node) asMatchers() string {
	const shown = 3
	var all []string
	for _, e := range n.entries() {
		value, ok := n.child(e.Value).text(true)
		if key, isText := e.Key.(*ast.StringNode); ok && isText && len(all) < shown && len(value) <= maxHintBytes && !strings.ContainsAny(key.Value+value, "'\"\\\n") {
			all = append(all, "'"+key.Value+`="`+value+`"'`)
		}
	}
	if len(all) == 0 {
		all = []string{`'name="value"'`}
	}
	return "matchers: [" + strings.Join(all, ", ") + "]"
}

// maxHintBytes bounds a value that a hint repeats.
const maxHintBytes = 60

// ParseMatchers reads matchers as Alertmanager does with its default settings. It prefers the classic notation and takes the newer one, in which label names may be any UTF-8, for what
// is not classic. That is what Alertmanager's fallback mode comes down to: where both can read a text but
// disagree, classic wins.
func ParseMatchers(s string) (labels.Matchers, error) {
	classic, err := labels.ParseMatchers(s)
	if err == nil && len(classic) > 0 {
		return classic, nil
	}
	newer, newerErr := parse.Matchers(s)
	if newerErr == nil && len(newer) > 0 {
		return newer, nil
	}
	if err == nil {
		return nil, fmt.Errorf("no matcher in it")
	}
	return nil, err
}

// spelled finds a duration whose unit is written as people say it.
var spelled = regexp.MustCompile(`(?i)^(\d+)\s*(s|m|h|d|w)(?:ec|in|r|)(?:ond|ute|our|ay|eek|)s?$`)

// durationHint writes a duration as it has to be, or shows some.
func durationHint(s string) string {
	if m := spelled.FindStringSubmatch(s); m != nil {
		return "write " + m[1] + strings.ToLower(m[2])
	}
	return "write 90s, 5m or 7d"
}

// matcherHint says how to mend what cannot be read as matchers.
func matcherHint(problem string) string {
	switch {
	case strings.Contains(problem, "missing argument to repetition operator"):
		return "write .* for anything: patterns are regular expressions"
	case strings.Contains(problem, "Perl syntax"):
		return "patterns are RE2's, as Prometheus has them, without look-ahead: write a second matcher, with !~"
	case strings.Contains(problem, "error parsing regexp"):
		return `correct the pattern; \ before a character takes it as it is`
	case strings.Contains(problem, "unescaped double quote"):
		return "separate matchers by commas: all of them must match"
	}
	return `write 'name="value"', or with !=, =~ or !~`
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Refuse reports a key that people may expect but that has no meaning here.
func Refuse(text, hint string) Setter {
	return func(n Node) {
		if !n.notedRefusal(text, hint) {
			n.Problem(text, hint)
		}
	}
}
