package story

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
)

// Each case is one mistake in a file of tests; together they are all kinds, with their positions.
func TestParseNamesEveryMistakeWithItsPosition(t *testing.T) {
	const head = "tests:\n- name: x\n  expect: [{pages: []}]\n"
	for _, c := range []struct{ text, want string }{
		{"", `t.yml:1:1: key "tests" is missing`},
		{"tests: []\nconfig: a.yml\npacks: []\n", `t.yml:1:1: config says all that rules, packs and hold say (give either a config or the others)`},
		{"tests:\n- name: x\n", `t.yml:2:3: key "expect" is missing`},
		{head + "- name: x\n  expect: [{pages: []}]\n", `t.yml:4:3: second test of name "x"`},
		{head + "  start: yesterday\n", `t.yml:4:10: "yesterday" is no time (write 2026-01-02T03:00:00Z)`},
		{head + "  start: 1066-10-14T09:00:00Z\n", `t.yml:4:10: "1066-10-14T09:00:00Z" is not between the years 1971 and 2200`},
		{head + "  topology: [a b]\n", `t.yml:4:14: "edge a b" says too little (want edge FROM TYPE TO) (write FROM TYPE TO, e.g. pod/shop/cart-1 runs_on node/n3)`},
		{head + "  inputs: [{at: 1m}]\n", `t.yml:4:12: nothing happens (give one of ack, beat, close, edge, event, fire, forget, gap, remove, resolve, silence, state, tick, unedge, unsilence, series, alertmanager, kubernetes, event, topology, silence, heartbeat)`},
		{head + "  inputs: [{fire: X}]\n", `t.yml:4:12: key "at" is missing`},
		{head + "  inputs: [{at: soon, fire: X}]\n", `t.yml:4:17: "soon" is no duration (write 90s, 5m or 1h30m) (times count from the start: 0s, 5m, 1h30m)`},
		{head + "  inputs: [{at: -5m, fire: X}]\n", `t.yml:4:17: it is before the start (times count from the start: 0s, 5m, 1h30m)`},
		{head + "  inputs: [{at: 5m, fier: X}]\n", `t.yml:4:21: unknown key "fier" (did you mean fire?)`},
		{head + "  inputs: [{at: 5m, fire: 'X{a=~\"b\"}'}]\n", `t.yml:4:27: a=~"b": an alert has labels, not matchers (write a="…")`},
		{head + "  inputs: [{at: 5m, fire: 'X{a=\"b\"'}]\n", `t.yml:4:27: the braces do not end`},
		{head + "  inputs: [{at: 5m, ack: 7 ada}]\n", `t.yml:4:26: "7" is no incident id (want inc-NUMBER)`},
		{head + "  inputs: [{at: 5m, kubernetes: pod}]\n", `t.yml:4:33: it is neither a map nor JSON`},
		{head + "  inputs: [{at: 5m, tick: now, for: 5m}]\n", `t.yml:4:27: for goes with fire only`},
		{head + "  inputs: [{at: 5m, series: X}]\n", `t.yml:4:12: series without values (write values: "0 1x10 0")`},
		{head + "  inputs: [{at: 5m, series: X, values: 1+ax5}]\n", `t.yml:4:40: "1+ax5" is no value (write values as promtool has them: "0 1x10 0")`},
		{head + "  inputs: [{at: 5m, fire: X, deleted: true}]\n", `t.yml:4:12: deleted can only stand beside kubernetes`},
		{head + "  script: |\n    0s fire X\n    1m fire\n", `t.yml:4:11: line 2 of the script: "fire" says too little (want fire NAME{label="value"})`},
		{"rule_files: [a.yml]\n" + head, `t.yml:1:13: key "rule_files" is promtool's (write rules: [FILE], which are quell's; those of Prometheus are tested by promtool)`},
		{"evaluation_interval: 1m\n" + head, `t.yml:1:22: key "evaluation_interval" is promtool's (nothing is evaluated here: each input says when it comes, at: 5m)`},
		{head + "  input_series: [{series: X, values: '1'}]\n", `t.yml:4:17: key "input_series" is promtool's (write inputs: [{at: 0s, series: 'NAME{label="value"}', values: '1 1 0'}], for alerts that fire while it is not 0)`},
		{head + "  alert_rule_test: []\n", `t.yml:4:20: key "alert_rule_test" is promtool's (what must come of the inputs stands under expect)`},
		{"tests:\n- name: x\n  expect: [{at: 5m}]\n", `t.yml:3:12: nothing is expected (give one of incidents, pages, notices, not_paged, digest, decisions; [] is none of them)`},
		{"tests:\n- name: x\n  expect: [{incidents: [{}]}]\n", `t.yml:3:25: it says nothing (give one of ` + strings.Join(Keys(Incidents), ", ") + `)`},
		{"tests:\n- name: x\n  expect: [{incidents: [{state: heald}]}]\n", `t.yml:3:33: "heald" is none of held, self-healed, escalated, acknowledged, resolved (did you mean held?)`},
		{"tests:\n- name: x\n  expect: [{incidents: [{root: cart}]}]\n", `t.yml:3:32: entity id "cart" has no kind and name (want kind/name or kind/namespace/name)`},
		{"tests:\n- name: x\n  expect: [{decisions: 5m}]\n", `t.yml:3:24: want a list, got something else (write a list of decisions, such as "5m escalate inc-1")`},
	} {
		_, problems := Parse("t.yml", []byte(c.text))
		if got := problems.Error(); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// The same for txtar files, whose sections have positions of their own.
func TestParseNamesMistakesOfArchives(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"A story.\n", `t.txtar:1:1: nothing is expected (give a section want or end, or expect in test.yml)`},
		{"A story.\n-- script --\n0s fire X\n\n1m fier X\n-- want --\n", `t.txtar:5:1: unknown command "fier" (did you mean fire?)`},
		{"A story.\n-- test.yml --\n\npack: [x]\n-- want --\n", `t.txtar:4:1: unknown key "pack" (did you mean packs?)`},
		{"A story.\n-- wnat --\n-- end --\n", `t.txtar:2:1: unknown section "wnat" (there are test.yml, script, recording.jsonl, want, end and rule files, whose names end with .yml)`},
		{"A story.\n-- want --\n-- want --\n", `t.txtar:3:1: second section "want"`},
	} {
		_, problems := Parse("t.txtar", []byte(c.text))
		if got := problems.Error(); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// told writes moments as "OFFSET line N: inputs".
func told(moments []Moment) []string {
	var list []string
	for _, m := range moments {
		var parts []string
		for _, in := range m.Inputs {
			switch in := in.(type) {
			case *correlate.Alert:
				verb := "fire "
				if in.Resolved() {
					verb = "resolve "
				}
				parts = append(parts, verb+in.Labels.String())
			case *correlate.Command:
				parts = append(parts, string(in.Action)+" "+string(m.Root))
			case *correlate.Topology:
				parts = append(parts, string(in.Edges[0].From)+" "+in.Edges[0].Type+" "+string(in.Edges[0].To))
			}
		}
		if m.Raw != nil {
			parts = append(parts, m.Kind+" "+string(m.Raw))
		}
		list = append(list, strings.Join(append([]string{Span(m.At.Sub(Epoch))}, parts...), " | "))
	}
	return list
}

// Both notations, and all short forms of inputs, say the same: what happens when.
func TestInputsBecomeMomentsInOrderOfTime(t *testing.T) {
	f, problems := Parse("t.yml", []byte(`
topology: [pod/a/x runs_on node/n]
tests:
  - name: all forms
    expect: [{pages: []}]
    script: |
      30s fire Scripted pod/a/x team=shop
    inputs:
      - {at: 5m, resolve: 'Down{pod="a b", n="{}"}'}
      - {at: 0, fire: ['A{x="1"}', B]}
      - {at: 1m, fire: 'Pod{pod="p-{n}"}', times: 2, every: 10s, for: 1m}
      - {at: 2m, series: 'S{a="b"}', values: "_x1 1x1 0 2 stale", interval: 15s}
      - {at: 4m, ack: node/n ada, close: inc-1 ada}
      - at: 6m
        kubernetes: {kind: Pod, n: 1, on: true, list: [a, 1.5]}
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`0s | pod/a/x runs_on node/n`,
		`0s | fire {alertname="A", x="1"} | fire {alertname="B"}`,
		`30s | fire {alertname="Scripted", quell_entity="pod/a/x", team="shop"}`,
		`1m | fire {alertname="Pod", pod="p-1"}`,
		`1m10s | fire {alertname="Pod", pod="p-2"}`,
		`2m | resolve {alertname="Pod", pod="p-1"}`,
		`2m10s | resolve {alertname="Pod", pod="p-2"}`,
		`2m15s | fire {a="b", alertname="S"}`,
		`2m45s | resolve {a="b", alertname="S"}`,
		`3m | fire {a="b", alertname="S"}`,
		`3m15s | resolve {a="b", alertname="S"}`,
		`4m | ack node/n`,
		`4m | resolve `,
		`5m | resolve {alertname="Down", n="{}", pod="a b"}`,
		`6m | kubernetes {"kind":"Pod","n":1,"on":true,"list":["a",1.5]}`,
	}
	if diff := cmp.Diff(want, told(f.Tests[0].Moments)); diff != "" {
		t.Errorf("moments (-want +got):\n%s", diff)
	}
}

// A txtar file knows in which line each of its sections begins, and expectations at the end come last.
func TestArchivesKeepTheirLines(t *testing.T) {
	f, problems := Parse("t.txtar", []byte(`A name.
And more.
-- test.yml --
rules: [shop.yml]
expect:
  - pages: []
  - at: 1m
    incidents: [{root: node/n, members: [node/n]}]
-- shop.yml --
holds: []
-- recording.jsonl --
{}
-- script --
# a comment
1m tick
`))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	got := f.Tests[0]
	if got.Name != "A name." || got.RecordingLine != 12 || got.Moments[0].Line != 15 || f.Inline["shop.yml"] != "holds: []\n" {
		t.Errorf("got %+v, inline %v", got, f.Inline)
	}
	x := got.Expect[0]
	if x.At != time.Minute || x.Mark.Line != 7 || x.Claims[0].Items[0].Facts[1].Mark != (Mark{8, 41}) || !got.Expect[1].AtEnd {
		t.Errorf("got %+v", got.Expect)
	}
}

func TestRecordingsAreFormattedSoThatTheyCanBeParsed(t *testing.T) {
	r := Recording{
		Comment: "Recorded.", Rules: []string{"a b.yml"}, Packs: []string{}, Start: Epoch.Add(time.Hour), Lines: [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)},
	}
	f, problems := Parse("t.txtar", r.Format())
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	got := f.Tests[0]
	if got.Recording != "{\"a\":1}\n{\"b\":2}\n" || !got.Start.Equal(r.Start) || got.Sources.Packs == nil || len(got.Expect[0].Claims) != 2 {
		t.Errorf("got %+v of\n%s", got, r.Format())
	}
}

// FuzzParse: whatever a file says, reading it ends, and what has no problems has moments in order of time.
func FuzzParse(f *testing.F) {
	f.Add("tests:\n- name: x\n  inputs: [{at: 1m, fire: 'X{a=\"b\"}', times: 3, every: 1s}]\n  expect: [{incidents: [{root: pod/a/b}]}]\n", false)
	f.Add("tests:\n- name: x\n  inputs: [{at: 1m, kubernetes: {a: [1]}}, {at: 0, series: X, values: '1x3 _'}]\n  script: |\n    1s repeat 3 1s tick\n  expect: [{at: 3s, pages: []}]\n", false)
	f.Add("A story.\n-- test.yml --\nexpect: [{pages: []}]\n-- script --\n0s fire X pod/a/b c=d\n-- want --\n", true)
	f.Fuzz(func(t *testing.T, text string, archive bool) {
		name := "t.yml"
		if archive {
			name = "t.txtar"
		}
		file, problems := Parse(name, []byte(text))
		if problems.Err() != nil {
			return
		}
		for _, test := range file.Tests {
			for i := 1; i < len(test.Moments); i++ {
				if test.Moments[i].At.Before(test.Moments[i-1].At) {
					t.Fatalf("moment %d is before the one before it", i)
				}
			}
		}
	})
}
