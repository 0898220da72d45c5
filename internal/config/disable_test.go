package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	"quell/rules"

	"github.com/google/go-cmp/cmp"
)

// TestRulesOfPacksCanBeDisabled by name, by section and as a whole.
func TestRulesOfPacksCanBeDisabled(t *testing.T) {
	c, err := Parse("q.yml", []byte(minimal+"rules: {packs: [kube-prometheus, postgres], disable: [kube-prometheus/holds/failed-job, kube-prometheus/symptoms/*, postgres/*]}\n"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kube-prometheus/holds/failed-job", "kube-prometheus/symptoms/*", "postgres/*"}
	if got := c.Policy().Disabled; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDisabledRulesThatThereAreNotAreProblems with the nearest name that there is.
func TestDisabledRulesThatThereAreNotAreProblems(t *testing.T) {
	for entry, want := range map[string]string{
		"kube-prometheus/holds/faild-job":                       `q.yml:3:19: pack kube-prometheus has no rule "kube-prometheus/holds/faild-job" (did you mean kube-prometheus/holds/failed-job?)`,
		"kube-prometheus/hold/*":                                "did you mean kube-prometheus/holds/*?",
		"kube-prometheus/nothing-like-it-at-all-in-any-section": "quell packs show kube-prometheus",
		"kube-prometeus/*":                                      `unknown pack "kube-prometeus" (did you mean kube-prometheus?)`,
		"pods":                                                  "names no rule of a pack (write PACK/SECTION/NAME",
		"postgres/*":                                            "warning: pack postgres is not in force",
		"kubernetes/*, 'kubernetes/*'":                          "listed twice",
	} {
		c, err := Parse("q.yml", []byte(minimal+"rules: {disable: ["+entry+"]}\n"), t.TempDir())
		var text string
		if err != nil {
			text = err.Error()
		} else {
			text = c.Warnings.Error()
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s: got %q, want %q", entry, text, want)
		}
	}
}

// TestANameThatSeveralPacksHaveIsWarnedOf with what to write instead.
func TestANameThatSeveralPacksHaveIsWarnedOf(t *testing.T) {
	dir := write(t, map[string]string{"r.yml": "entities:\n- {name: operator, matchers: ['a=\"b\"'], entity: {kind: pod, name_label: pod}}\n"})
	c, err := Parse("q.yml", []byte(minimal+"rules: {files: [r.yml], packs: [kube-prometheus, postgres]}\n"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Warnings.Error(); !strings.Contains(got, `r.yml:2:1: warning: rules of several packs are called "operator" under entities (pack kube-prometheus:`) ||
		!strings.Contains(got, "(call it kube-prometheus/operator to replace that one, or something else if it is another rule)") {
		t.Errorf("got %s", got)
	}
}

// TestExamplesOfPacksDoWhatTheySay takes those of docs/packs.md that replace and disable rules.
func TestExamplesOfPacksDoWhatTheySay(t *testing.T) {
	doc, err := os.ReadFile("../../docs/packs.md")
	if err != nil {
		t.Fatal(err)
	}
	example := func(begin string) string {
		_, text, _ := strings.Cut(string(doc), begin)
		text, _, ok := strings.Cut(text, "```")
		if !ok {
			t.Fatalf("no example begins with %q", begin)
		}
		return text
	}
	c, err := Parse("q.yml", []byte(minimal+example("```yaml disable\n")), t.TempDir())
	if err != nil || len(c.Policy().Disabled) != 3 || len(c.Warnings) != 1 {
		t.Errorf("disable: %v", err)
	}
	dir := write(t, map[string]string{"r.yml": "holds:\n  - name: workload" + example("  - name: workload")})
	c, err = Parse("q.yml", []byte(minimal+"rules: {files: [r.yml]}\n"), dir)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policy()
	compiled, err := rules.Compile(&p)
	if err != nil {
		t.Fatal(err)
	}
	if out := compiled.(*rules.Set).Overridden(); len(out) != 1 || out[0].Out.Key() != "kube-prometheus/holds/workload" {
		t.Errorf("replaced: %v", out)
	}
}

// TestWhatDecidesIsNamedByItsPlace without the folder of the configuration, so that a replay elsewhere says the same.
func TestWhatDecidesIsNamedByItsPlace(t *testing.T) {
	const text = `receivers: [{name: a, pagerduty_configs: [{routing_key_file: pd.key}]}]
route:
  receiver: a
  routes:
  - escalation: night
    active_time_intervals: [office]
time_intervals:
- {name: office, time_intervals: [{weekdays: ['monday:friday']}]}
escalation_policies:
- {name: night, steps: [{receiver: a}]}
maintenance:
- {name: sundays, matchers: ['a="b"'], time_intervals: [{weekdays: [sunday]}]}
`
	c, err := Parse("/etc/quell/q.yml", []byte(text), write(t, map[string]string{"pd.key": "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	routes := c.Routing()
	if diff := cmp.Diff(map[string]string{"time_interval/office": "q.yml:8:3", "policy/night": "q.yml:10:3"}, routes.Places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if got := routes.Route.Routes[0].Pos; got != "q.yml:5:5" {
		t.Errorf("route: got %s", got)
	}
	if w := c.Policy().Silences.Windows; len(w) != 1 || w[0].Pos != "q.yml:12:3" {
		t.Errorf("maintenance: got %+v", w)
	}
}
