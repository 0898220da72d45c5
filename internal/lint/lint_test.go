package lint

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/rules/packs"
)

var update = flag.Bool("update", false, "write golden files; read the diff")

// said is what is found of a configuration and one rule file, a line each.
func said(config, rules string, recorded map[string]bool) string {
	var b strings.Builder
	for _, f := range Check(Input{Config: File{"quell.yml", config}, Rules: []File{{"rules.yml", rules}}, Recorded: recorded}) {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

const plain = "route: {receiver: a}\n"

// TestRulesThatMayStillDecideAreNotReported: conditions that cannot be decided, other sections, keys of newer kinds and parts of what a rule says
// keep it from being called hidden.
func TestRulesThatMayStillDecideAreNotReported(t *testing.T) {
	for name, rules := range map[string]string{
		"a condition":           "holds:\n- {name: a, matchers: ['x=\"1\"'], when: 'true', hold: 1m}\n- {name: b, matchers: ['x=\"1\"'], hold: 2m}\n",
		"another section":       "holds:\n- {name: a, matchers: ['x=\"1\"'], hold: 1m}\nchronic:\n- {name: a, matchers: ['x=\"1\"'], action: none}\n",
		"a newer key":           "holds:\n- {name: a, matchers: ['x=\"1\"'], newer: 1, hold: 1m}\n- {name: b, matchers: ['x=\"1\"'], hold: 2m}\n",
		"says something else":   "symptoms:\n- {name: a, matchers: ['x=\"1\"'], severity: error}\n- {name: b, matchers: ['x=\"1\"'], delay: 5m}\n",
		"another entity":        "entities:\n- {name: a, matchers: ['x=\"1\"'], entity: {kind: pod, name_label: pod}}\n- {name: b, matchers: ['x=\"1\"'], entity: {kind: node, name_label: node}}\n",
		"target labels add up":  "target_labels:\n- {name: a, matchers: ['x=\"1\"'], labels: [pod]}\n- {name: b, matchers: ['x=\"1\"'], labels: [node]}\n",
		"an event of any kind":  "events:\n- {reason: [A], kind: [pod], meaning: ignore}\n- {reason: [A], meaning: symptom}\n",
		"an overlapping regexp": "holds:\n- {name: a, matchers: ['x=~\"a.*b\"'], hold: 1m}\n- {name: b, matchers: ['x=~\"a.*c.*b\"'], hold: 2m}\n",
		"not all values":        "holds:\n- {name: a, matchers: ['x=\"1\"'], hold: 1m}\n- {name: b, matchers: ['x=~\"1|2\"'], hold: 2m}\n",
	} {
		if got := said(plain, rules, nil); got != "" {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestHiddenRulesAreReportedOnce: what a hidden rule would hide is hidden by the first one, and a condition does not save it.
func TestHiddenRulesAreReportedOnce(t *testing.T) {
	got := said(plain, `holds:
- {name: all, matchers: ['namespace="shop"'], hold: 1m}
- {name: cart, matchers: ['namespace="shop"', 'alertname="Cart"'], hold: 2m}
- {name: pay, matchers: ['alertname="Pay"', 'namespace="shop"'], when: 'labels.x == "1"', hold: 3m}
entities:
- {name: a, matchers: ['job="x"'], entity: {kind: pod, name_label: p, namespace_label: n}}
- {name: b, matchers: ['job="x"', 'pod="y"'], entity: {namespace_label: n, kind: pod, name_label: p}, depends_on: []}
`, nil)
	want := `rules.yml:3:3: warning: holds "cart" never decides: rule "all" at rules.yml:2, which comes first, matches all that it does (move it up, or remove it)
rules.yml:4:3: warning: holds "pay" never decides: rule "all" at rules.yml:2, which comes first, matches all that it does (move it up, or remove it)
rules.yml:7:3: warning: entities "b" never decides: rule "a" at rules.yml:6, which comes first, matches all that it does (move it up, or remove it)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// TestRoutesInherit: what is above a route narrows it, and continue lets others get there.
func TestRoutesInherit(t *testing.T) {
	got := said(`route:
  receiver: a
  routes:
  - {matchers: ['team="a"'], continue: true}
  - {matchers: ['team="a"', 'severity="error"']}
  - matchers: ['severity=~"error|critical"']
    routes:
    - {matchers: ['severity!="error"']}
    - {matchers: ['severity="critical"', 'namespace="x"']}
    - {matchers: ['severity="warning"']}
  - {}
  - {matchers: ['quell_kind="pod"']}
`, "", nil)
	want := `quell.yml:9:7: warning: nothing gets to this route: the one at quell.yml:8, which comes first, takes all that it matches (move it up, or write continue: true there)
quell.yml:10:19: warning: never matches: severity="warning" contradicts severity=~"error|critical" of line 6 (all matchers of a list must hold: remove one, or write two lists)
quell.yml:12:5: warning: nothing gets to this route: the one at quell.yml:11, which comes first, takes all that it matches (move it up, or write continue: true there)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// TestRecordedLabelsAreKnown, and with a journal a label that nothing is near to is reported, too.
func TestRecordedLabelsAreKnown(t *testing.T) {
	const rules = "holds:\n- {name: a, matchers: ['namspace=\"x\"', 'ourown=\"y\"', 'exported_pod=\"z\"'], hold: 1m}\n"
	for _, c := range []struct {
		recorded map[string]bool
		want     string
	}{
		{nil, "rules.yml:2:24: warning: nothing is known to have the label \"namspace\" (did you mean namespace?)\n"},
		{map[string]bool{"namspace": true}, "rules.yml:2:40: warning: nothing is known to have the label \"ourown\" (no alert in the journal has it)\n"},
		{map[string]bool{"namspace": true, "ourown": true}, ""},
	} {
		if diff := cmp.Diff(c.want, said(plain, rules, c.recorded)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.recorded, diff)
		}
	}
}

// TestAHoldIsComparedWithTheEscalationsItMayMeet: one route that leads elsewhere is enough for silence.
func TestAHoldIsComparedWithTheEscalationsItMayMeet(t *testing.T) {
	const rules = "holds:\n- {name: a, matchers: ['namespace=\"shop\"'], hold: 10m}\n"
	const policies = "escalation_policies: [{name: fast, steps: [{receiver: a, wait: 2m}, {receiver: a, wait: 3m}, {receiver: a}]}]\n"
	for _, c := range []struct {
		route string
		found bool
	}{
		{"{escalation: fast, receiver: a}", true},
		{"{receiver: a, routes: [{matchers: ['namespace=\"shop\"'], escalation: fast}]}", true},
		{"{receiver: a, escalation: fast, routes: [{matchers: ['namespace=\"bank\"'], receiver: a}]}", true},
		{"{receiver: a, escalation: fast, routes: [{matchers: ['quell_kind=\"pod\"'], receiver: a}]}", false},
		{"{receiver: a}", false},
	} {
		got := said("route: "+c.route+"\n"+policies, rules, nil)
		if found := strings.Contains(got, `longer than the whole escalation policy "fast" behind it, 5m`); found != c.found {
			t.Errorf("%s: %q", c.route, got)
		}
	}
}

// TestPacksHaveNoFindings: what people are warned of is nothing that comes with quell.
func TestPacksHaveNoFindings(t *testing.T) {
	words := sync.OnceValue(ofPacks)
	for _, name := range packs.Names() {
		text, _ := packs.Text(name)
		for _, f := range check(Input{Config: File{"quell.yml", plain}, Rules: []File{{"pack " + name, text}}}, words) {
			if f.Severity > Info {
				t.Error(f)
			}
		}
	}
}

// TestPacksAreReadForUnknownLabelsAlone: whoever uses customary labels, or says which he has, need not wait for them to be read.
func TestPacksAreReadForUnknownLabelsAlone(t *testing.T) {
	for label, want := range map[string]int{"namespace": 0, "exported_pod": 0, "mine": 0, "theirs": 1, "nobodys": 1} {
		reads := 0
		packs := func() vocabulary { reads++; return vocabulary{"theirs": true} }
		rules := fmt.Sprintf("holds:\n  - {name: a, matchers: ['%s=\"x\"'], hold: 1m}\n  - {name: b, matchers: ['%[1]s=\"y\"'], hold: 1m}\n", label)
		found := check(Input{Config: File{"c", ""}, Rules: []File{{"r", rules}}, Recorded: map[string]bool{"mine": true}}, packs)
		if reads != want {
			t.Errorf("%s: they are read %d times, want %d", label, reads, want)
		}
		if unknown := slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == kindUnknownLabel }); unknown != (label == "nobodys") {
			t.Errorf("%s: found %v", label, found)
		}
	}
}

// TestSARIFIsWhatGitHubReads compares with a golden file, and looks for what GitHub's code scanning demands of a log.
func TestSARIFIsWhatGitHubReads(t *testing.T) {
	list := []Finding{
		{kindInvalid, Error, Place{"ops/quell file.yml", 0, 0}, "cannot be read", "", Place{}},
		{kindHidden, Warning, Place{"rules/ä.yml", 4, 5}, "100% hidden", "move it up", Place{"rules/a.yml", 1, 2}},
		{kindOverride, Info, Place{"a.yml", 1, 1}, "takes the place", "", Place{"pack kubernetes", 7, 1}},
	}
	got, err := SARIF(list, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "sarif.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	checkSARIF(t, got)
}

// checkSARIF wants the properties that GitHub's documentation lists as needed, of the types that the standard gives them.
func checkSARIF(t *testing.T, log []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(log))
	var s struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                      string
						ShortDescription, FullDescription, Help struct{ Text string }
						DefaultConfiguration                    struct{ Level string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.Version != "2.1.0" || !strings.Contains(s.Schema, "sarif") || len(s.Runs) != 1 || s.Runs[0].Tool.Driver.Name == "" {
		t.Fatalf("no log of version 2.1.0: %+v", s)
	}
	rules := s.Runs[0].Tool.Driver.Rules
	ids := make(map[string]bool)
	for _, r := range rules {
		if r.ID == "" || ids[r.ID] || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || !isLevel(r.DefaultConfiguration.Level) {
			t.Errorf("rule %+v lacks something", r)
		}
		ids[r.ID] = true
	}
	for _, r := range s.Runs[0].Results {
		if r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID || r.Message.Text == "" || !isLevel(r.Level) || len(r.Locations) == 0 {
			t.Errorf("result %+v lacks something", r)
			continue
		}
		at := r.Locations[0].PhysicalLocation
		if at.Region.StartLine < 1 || at.Region.StartColumn < 1 || at.ArtifactLocation.URI == "" || strings.ContainsAny(at.ArtifactLocation.URI, ` \ä`) {
			t.Errorf("result %+v is nowhere", r)
		}
	}
}

func isLevel(s string) bool { return s == "none" || s == "note" || s == "warning" || s == "error" }

// TestAnnotationsEscapeWhatWorkflowCommandsReserve.
func TestAnnotationsEscapeWhatWorkflowCommandsReserve(t *testing.T) {
	for _, c := range []struct {
		f    Finding
		want string
	}{
		{
			Finding{kindHidden, Warning, Place{"a:b,c%.yml", 3, 7}, "100% hidden: a, b\nc", "move it", Place{}},
			"::warning file=a%3Ab%2Cc%25.yml,line=3,col=7,title=quell check%3A hidden-rule::100%25 hidden: a, b%0Ac (move it)",
		},
		{Finding{kindInvalid, Error, Place{"q.yml", 0, 0}, "cannot be read", "", Place{}}, "::error file=q.yml,title=quell check%3A invalid::cannot be read"},
		{Finding{kindOverMax, Info, Place{"q.yml", 1, 1}, "long", "", Place{}}, "::notice file=q.yml,line=1,col=1,title=quell check%3A hold-over-max::long"},
	} {
		if got := c.f.Annotation(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// FuzzCheck looks for texts that make the checker panic, or say something without a place.
func FuzzCheck(f *testing.F) {
	f.Add("route: {receiver: a, routes: [{matchers: ['a=~\"(x|y)?\"']}]}\nescalation_policies: [{steps: [{wait: 1m}]}]\n",
		"holds: [{name: a, matchers: ['a=\"b\"', 'a!~\"b|\"'], hold: 1m}]\nevents: [{reason: [a]}]\ninhibit: [{source_matchers: [a=b], target_matchers: [a=b]}]\n")
	words := sync.OnceValue(ofPacks)
	f.Fuzz(func(t *testing.T, config, rules string) {
		for _, found := range check(Input{Config: File{"c", config}, Rules: []File{{"r", rules}}, Recorded: map[string]bool{}}, words) {
			if found.File == "" || found.Line == 0 || found.Text == "" || found.Severity == 0 {
				t.Errorf("bad finding %+v", found)
			}
		}
	})
}

// TestInhibitionsOfTheSameAlertsDoNothing: an alert does not inhibit itself. Where the source is only wider than the target, it inhibits.
func TestInhibitionsOfTheSameAlertsDoNothing(t *testing.T) {
	got := said(plain+"inhibit_rules:\n- {source_matchers: ['a=\"1\"'], target_matchers: ['a=~\"1\"'], equal: [pod]}\n",
		"inhibit:\n- {name: a, source_matchers: ['severity=~\"critical|warning\"'], target_matchers: ['severity=\"warning\"'], equal: [pod]}\n", nil)
	const want = "quell.yml:3:3: warning: source and target are the same alerts, and no alert inhibits itself, so that nothing is inhibited (say in target_matchers what is inhibited)\n"
	if got != want {
		t.Errorf("got %s", got)
	}
}

// TestDoubledEqualsSignsAreReported, and no value that is meant to begin with one.
func TestDoubledEqualsSignsAreReported(t *testing.T) {
	got := said(plain, `holds:
- {name: a, matchers: ['namespace==shop'], hold: 1m}
- {name: b, matchers: ['job="=x"', 'team="a==b"', 'pod=~"=.*"'], hold: 2m}
`, nil)
	want := `rules.yml:2:24: warning: == asks for a value that begins with =: namespace="=shop" (write a single =; a value that does begin with it stands in double quotes)
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
