package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules/packs"
)

const everySection = `symptoms:
- {name: slow, matchers: ['alertname="Slow"'], severity: critical, shows: effect, delay: 10m}
target_labels:
- {name: exporter, matchers: ['job="exporter"'], labels: [pod]}
entities:
- {name: shop, matchers: ['alertname="Slow"'], entity: {kind: service, name_label: svc}}
holds:
- {name: slow, matchers: ['alertname="Slow"'], hold: 2m, why: it comes and goes}
critical:
- {name: till, entities: [service/till]}
chronic:
- {name: slow, matchers: ['alertname="Slow"'], action: page}
events:
- {name: boom, reason: [Boom], meaning: symptom}
- {reason: [Bang], meaning: exhausted}
causes:
- {cause: Slow, effect: Boom, "on": near, weight: 0.5}
dependencies:
- {from: service/till, to: service/bank, type: calls}
edge_types:
- {name: calls, weight: 0.7}
`

// TestIdentitiesListEveryRuleWithItsLine reads a rule of each section.
func TestIdentitiesListEveryRuleWithItsLine(t *testing.T) {
	s := compileText(t, everySection)
	var got []string
	for _, id := range s.Identities() {
		got = append(got, id.Section+" "+id.String())
		if line := strings.Split(everySection, "\n")[id.Line-1]; !strings.HasPrefix(line, "- {") || !strings.Contains(line, id.Name) {
			t.Errorf("%v is not on line %q", id, line)
		}
	}
	want := []string{
		`symptoms test.yml:2 "slow"`, `target_labels test.yml:4 "exporter"`, `entities test.yml:6 "shop"`, `holds test.yml:8 "slow"`,
		`critical test.yml:10 "till"`, `chronic test.yml:12 "slow"`, `events test.yml:14 "boom"`, `events test.yml:15 events`,
		`causes test.yml:17 causes`, `dependencies test.yml:19 dependencies`, `edge_types test.yml:21 "calls"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRulingsNameTheRuleOfEachVerdict asks about an alert, an event, a dependency and a cause.
func TestRulingsNameTheRuleOfEachVerdict(t *testing.T) {
	s := compileText(t, everySection)
	for name, c := range map[string]struct {
		question correlate.Question
		want     []string
	}{
		"alert": {
			correlate.Question{Labels: correlate.LabelsOf("alertname", "Slow", "svc", "till"), Entity: "service/till"},
			[]string{
				`entity: service/till: test.yml:6 "shop"`, `severity: critical: test.yml:2 "slow"`, `delay: fires after 10m: test.yml:2 "slow"`,
				`aspect: shows effect: test.yml:2 "slow"`, `hold: held 2m: test.yml:8 "slow"`, `critical: must not wait: test.yml:10 "till"`,
				`chronic: chronic: page, over its budget: page: test.yml:12 "slow"`,
			},
		},
		"alert that no rule knows": {correlate.Question{Labels: correlate.LabelsOf("alertname", "Other"), Entity: "alert/Other"}, nil},
		"event": {
			correlate.Question{Event: &correlate.Event{Entity: "pod/x", Reason: "Bang"}, Labels: correlate.LabelsOf("alertname", "Bang"), Entity: "pod/x"},
			[]string{`event: warning, healing is exhausted: test.yml:15 events`},
		},
		"dependency": {
			correlate.Question{Edge: &topology.Edge{From: "service/till", To: "service/bank", Type: "calls"}},
			[]string{`dependency: service/till depends on service/bank: test.yml:19 dependencies`, `edge type: calls has the weight 0.70: test.yml:21 "calls"`},
		},
		"cause": {correlate.Question{Cause: "Slow", Effect: "Boom"}, []string{`cause: Slow causes Boom (weight 0.50): test.yml:17 causes`}},
	} {
		var got []string
		for _, r := range s.Rulings(&c.question) {
			got = append(got, r.About+": "+r.Says+": "+r.Rule.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// policyOf is one with a user's file and two packs of which both have a rule under entities of the name "operator".
func policyOf(text string, disabled ...string) *correlate.Policy {
	return &correlate.Policy{
		Rules: []correlate.RuleFile{{Name: "shop.yml", Text: text}}, Packs: []string{"kube-prometheus", "postgres"}, Disabled: disabled,
	}
}

// ruleKeys are those of the rules of packs in force.
func ruleKeys(t *testing.T, p *correlate.Policy) (list []string, overridden []string) {
	t.Helper()
	s, err := compile(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range s.Identities() {
		if _, ok := id.Pack(); ok {
			list = append(list, id.Key())
		}
	}
	for _, o := range s.Overridden() {
		overridden = append(overridden, o.By.Key()+" replaces "+o.Out.Key())
	}
	return list, overridden
}

// TestARuleOfTheUsersReplacesOneOfAPack by section and name, wherever they match.
func TestARuleOfTheUsersReplacesOneOfAPack(t *testing.T) {
	failed := correlate.LabelsOf("alertname", "KubeJobFailed", "namespace", "shop")
	before, _ := compile(policyOf(""))
	if rule, ok := before.Hold(failed, correlate.SeverityWarning); !ok || rule.Rule.Key() != "kube-prometheus/holds/failed-job" {
		t.Fatalf("got %v %v: the test is about another rule", rule, ok)
	}
	s, err := compile(policyOf(`holds: [{name: failed-job, matchers: ['namespace="batch"'], hold: 1h}]`))
	if err != nil {
		t.Fatal(err)
	}
	if rule, ok := s.Hold(failed, correlate.SeverityWarning); ok {
		t.Errorf("the rule of the pack is in force: %v", rule)
	}
	_, got := ruleKeys(t, policyOf(`holds: [{name: failed-job, matchers: ['namespace="batch"'], hold: 1h}]`))
	if want := []string{"holds/failed-job replaces kube-prometheus/holds/failed-job"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, got = ruleKeys(t, policyOf(`symptoms: [{name: failed-job, matchers: ['namespace="batch"'], delay: 1h}]`)); got != nil {
		t.Errorf("a rule of another section replaces: %q", got)
	}
}

// TestANameOfSeveralPacksIsReplacedWithThePackBeforeIt since a plain one would hit rules that have nothing in common.
func TestANameOfSeveralPacksIsReplacedWithThePackBeforeIt(t *testing.T) {
	const rule = `entities: [{name: NAME, matchers: ['a="b"'], entity: {kind: pod, name_label: pod}}]`
	s, err := compile(policyOf(strings.Replace(rule, "NAME", "operator", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Ambiguous(); len(s.Overridden()) != 0 || len(got) != 1 || got[0].By.Name != "operator" || len(got[0].Of) != 2 {
		t.Errorf("a plain name replaces %v, and is ambiguous for %v", s.Overridden(), got)
	}
	_, got := ruleKeys(t, policyOf(strings.Replace(rule, "NAME", "postgres/operator", 1)))
	if want := []string{"entities/postgres/operator replaces postgres/entities/operator"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, got = ruleKeys(t, policyOf(strings.Replace(rule, "NAME", "operator", 1), "postgres/*"))
	if want := []string{"entities/operator replaces kube-prometheus/entities/operator"}; !slices.Equal(got, want) {
		t.Errorf("with one of the packs disabled: got %q, want %q", got, want)
	}
}

// TestARuleAboutOtherAlertsReplacesNothing since it has its name by chance.
func TestARuleAboutOtherAlertsReplacesNothing(t *testing.T) {
	if _, got := ruleKeys(t, policyOf(`holds: [{name: failed-job, matchers: ['alertname=~"Mine|Ours"'], hold: 1h}]`)); got != nil {
		t.Errorf("got %q", got)
	}
	if _, got := ruleKeys(t, policyOf(`holds: [{name: failed-job, matchers: ['alertname=~"Mine|KubeJobFailed"'], hold: 1h}]`)); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

// TestAPackThatIsCopiedReplacesNoOther of those that are on by default, although packs have names in common. What two packs say of
// kube-state-metrics is the same.
func TestAPackThatIsCopiedReplacesNoOther(t *testing.T) {
	for _, name := range packs.Names() {
		text, _ := packs.Text(name)
		s, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "copy.yml", Text: text}}, Packs: []string{"kubernetes", "kube-prometheus"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range s.Overridden() {
			if pack, _ := o.Out.Pack(); pack != name && !strings.HasPrefix(o.Out.Name, "kube-state-metrics") {
				t.Errorf("%s replaces %s", o.By.String(), o.Out.String())
			}
		}
	}
}

// TestDisabledRulesOfPacksAreOut by name, section and pack; what names no rule is ignored.
func TestDisabledRulesOfPacksAreOut(t *testing.T) {
	all, _ := ruleKeys(t, policyOf(""))
	for _, c := range []struct {
		entry string
		out   func(key string) bool
	}{
		{"kube-prometheus/holds/failed-job", func(key string) bool { return key == "kube-prometheus/holds/failed-job" }},
		{"kube-prometheus/symptoms/*", func(key string) bool { return strings.HasPrefix(key, "kube-prometheus/symptoms/") }},
		{"postgres/*", func(key string) bool { return strings.HasPrefix(key, "postgres/") }},
		{"kube-prometheus/holds/gone", func(string) bool { return false }},
		{"*", func(string) bool { return false }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), c.out)
		if got, _ := ruleKeys(t, policyOf("", c.entry)); !slices.Equal(got, want) {
			t.Errorf("%s: %d of %d rules are in force, want %d", c.entry, len(got), len(all), len(want))
		}
	}
	s, err := compile(policyOf(`holds: [{name: failed-job, matchers: ['a="b"'], hold: 1h}]`, "kube-prometheus/*"))
	if err != nil || len(s.Overridden()) != 0 {
		t.Errorf("what is disabled is overridden: %v %v", s.Overridden(), err)
	}
}

// TestDisabledRulesOfEverySectionAreOut has a pack's rules of the sections that are kept in no table.
func TestDisabledRulesOfEverySectionAreOut(t *testing.T) {
	s := &Set{edgeTypes: make(map[string]edgeRule)}
	if problems := s.read("pack all", everySection); len(problems) > 0 {
		t.Fatal(problems)
	}
	s.settle([]string{"all/*"}, nil)
	slow := correlate.LabelsOf("alertname", "Slow", "svc", "till")
	_, held := s.Hold(slow, correlate.SeverityWarning)
	_, urgent := s.Critical("service/till", slow)
	_, caused := s.Cause("Slow", "Boom")
	_, typed := s.EdgeType("calls")
	if held || urgent || caused || typed || s.HasCauses() || s.HasCritical() || len(s.Dependencies()) > 0 || len(s.Identities()) > 0 ||
		s.Event(&correlate.Event{Entity: "pod/x", Reason: "Bang"}).Rule != nil {
		t.Errorf("something is in force: %v", s.Identities())
	}
}

// TestUsageCountsTheRulesThatDecide over several sets, and not what people ask.
func TestUsageCountsTheRulesThatDecide(t *testing.T) {
	u := NewUsage()
	p := &correlate.Policy{Rules: []correlate.RuleFile{{Name: "test.yml", Text: everySection}}}
	slow := correlate.LabelsOf("alertname", "Slow", "svc", "till")
	var s correlate.Rules
	for range 2 {
		var err error
		if s, err = u.Compile(p); err != nil {
			t.Fatal(err)
		}
		s.Hold(slow, correlate.SeverityWarning)
		s.Critical("service/till", "")
		s.Event(&correlate.Event{Entity: "pod/x", Reason: "Bang"})
		s.Cause("Slow", "Boom")
		s.EdgeType("calls")
	}
	s.Rulings(&correlate.Question{Labels: slow, Entity: "service/till", Cause: "Slow", Effect: "Boom"})
	s.Hold(correlate.LabelsOf("alertname", "Other"), correlate.SeverityWarning)
	got := make(map[string]uint64)
	for _, r := range u.Rules() {
		if r.Matched > 0 {
			got[r.ID.String()] = r.Matched
		}
	}
	want := map[string]uint64{
		`test.yml:8 "slow"`: 2, `test.yml:10 "till"`: 2, `test.yml:15 events`: 2, `test.yml:17 causes`: 2, `test.yml:21 "calls"`: 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(u.Rules()) != 11 {
		t.Errorf("got %d rules, want all 11", len(u.Rules()))
	}
	if _, err := u.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "bad.yml", Text: "holds: [{}]"}}}); err == nil {
		t.Error("a bad file compiles")
	}
}

// TestDependenciesAreUsedByWhatIsAboutTheirEnds since nobody asks for them one by one.
func TestDependenciesAreUsedByWhatIsAboutTheirEnds(t *testing.T) {
	u := NewUsage()
	s, err := u.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "test.yml", Text: everySection}}})
	if err != nil {
		t.Fatal(err)
	}
	used := func() uint64 {
		for _, r := range u.Rules() {
			if r.ID.Section == "dependencies" {
				return r.Matched
			}
		}
		return 0
	}
	if s.Dependencies(); used() != 0 {
		t.Error("a dependency is used before anything happens")
	}
	s.Entity(correlate.LabelsOf("alertname", "Slow", "svc", "till"))
	s.Entity(correlate.LabelsOf("quell_entity", "service/bank"))
	s.Event(&correlate.Event{Entity: "service/bank", Reason: "Bang"})
	s.Entity(correlate.LabelsOf("quell_entity", "service/other"))
	if used() != 3 {
		t.Errorf("used %d times, want 3", used())
	}
}

// TestLinesOfPacksAreThoseThatPeopleRead since quell packs show prints the text.
func TestLinesOfPacksAreThoseThatPeopleRead(t *testing.T) {
	s, err := compile(&correlate.Policy{Packs: packs.Names()})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range s.Identities() {
		pack, _ := id.Pack()
		text, _ := packs.Text(pack)
		if line := strings.Split(text, "\n")[id.Line-1]; !strings.Contains(line, "- ") || !strings.Contains(line, id.Name) {
			t.Errorf("%v: line %q", id, line)
		}
	}
}
