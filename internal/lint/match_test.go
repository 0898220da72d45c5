package lint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// universe are the values that labels a and b may have in the tests below; empty is missing.
var universe = []string{"", "x", "xy", "xyz", "y", "yx", "X", "x.y", "x-1", "x-2"}

// patterns are what matchers may ask for.
var patterns = []string{
	"", "x", "xy", "x|y", "x.*", "xy.*", ".*", ".+", "(x|y)?", "x[yz]?", "[xy]+", "(?i)x", "x\\.y", "x-.*", "y.*", "[^x]*", "x-[12]", "(|x)y", "^x$", "x|", "xy?z?",
}

// random are up to four matchers.
func random(r *rand.Rand) []matcher {
	var ms []matcher
	for range 1 + r.IntN(3) {
		m, err := labels.NewMatcher(labels.MatchType(r.IntN(4)), []string{"a", "b"}[r.IntN(2)], patterns[r.IntN(len(patterns))])
		if err != nil {
			panic(err)
		}
		ms = append(ms, matcher{Matcher: m, at: Place{File: "f", Line: len(ms) + 1, Col: 1}})
	}
	return ms
}

// fulfils reports whether labels fulfil all matchers.
func fulfils(ms []matcher, a, b string) bool {
	return !slices.ContainsFunc(ms, func(m matcher) bool { return !m.Matches(map[string]string{"a": a, "b": b}[m.Name]) })
}

// TestWhatIsSaidOfMatchersIsTrue: of random matchers, those that are said to contradict each other are fulfilled by no labels of a small
// world, and those that are said to cover others by all that fulfil these. So that this is no empty claim, much has to be said.
func TestWhatIsSaidOfMatchersIsTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	said := make(map[string]int)
	for range 15_000 {
		wide, narrow := random(r), random(r)
		_, _, never := conflict(narrow)
		covered := covers(wide, narrow)
		if never {
			said["never"]++
		}
		if covered {
			said["covered"]++
		}
		if !never && !covered {
			continue
		}
		for _, a := range universe {
			for _, b := range universe {
				if never && fulfils(narrow, a, b) {
					t.Fatalf("%v is said to match nothing, and matches a=%q b=%q", narrow, a, b)
				}
				if covered && fulfils(narrow, a, b) && !fulfils(wide, a, b) {
					t.Fatalf("%v is said to cover %v, and does not match a=%q b=%q", wide, narrow, a, b)
				}
			}
		}
	}
	if said["never"] < 500 || said["covered"] < 150 {
		t.Errorf("little was said: %v", said)
	}
}

// TestMatchersThatPeopleWriteAreUnderstood holds what must be found, beside what may not be said.
func TestMatchersThatPeopleWriteAreUnderstood(t *testing.T) {
	parse := func(texts ...string) (ms []matcher) {
		for _, text := range texts {
			m, err := labels.ParseMatcher(text)
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, matcher{Matcher: m})
		}
		return ms
	}
	for _, c := range []struct {
		ms    []string
		never bool
	}{
		{[]string{`a="x"`, `a="y"`}, true},
		{[]string{`a="x"`, `a!="x"`}, true},
		{[]string{`a=~"x|y"`, `a!~"x|y|z"`}, true},
		{[]string{`a=~"kube-.*"`, `a=~"shop-.*"`}, true},
		{[]string{`a=~"kube-.*"`, `a=~"kube-system.*"`}, false},
		{[]string{`a=~"b.*"`, `a="c"`}, true},
		{[]string{`a=~".+"`, `a=""`}, true},
		{[]string{`a=~"x[0-9]+"`, `a!~"x[0-9]+"`}, true},
		{[]string{`a=~"x|y"`, `a!="x"`, `a!="y"`}, true},
		{[]string{`a="x"`, `b="y"`}, false},
	} {
		if _, _, never := conflict(parse(c.ms...)); never != c.never {
			t.Errorf("%v: never is %v", c.ms, never)
		}
	}
	for _, c := range []struct {
		wide, narrow []string
		covers       bool
	}{
		{nil, []string{`a="x"`}, true},
		{[]string{`a="x"`}, nil, false},
		{[]string{`a=~"x|y"`}, []string{`a="y"`, `b="z"`}, true},
		{[]string{`a=~"x.*"`}, []string{`a="xyz"`}, true},
		{[]string{`a=~"x.*"`}, []string{`a=~"xy.*"`}, true},
		{[]string{`a=~"xy.*"`}, []string{`a=~"x.*"`}, false},
		{[]string{`a!=""`}, []string{`a=~"x.+"`}, true},
		{[]string{`a=~".+"`}, []string{`a="x"`}, true},
		{[]string{`a!="x"`}, []string{`a="y"`}, true},
		{[]string{`a!="x"`}, []string{`b="y"`}, false},
		{[]string{`a=~".*"`}, nil, true},
	} {
		if got := covers(parse(c.wide...), parse(c.narrow...)); got != c.covers {
			t.Errorf("%v covers %v: %v", c.wide, c.narrow, got)
		}
	}
}

// BenchmarkCheck shows that each rule is compared with few others.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			text := "holds:\n"
			for i := range n {
				text += fmt.Sprintf("  - {name: r%d, matchers: ['alertname=\"A%d\"', 'namespace=~\"shop.*\"'], hold: 1m}\n", i, i)
			}
			in := Input{Config: File{"quell.yml", "route: {receiver: a}\n"}, Rules: []File{{"rules.yml", text}}}
			b.ReportAllocs()
			for b.Loop() {
				if found := Check(in); len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
	}
}
