package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/strictyaml"
	"quell/rules/expr"
)

func mapping(t testing.TB, texts ...string) *Mapping {
	t.Helper()
	m := NewLanguage().Empty()
	for _, text := range texts {
		if err := strictyaml.Read("m.yml", []byte(text), m.Read).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func apply(t testing.TB, m *Mapping, body string) *Result {
	t.Helper()
	v, err := expr.JSON([]byte(body), 64)
	if err != nil {
		t.Fatal(err)
	}
	return m.Apply(&Request{Body: v, Name: "n", Now: samplesAt, MaxItems: 3})
}

func alertOf(t testing.TB, m *Mapping, body string) *correlate.Alert {
	t.Helper()
	r := apply(t, m, body)
	if len(r.Items) != 1 {
		t.Fatalf("%s: got %+v", body, r)
	}
	return r.Items[0].Input.(*correlate.Alert)
}

const base = `
become:
  ok: {when: item.state == "ok", ignore: true}
  alert:
    alert:
      name: item.name
      severity: '"warning"'
      labels: ["item.?labels.orValue({})", {team: '"web"', host: item.?host.orValue("")}]
`

// TestAMappingOverAnotherChangesWhatItNames and nothing else; what it adds is asked first.
func TestAMappingOverAnotherChangesWhatItNames(t *testing.T) {
	m := mapping(t, base, `
become:
  test: {when: 'item.name == "test"', ignore: true}
  alert: {alert: {severity: '"critical"', labels: {team: '""', site: '"eu"'}}}
`)
	got := alertOf(t, m, `{"name": "A", "state": "bad", "host": "h", "labels": {"team": "x", "n": 1, "empty": null}}`)
	if want := correlate.LabelsOf("alertname", "A", "severity", "critical", "host", "h", "site", "eu", "n", "1", "webhook", "n"); got.Labels != want {
		t.Errorf("got %s, want %s", got.Labels, want)
	}
	for body, want := range map[string]string{
		`{"name": "test", "state": "bad"}`: "0 items, 1 ignored, 0 faults",
		`{"name": "A", "state": "ok"}`:     "0 items, 1 ignored, 0 faults",
		`{"name": "", "state": "bad"}`:     "0 items, 0 ignored, 1 faults",
	} {
		r := apply(t, m, body)
		if got := fmt.Sprintf("%d items, %d ignored, %d faults", len(r.Items), r.Ignored, r.FaultCount); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

func TestMistakesInMappingsHavePositions(t *testing.T) {
	_, problems := NewLanguage().Parse("m.yml", []byte(`each: body.items.size()
become:
  a: {when: itm.x == 1, alert: {name: item.a}}
  b: {alert: {labels: {x: '"unended'}}}
  c: {alert: {name: item.a}, event: {entity: item.e, reason: item.r}}
  d: {change: {reason: item.r, warning: "true"}}
  e: {when: "true"}
  f: {alert: {severity: item.s}}
  g: {alert: {name: item.n, severities: [a, a], timeout: 1s}}
signature: {algorithm: md5, header: ""}
`))
	const want = `m.yml:1:7: the expression gives a whole number, want a list
m.yml:3:13: unknown name "itm" (did you mean item?)
m.yml:4:28: text without an end (close the quote)
m.yml:5:6: warning: outcome "c" is never asked: "b", which comes first, takes all items (give that a condition, when, or move it to the end)
m.yml:5:6: outcome "c" is none or several of alert, event, change and ignore (give one of them)
m.yml:6:15: event about no entity (say which, such as entity: '"service/shop/" + body.app')
m.yml:6:32: unknown key "warning"
m.yml:7:6: outcome "e" is none or several of alert, event, change and ignore (give one of them)
m.yml:8:14: alert without a name (it becomes the label alertname)
m.yml:9:45: severity "a" is listed twice
m.yml:9:58: 1s is not between 1m and 366d
m.yml:10:24: "md5" is none of sha256, sha512, sha1
m.yml:10:37: empty text`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestSlipsInMappingsSayWhatToWrite: what people write who think of templates, of other tools, and of outcomes that have no order.
func TestSlipsInMappingsSayWhatToWrite(t *testing.T) {
	_, problems := NewLanguage().Parse("m.yml", []byte(`foreach: body.items
become:
  a: {if: 'true', alert: {name: Backup, severity: critical, annotations: {summary: '{{ .title }}'}, status: item.up}}
  b: {when: item.state = "up", ignore: true}
  c: {when: item.b, change: {entity: item.e, reason: item.r, title: item.m}}
`))
	const literal = ` (there are body, item, headers, query; a text is in quotes of its own, which YAML does not take: '"`
	want := `m.yml:1:1: unknown key "foreach" (did you mean each?)
m.yml:3:7: unknown key "if" (did you mean when?)
m.yml:3:33: unknown name "Backup"` + literal + `Backup"')
m.yml:3:51: unknown name "critical"` + literal + `critical"')
m.yml:3:85: an expression is no template (write item.title, and join texts by +)
m.yml:3:101: unknown key "status" (did you mean resolved?)
m.yml:4:6: warning: outcome "b" is never asked: "a", which comes first, takes all items (give that a condition, when, or move it to the end)
m.yml:4:24: there is no single = in expressions (write == to compare)
m.yml:5:62: unknown key "title" (did you mean name?)`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, problems := NewLanguage().Parse("m.yml", []byte("become: [{alert: {name: item.a}}]\n")); !strings.Contains(problems.Error(), "want a map, got a list (write {NAME: {when: ") {
		t.Error(problems)
	}
}

// TestOutcomesOfAPresetAreAskedAfterNewOnes, so that an outcome of a preset that takes all items hides none of these, wherever it stands.
func TestOutcomesOfAPresetAreAskedAfterNewOnes(t *testing.T) {
	for text, want := range map[string]string{
		"become: {last: {ignore: true}, new: {when: item.x, ignore: true}}":                          "",
		"become: {new: {ignore: true}, last: {ignore: true}}":                                        "",
		"become: {last: {ignore: true}, new: {ignore: true}, newer: {when: item.x, ignore: true}}\n": `"newer" is never asked: "new",`,
	} {
		m := mapping(t, "become: {first: {when: item.y, ignore: true}, last: {ignore: true}}")
		got := strictyaml.Read("m.yml", []byte(text), m.Read)
		if (len(got) > 0) != (want != "") || !strings.Contains(got.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
}

// TestReasonsOfFaultsSayWhere in the mapping, and in the expression.
func TestReasonsOfFaultsSayWhere(t *testing.T) {
	m := mapping(t, `
each: body
become:
  e: {when: has(item.e), event: {entity: item.e, reason: item.?r.orValue("")}}
  a:
    when: has(item.n)
    alert:
      name: item.n
      starts_at: item.?at.orValue(null)
      labels: {x: item.deep.down}
`)
	for item, want := range map[string]string{
		`{"e": "cart"}`:  `m.yml:4:42: e.entity: entity id "cart" has no kind and name (want kind/name or kind/namespace/name)`,
		`{"e": "pod/x"}`: "m.yml:4:58: e.reason: the event has no reason",
		`{"n": 1}`:       `m.yml:10:19: a.labels.x: there is no "deep" (character 10 of item.deep.down)`,
		`{"n": "A", "deep": {"down": "y"}, "at": "x"}`:  `m.yml:9:18: a.starts_at: "x" is no time of RFC 3339 (parseTime reads other forms)`,
		`{"n": "A", "deep": {"down": "y"}, "at": true}`: `m.yml:9:18: a.starts_at: a bool is no time`,
		`{"n": "A", "deep": {"down": [1]}}`:             `m.yml:10:19: a.labels.x: `,
		`{}`:                                            `nothing of the mapping is for it: every "when" is false`,
	} {
		r := apply(t, m, "["+item+"]")
		if r.FaultCount != 1 || !strings.HasPrefix(r.Faults[0].Reason, want) {
			t.Errorf("%s: got %+v, want %s", item, r.Faults, want)
		}
	}
	if r := apply(t, m, `{"n": "A"}`); r.FaultCount != 1 || r.Faults[0].Index != -1 {
		t.Errorf("a body that is no list: got %+v", r)
	}
}

func TestTimesAreReadAsSendersWriteThem(t *testing.T) {
	m := mapping(t, `become: {a: {alert: {name: '"A"', starts_at: item.s, ends_at: item.?e.orValue("")}}}`)
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for body, want := range map[string][2]time.Time{
		`{"s": "2026-11-21T03:30:00+01:00"}`:             {at("2026-11-21T02:30:00Z")},
		`{"s": 1795228200}`:                              {at("2026-11-21T02:30:00Z")},
		`{"s": 1795228200500}`:                           {at("2026-11-21T02:30:00.5Z")},
		`{"s": 1795228200.25}`:                           {at("2026-11-21T02:30:00.25Z")},
		`{"s": "0001-01-01T00:00:00Z"}`:                  {samplesAt},
		`{"s": null}`:                                    {samplesAt},
		`{"s": "2026-11-21T03:05:00Z"}`:                  {samplesAt},
		`{"s": "2026-11-21T02:00:00Z", "e": 1795228200}`: {at("2026-11-21T02:00:00Z"), at("2026-11-21T02:30:00Z")},
		`{"s": "2026-11-21T02:45:00Z", "e": 1795228200}`: {at("2026-11-21T02:45:00Z"), samplesAt},
		`{"s": null, "e": 1795228200}`:                   {at("2026-11-21T02:30:00Z"), at("2026-11-21T02:30:00Z")},
	} {
		got := alertOf(t, m, body)
		if !got.StartsAt.Equal(want[0]) || !got.EndsAt.Equal(want[1]) {
			t.Errorf("%s: got %s to %s, want %s to %s", body, got.StartsAt, got.EndsAt, want[0], want[1])
		}
	}
}

// TestOneAlertMayHaveSeveralSeverities, one after the other: each takes the place of the others, and the end is that of all.
func TestOneAlertMayHaveSeveralSeverities(t *testing.T) {
	m := mapping(t, `become: {a: {alert: {name: item.n, severity: item.s, severities: [warning, critical], fingerprint: item.id, resolved: item.?over.orValue(false)}}}`)
	one := func(body string) (*correlate.Alert, []*correlate.Alert) {
		it := apply(t, m, body).Items[0]
		return it.Input.(*correlate.Alert), it.Instead
	}
	warning, _ := one(`{"n": "A", "s": "warning", "id": 1}`)
	critical, instead := one(`{"n": "A, worse", "s": "critical", "id": 1}`)
	if len(instead) != 1 || instead[0].Fingerprint != warning.Fingerprint || !instead[0].EndsAt.Equal(samplesAt) {
		t.Errorf("critical ends %+v, want the warning", instead)
	}
	end, instead := one(`{"n": "over", "s": "critical", "id": 1, "over": true}`)
	if end.Fingerprint != critical.Fingerprint || len(instead) != 1 || instead[0].Fingerprint != warning.Fingerprint {
		t.Error("the end is not that of all severities")
	}
	if other, _ := one(`{"n": "A", "s": "warning", "id": 2}`); other.Fingerprint == warning.Fingerprint {
		t.Error("two alerts have one fingerprint")
	}
}

func TestWhatABodyBecomesIsBounded(t *testing.T) {
	m := mapping(t, `
each: body.items
become:
  a:
    alert: {name: item.n, labels: item.l, annotations: {summary: item.n, more: item.n}, url: item.n, timeout: 1h}
`)
	long := strings.Repeat("ä", 50_000)
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf(`"l%d": "x"`, i)
	}
	got := alertOf(t, m, fmt.Sprintf(`{"items": [{"n": %q, "l": {%s}}]}`, long, strings.Join(many, ",")))
	count := 0
	for name, value := range got.Labels.All() {
		if count++; len(name)+len(value) > maxLabelBytes {
			t.Errorf("label %s has %d bytes", name, len(value))
		}
	}
	if count != maxLabels || got.Labels.Get("alertname") == "" || got.Labels.Get("webhook") == "" {
		t.Errorf("got %d labels", count)
	}
	size := 0
	for name, value := range got.Annotations.All() {
		size += len(name) + len(value)
	}
	if size > maxAnnotationBytes || len(got.GeneratorURL) > maxURLBytes || !got.Expires.Equal(samplesAt.Add(time.Hour)) {
		t.Errorf("annotations of %d bytes, link of %d, expires %s", size, len(got.GeneratorURL), got.Expires)
	}
	r := apply(t, m, `{"items": [{"n": "1", "l": {}}, {"n": "2", "l": {}}, {"n": "3", "l": {}}, {"n": "4", "l": {}}, {"n": "5", "l": {}}]}`)
	if len(r.Items) != 3 || r.FaultCount != 2 || !strings.Contains(r.Faults[0].Reason, "5 items, and 3 are looked at (raise max_items") {
		t.Errorf("got %d items, %d faults %v", len(r.Items), r.FaultCount, r.Faults)
	}
	asked := 0
	v, _ := expr.JSON([]byte(`{"items": [{"n": "1", "l": {}}, {"n": "2", "l": {}}]}`), 64)
	r = m.Apply(&Request{Body: v, Name: "n", Now: samplesAt, MaxItems: 3, Stop: func() bool { asked++; return asked > 1 }})
	if len(r.Items) != 1 || r.FaultCount != 1 || !strings.Contains(r.Faults[0].Reason, "takes too long: 1 of its 2 items") {
		t.Errorf("stopped: got %+v", r)
	}
}

// TestTheClusterOfASourceIsThatOfItsEntities where they name none.
func TestTheClusterOfASourceIsThatOfItsEntities(t *testing.T) {
	m := mapping(t, `{each: body, become: {a: {change: {entity: item, reason: '"Deployed"'}}}}`)
	v, _ := expr.JSON([]byte(`["pod/a/b", "pod/a/b@us"]`), 64)
	r := m.Apply(&Request{Body: v, Name: "n", Now: samplesAt, MaxItems: 3, Labels: map[string]string{"cluster": "eu"}})
	for i, want := range []string{"pod/a/b@eu", "pod/a/b@us"} {
		e := r.Items[i].Input.(*correlate.Event)
		if string(e.Entity) != want || e.Component != correlate.ChangeComponent {
			t.Errorf("got %s by %s, want %s", e.Entity, e.Component, want)
		}
	}
}

// FuzzApply gives any JSON to every preset: none panics, or makes more of a body than it may.
func FuzzApply(f *testing.F) {
	language := NewLanguage()
	list := make(map[string]*Mapping)
	for _, name := range Presets() {
		list[name], _ = language.Preset(name)
	}
	seeds(f)
	f.Fuzz(func(t *testing.T, body, event string) {
		for name, m := range list {
			v, err := expr.JSON([]byte(body), 64)
			if err != nil {
				return
			}
			if m.SNS {
				v = Unwrap(v)
			}
			headers := map[string]string{"x-github-event": event, "sentry-hook-resource": event, "ce-specversion": event, "ce-type": event, "ce-source": event}
			r := m.Apply(&Request{Body: v, Headers: headers, Name: name, Now: samplesAt, MaxItems: 20})
			if len(r.Items)+r.Ignored+min(r.FaultCount, 1) == 0 && m.each.program == nil {
				t.Errorf("%s: a body vanished", name)
			}
			if len(r.Items) > 20 {
				t.Errorf("%s: %d items", name, len(r.Items))
			}
			for _, it := range r.Items {
				if a, ok := it.Input.(*correlate.Alert); ok && (len(a.Labels) > maxLabels*(maxLabelBytes+8) || len(a.Annotations) > 2*maxAnnotationBytes) {
					t.Errorf("%s: labels of %d bytes", name, len(a.Labels))
				}
			}
		}
	})
}

// FuzzParse looks for mappings that make the reader panic, or that are taken and then panic when they are used.
func FuzzParse(f *testing.F) {
	language := NewLanguage()
	for _, name := range Presets() {
		text, _ := PresetText(name)
		f.Add(text)
	}
	f.Add(base)
	body := map[string]any{"name": "A", "items": []any{int64(1), nil, map[string]any{"x": 1.5}}}
	f.Fuzz(func(t *testing.T, text string) {
		m, problems := language.Parse("f.yml", []byte(text))
		for _, p := range problems {
			if p.Text == "" || strings.Contains(p.String(), "\n") {
				t.Errorf("bad problem %+v", p)
			}
		}
		if problems.Err() == nil {
			m.Apply(&Request{Body: body, Name: "n", Now: samplesAt, MaxItems: 3})
		}
	})
}
