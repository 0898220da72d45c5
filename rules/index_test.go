package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/fake/dice"
)

// TestTableFindsWhatALinearSearchFinds asks random tables about random labels: the index must find what trying every rule in order finds. Names
// and values are from few words, so that most combinations occur.
func TestTableFindsWhatALinearSearchFinds(t *testing.T) {
	rng := dice.New(t)
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	names := []string{"alertname", "team", "pod"}
	patterns := []string{
		"A", "B", "", "A|B", "A|", "|", "A.*", "a|A|A", "AB.*|A.*", "A(B|C)?", "A[BC]+", "^A$", "(?i)a", "A{2}", ".+", "A.|B", "[^A]", "ABCDEFGHI.*|B",
		"Ä", "Ä.*", `\x{FFFD}`, "A^B|A", "A$B|B", "(?i:a)|B", "A|(?:^B)", "[A-C]B?", "()|AB", "A*", "(A|B)(A|B)", "A(|B.*)",
	}
	values := []string{"A", "B", "", "A|B", "AA", "AB", "ABC", "ABCDEFGHIJ", "Ä", "ÄB", "\xff", "a", "AC"}
	s := &Set{}
	for range 5000 {
		var tab table[int]
		var heads []*head
		for i := range rng.IntN(10) {
			h := &head{}
			for range rng.IntN(4) {
				m, err := labels.NewMatcher(labels.MatchType(rng.IntN(4)), pick(names...), pick(patterns...))
				if err != nil {
					t.Fatal(err)
				}
				h.matchers = append(h.matchers, m)
			}
			if rng.IntN(4) == 0 {
				h.when = condition(t, s, h, fmt.Sprintf(pick(`labels.%s == %q`, `labels.%s in ["B", %q]`, `labels.%s == "A" && labels.team != %q`), pick(names...), pick("A", "", "AA")))
			}
			tab.add(h, i)
			heads = append(heads, h)
		}
		pairs := []correlate.Label{{Name: "other", Value: "x"}}
		for _, name := range names {
			if v := pick(values...); v != "" || rng.IntN(2) == 0 { // what is empty may be there or not
				pairs = append(pairs, correlate.Label{Name: name, Value: v})
			}
		}
		l := correlate.NewLabels(pairs)
		var want, got []int
		for i, h := range heads {
			if Matches(h.matchers, l) && (h.when == nil || h.when.holds(&question{labels: l})) {
				want = append(want, i)
			}
		}
		for _, i := range tab.matching(l) {
			got = append(got, i)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			for i, h := range heads {
				t.Logf("rule %d: %v", i, h.matchers)
			}
			t.Fatalf("labels %v (-want +got):\n%s", l, diff)
		}
	}
}

// condition compiles one for a rule.
func condition(t testing.TB, s *Set, h *head, text string) *expression {
	t.Helper()
	p, err := s.environment("holds").Compile(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &expression{set: s, head: h, program: p}
}

// TestTextsAreAllThatARegularExpressionMatches reads what the index makes of regular expressions.
func TestTextsAreAllThatARegularExpressionMatches(t *testing.T) {
	for re, want := range map[string]texts{
		"A|B":                {[]string{"A", "B"}, true},
		"Kube(Pod|Node)Down": {[]string{"KubeNodeDown", "KubePodDown"}, true},
		"^x[0-2]$":           {[]string{"x0", "x1", "x2"}, true},
		"Kube.*":             {[]string{"Kube"}, false},
		"Kube.*|Etcd":        {[]string{"Etcd", "Kube"}, false},
		"a(b.*|c)d":          {[]string{"ab", "ac"}, false},
		"(ab)+":              {[]string{"ab"}, false},
		"a?":                 {[]string{"", "a"}, true},
		".*x":                anything,
		"(?i)x":              anything,
		"[a-z]x":             anything,
		`\bx`:                anything,
		"(":                  anything,
	} {
		if diff := cmp.Diff(want, textsOf(re), cmp.AllowUnexported(texts{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", re, diff)
		}
	}
}

// FuzzTexts checks that what the index makes of a regular expression misses no text that it matches.
func FuzzTexts(f *testing.F) {
	for _, seed := range [][2]string{{"A|B", "B"}, {"Kube(Pod|Node).*", "KubePodX"}, {"(?i)a", "A"}, {"a{2,3}", "aaa"}, {`\x{FFFD}`, "\xff"}, {"(?s).", "\n"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, re, text string) {
		compiled, err := regexp.Compile("^(?:" + re + ")$")
		if err != nil || !compiled.MatchString(text) {
			return
		}
		got := textsOf(re)
		if got.whole && !slices.Contains(got.list, text) || !got.whole && !slices.ContainsFunc(got.list, func(p string) bool { return strings.HasPrefix(text, p) }) {
			t.Errorf("%q matches %q, which is not among %+v", re, text, got)
		}
	})
}

// shapes are ways in which many rules are told apart. Each makes the matchers, and a condition or none, of rule i.
var shapes = []struct {
	name string
	rule func(i int) (matchers []string, when string)
}{
	{"alertname", func(i int) ([]string, string) { return []string{fmt.Sprintf(`alertname="Own%d"`, i)}, "" }},
	{"namespace", func(i int) ([]string, string) {
		return []string{`alertname="KubePodNotReady"`, fmt.Sprintf(`namespace="team-%d"`, i)}, ""
	}},
	{"alternatives", func(i int) ([]string, string) {
		return []string{`severity="warning"`, fmt.Sprintf(`namespace=~"team-%d|own-%d"`, i, i)}, ""
	}},
	{"prefix", func(i int) ([]string, string) { return []string{fmt.Sprintf(`namespace=~"team-%06d-.*"`, i)}, "" }},
	{"when", func(i int) ([]string, string) {
		return nil, fmt.Sprintf(`labels.namespace == "team-%d" && labels.pod.startsWith("cart")`, i)
	}},
}

func manyRules(t testing.TB, shape, n int) *table[int] {
	t.Helper()
	var tab table[int]
	s := &Set{}
	for i := range n {
		h := &head{}
		matchers, when := shapes[shape].rule(i)
		for _, text := range matchers {
			m, err := labels.ParseMatcher(text)
			if err != nil {
				t.Fatal(err)
			}
			h.matchers = append(h.matchers, m)
		}
		if when != "" {
			h.when = condition(t, s, h, when)
		}
		tab.add(h, i)
	}
	return &tab
}

var podNotReady = correlate.LabelsOf("alertname", "KubePodNotReady", "namespace", "team-7", "pod", "cart-7d9f", "node", "n3", "job", "kube-state-metrics",
	"service", "kube-state-metrics", "severity", "warning", "instance", "10.0.0.1:8080")

// TestRulesThatCannotMatchAreNotTried counts which rules the index finds for an alert, whatever tells the rules apart.
func TestRulesThatCannotMatchAreNotTried(t *testing.T) {
	for shape := range shapes {
		if shapes[shape].name == "when" && testing.Short() {
			continue // compiling takes a while
		}
		tab := manyRules(t, shape, 1000)
		tried := 0
		for range tab.index.Each(podNotReady) {
			tried++
		}
		if tried > 5 {
			t.Errorf("%s: %d of 1000 rules are tried", shapes[shape].name, tried)
		}
		allocs := testing.AllocsPerRun(100, func() {
			for range tab.matching(podNotReady) {
				break
			}
		})
		if want := map[string]float64{"when": 15}[shapes[shape].name]; allocs > want {
			t.Errorf("%s: %v allocations, want at most %v", shapes[shape].name, allocs, want)
		}
	}
}

// BenchmarkMatching shows that the cost of an alert does not grow with the rules that are for others.
func BenchmarkMatching(b *testing.B) {
	for shape := range shapes {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("by=%s/rules=%d", shapes[shape].name, n), func(b *testing.B) {
				tab := manyRules(b, shape, n)
				b.ReportAllocs()
				for b.Loop() {
					for range tab.matching(podNotReady) {
						break
					}
				}
			})
		}
	}
}

// BenchmarkEntity is what mapping one alert to its entity costs.
func BenchmarkEntity(b *testing.B) {
	s := compilePacks(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Entity(podNotReady)
	}
}
