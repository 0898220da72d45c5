package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

func TestMutingTellsSourcesFromTargets(t *testing.T) {
	s, err := compile(&correlate.Policy{
		Inhibit: []correlate.Inhibition{{Name: "1", SourceMatchers: []string{`severity="critical"`}, TargetMatchers: []string{`severity=~"warning|critical"`}, File: "quell.yml"}},
		Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
suppress: [{name: s, matchers: [alertname="A"], to: notice, incidents: true, why: known}]
inhibit:
- {name: i, source_matchers: ['"site.room"="1"'], target_matchers: [], equal: [room, ärger, "site.room"]}
expect: [{name: e, matchers: [alertname="A"], after: {kind: [deployment]}, not_for: error}]
`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Muting(correlate.LabelsOf("alertname", "A", "severity", "critical"))
	id := func(section, name, file string, line int) *correlate.RuleID {
		return &correlate.RuleID{Section: section, Name: name, File: file, Line: line}
	}
	one := &correlate.InhibitRule{Rule: id("inhibit", "1", "quell.yml", 0), Why: `quell.yml "1"`}
	two := &correlate.InhibitRule{Equal: []string{"room", "site.room", "ärger"}, Rule: id("inhibit", "i", "a.yml", 4), Why: `a.yml:4 "i"`}
	want := correlate.Muting{
		Suppress: []*correlate.SuppressRule{{For: suppressDefault, Notice: true, Incidents: true, Rule: id("suppress", "s", "a.yml", 2), Why: `a.yml:2 "s": known`}},
		Sources:  []*correlate.InhibitRule{one}, Targets: []*correlate.InhibitRule{one, two},
		Expect: []*correlate.ExpectRule{{Kinds: []string{"deployment"}, For: 10 * 60e9, NotFor: correlate.SeverityError, Rule: id("expect", "e", "a.yml", 5), Why: `a.yml:5 "e"`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Sources[0] != got.Targets[0] {
		t.Error("source and target of a rule do not share it")
	}
	if got := s.Muting(correlate.LabelsOf("site.room", "1")); len(got.Sources) != 1 || len(got.Targets) != 1 {
		t.Errorf("a label with a dot: got %+v", got)
	}
}

func TestMistakesInMutesHavePositions(t *testing.T) {
	_, err := compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "a.yml", Text: `
suppress:
- {name: a, matchers: [a="b"], for: 1s}
- {name: b, matchers: [a="b"], to: pager}
inhibit:
- {name: a, source_match: {a: b}, target_match_re: {a: b}}
- {name: b, source_matchers: [], target_matchers: []}
- {name: c, source_matchers: [a="b"], target_matchers: [a="b"], equal: [x, x]}
expect:
- {name: a, matchers: [a="b"]}
- {name: b, matchers: [a="b"], after: {}, for: 2h}
`}}})
	const want = `a.yml:3:37: 1s is not between 1m and 366d
a.yml:4:36: "pager" is none of digest, notice
a.yml:6:3: key "source_matchers" is missing (or "source_when", a condition)
a.yml:6:3: key "target_matchers" is missing (or "target_when", a condition)
a.yml:6:27: the old form is not read (write source_matchers: ['name="value"', 'name=~"pattern"'])
a.yml:6:52: the old form is not read (write target_matchers: ['name="value"', 'name=~"pattern"'])
a.yml:7:3: inhibit rule by which every alert inhibits every other ([] stands for all alerts; give matchers for one side at least)
a.yml:8:3: a label is listed twice under equal
a.yml:10:3: key "after" is missing
a.yml:11:39: expected after every change (give a reason, a kind or entities)
a.yml:11:48: 2h is not between 1s and 30m`
	if err == nil {
		t.Fatal("got no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
