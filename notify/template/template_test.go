package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	am "github.com/prometheus/alertmanager/template"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
	"quell/notify"
)

// The texts that go out where nobody wrote any: one file for each form, with all samples in it.
func TestDefaultsAreWhatTheyWere(t *testing.T) {
	for _, name := range []string{"quell.subject", "quell.summary", "quell.text", "quell.markdown", "quell.html", "slack.default.title", "email.default.html"} {
		var all strings.Builder
		html := strings.HasSuffix(name, ".html")
		for _, s := range Samples() {
			text, err := Default().Render(notify.Field{Text: fmt.Sprintf("{{ template %q . }}", name), HTML: html}, s.Delivery, sampleURL)
			if err != nil {
				t.Errorf("%s, %s: %v", name, s.Name, err)
			}
			if name == "email.default.html" {
				continue // Alertmanager's own: it has to work, and looks as they like it
			}
			fmt.Fprintf(&all, "=== %s\n%s\n", s.Name, text)
		}
		if name != "email.default.html" {
			golden.Compare(t, name+".golden", all.String())
		}
	}
}

// One of each is no "1 entities, 1 alerts", in a mail's HTML as in its text.
func TestMailCountsAsPeopleDo(t *testing.T) {
	d := *Samples()[0].Delivery
	incident := *d.Incident
	incident.MemberCount, incident.Alerts, incident.Active, d.Incident = 1, 1, 1, &incident
	for _, html := range []bool{false, true} {
		name := map[bool]string{false: "quell.text", true: "quell.html"}[html]
		text, err := Default().Render(notify.Field{Text: fmt.Sprintf("{{ template %q . }}", name), HTML: html}, &d, sampleURL)
		if err != nil || !strings.Contains(text, "1 entity, 1 alert") || strings.Contains(text, "1 alerts") {
			t.Errorf("%s: %v, %s", name, err, text)
		}
	}
}

func TestTemplateThatTakesTooMuchIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"loop":      {`{{ range 1000000000 }}{{ end }}`, errRounds},
		"nested":    {`{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}{{ end }}`, errRounds},
		"recursion": {`{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, errRounds},
		"in else":   {`{{ range .Nothing }}{{ else }}{{ range 1000000000 }}{{ end }}{{ end }}`, nil},
		"output":    {`{{ range 10000 }}{{ printf "%1000d" . }}{{ end }}`, errOutput},
		"doubling":  {`{{ $x := "0123456789" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}`, errMade},
		"lists":     {`{{ $x := list 1 }}{{ range 19000 }}{{ $x = append $x $x $x $x $x $x $x $x $x $x }}{{ end }}`, errMade},
	} {
		for _, html := range []bool{false, true} {
			_, err := Default().Render(notify.Field{Text: c.text, HTML: html}, Samples()[0].Delivery, "")
			if c.want != nil && !errors.Is(err, c.want) || err == nil {
				t.Errorf("%s (HTML: %v): got error %v, want %v", name, html, err, c.want)
			}
		}
	}
	set, err := New(File{"a.tmpl", `{{ define "a" }}{{ with . }}{{ range 1000000000 }}{{ end }}{{ end }}{{ end }}`})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Text(`{{ template "a" . }}`, NewData(Samples()[0].Delivery, Options{})); !errors.Is(err, errRounds) {
		t.Errorf("a loop in a file: got error %v, want %v", err, errRounds)
	}
}

// Templates as people have them for Alertmanager, from its documentation.
func TestAlertmanagersTemplatesGoOnWorking(t *testing.T) {
	set, err := New(File{"folder/mine.tmpl", `
{{ define "slack.myorg.text" }}https://internal.myorg.net/wiki/alerts/{{ .GroupLabels.app }}/{{ .GroupLabels.alertname }}{{ end }}
{{ define "__subject" }}[{{ .Status | toUpper }}] {{ .GroupLabels.SortedPairs.Values | join " " }}{{ end }}`})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{{ template "slack.myorg.text" . }}`:                                          "https://internal.myorg.net/wiki/alerts//KubeNodeNotReady",
		`{{ template "slack.default.title" . }}`:                                       "[FIRING] KubeNodeNotReady prod-eu",
		`{{ range .Alerts.Firing }}{{ .Labels.alertname }} {{ end }}`:                  "KubeNodeNotReady KubePodNotReady KubePodNotReady ",
		`{{ (index .Alerts 0).Annotations.summary }}`:                                  "Node n3 is not ready",
		`{{ .CommonLabels.severity }} {{ .CommonAnnotations.summary }}`:                "critical Node n3 is not ready",
		`{{ .CommonLabels.Remove (stringSlice "alertname" "severity") }}`:              "cluster=prod-eu",
		`{{ reReplaceAll "(.*)-(.*)" "$2" .CommonLabels.cluster }}`:                    "eu",
		`{{ .Receiver }} {{ .ExternalURL }} {{ routeLabels "x" }}`:                     "oncall https://quell.example.com ",
		`{{ (index .Alerts 0).StartsAt | tz "Europe/Berlin" | date "15:04" }}`:         "04:14",
		`{{ .Incident.Root.Kind }} {{ .Incident.Root.Name }} {{ .Incident.Severity }}`: "node n3 critical",
		`{{ .NoSuchLabelSet }}`:                                                        "",
	} {
		got, err := set.Text(text, NewData(Samples()[5].Delivery, Options{ExternalURL: sampleURL}))
		if text == `{{ .NoSuchLabelSet }}` {
			if err == nil {
				t.Errorf("%s: got no error", text)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s:\n got %q, %v\nwant %q", text, got, err, want)
		}
	}
}

func TestProblemsOfTemplatesSayWhereAndWhatToDo(t *testing.T) {
	_, err := New(File{"t/a.tmpl", "{{ define \"a\" }}\n{{ .Incident.Title | toUper }}{{ end }}"}, File{"t/b.tmpl", "{{ if }}"}, File{"u/a.tmpl", ""})
	want := `t/a.tmpl:2:1: there is no function "toUper" (did you mean toUpper?)
t/b.tmpl:1:1: missing value for if
u/a.tmpl: there is a template file of the same name already: t/a.tmpl (rename one of them)`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	set, err := New(File{"t/a.tmpl", `{{ define "used" }}
  {{ .Incident.Titel }}{{ end }}
{{ define "of an alert" }}{{ .Labels.alertname }}{{ end }}
{{ define "unused" }}{{ .Labels.alertname }}{{ end }}
{{ define "quell.title" }}{{ index .Incident.Candidates 0 }}{{ end }}`})
	if err != nil {
		t.Fatal(err)
	}
	problems := set.CheckFiles(`{{ range .Alerts }}{{ template "of an alert" . }}{{ end }}`, `{{ template "used" . }}`)
	want = `t/a.tmpl:4:32: warning: there is no .Labels, for an incident that is escalated (no receiver uses it yet)
t/a.tmpl:5:30: error calling index: reflect: slice index out of range at <index .Incident.Candidates 0>, for an incident that is held`
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for text, want := range map[string]string{
		`{{ template "used" . }}`:         `t/a.tmpl:2:15: there is no .Titel, for an incident that is escalated (did you mean Title?)`,
		`{{ template "no such" . }}`:      `there is no template "no such" (define it in one of the files under templates:)`,
		"a\n{{ .Incident.Root.Nam }}":     `line 2 of the template: there is no .Nam, for an incident that is escalated (did you mean Name?)`,
		`{{ range 1000000000 }}{{ end }}`: `the template loops or calls others more than 20000 times, for an incident that is escalated`,
		`{{ .Incident.Title `:             `unclosed action`,
	} {
		if err := set.Check(notify.Field{Text: text}); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	if err := set.Check(notify.Field{Text: `{{ template "of an alert" (index .Alerts 0) }}`}); err != nil {
		t.Errorf("a good field has a problem: %v", err)
	}
}

// What comes from outside is escaped where the field's markup needs it, and never executed.
func TestLabelsAreNoMarkup(t *testing.T) {
	brackets := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	for _, s := range Samples() {
		text, err := Default().Render(notify.Field{Text: `{{ template "quell.text" . }}{{ template "__text_alert_list" .Alerts }}{{ .CommonLabels }}`, Escape: brackets}, s.Delivery, sampleURL)
		if err != nil || strings.ContainsAny(text, "<>") {
			t.Errorf("%s: %v\n%s", s.Name, err, text)
		}
		html, err := Default().Render(notify.Field{Text: `{{ template "quell.html" . }}`, HTML: true}, s.Delivery, sampleURL)
		if err != nil || strings.Contains(html, "<b>") || strings.Contains(html, `"javascript:`) {
			t.Errorf("%s: %v\n%s", s.Name, err, html)
		}
	}
}

func TestLiteralsAreExecutedToThemselves(t *testing.T) {
	data := NewData(Samples()[0].Delivery, Options{})
	for _, text := range []string{"", "plain", hostile, "{{ .Nope }}", "`{{`\n\"", "{{/* no comment */}}", "<a href=\"{{ x }}\">&amp;</a>"} {
		if got, err := Default().Text(Literal(text), data); err != nil || got != text {
			t.Errorf("Literal(%q): got %q, %v", text, got, err)
		}
	}
	const page = `<p title="{{ .Nope }}">&amp; {{</p>`
	if got, err := Default().HTML(LiteralHTML(page), data); err != nil || got != page {
		t.Errorf("LiteralHTML: got %q, %v", got, err)
	}
}

func TestExpandRendersACopy(t *testing.T) {
	type field struct {
		Title string `yaml:"title"`
	}
	type Inline struct {
		Note string `yaml:"note"`
	}
	type FooSecret string
	type config struct {
		Inline  `yaml:",inline"`
		Token   FooSecret         `yaml:"token"`
		Fields  []*field          `yaml:"fields"`
		Details map[string]string `yaml:"details"`
		Any     map[string]any    `yaml:"any"`
		Plain   string
		Address *url.URL
		hidden  string
	}
	c := &config{
		Inline: Inline{"{{ 1 }}"}, Token: "{{ 2 }}", Fields: []*field{{"x"}, {"{{ 3 }}"}}, Details: map[string]string{"a": "{{ 4 }}"},
		Any: map[string]any{"b": []any{"{{ 5 }}", 6}}, Plain: "plain", Address: &url.URL{Host: "{{"}, hidden: "{{ 7 }}",
	}
	before, _ := json.Marshal(c)
	paths := make(map[string]string)
	got, err := Expand(c, func(path, text string) (string, error) {
		paths[path] = text
		return "done", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"note": "{{ 1 }}", "fields[1].title": "{{ 3 }}", "details.a": "{{ 4 }}", "any.b[0]": "{{ 5 }}"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("rendered (-want +got):\n%s", diff)
	}
	if got.Note+got.Fields[1].Title+got.Details["a"]+fmt.Sprint(got.Any["b"]) != "donedonedone[done 6]" || got.Token != "{{ 2 }}" || got.hidden != c.hidden {
		t.Errorf("got %+v", got)
	}
	if after, _ := json.Marshal(c); string(after) != string(before) {
		t.Errorf("the original was changed to %s", after)
	}
	broken := errors.New("broken")
	if _, err := Expand(c, func(string, string) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
}

// No label breaks a default, and no template takes more than its budget.
func FuzzDefaultsTakeAnyLabel(f *testing.F) {
	f.Add(hostile, "{{ .Incident.Title }}")
	f.Add("x", `{{ range .Alerts }}{{ printf "%999999d" 1 }}{{ end }}`)
	f.Fuzz(func(t *testing.T, label, text string) {
		d := *Samples()[0].Delivery
		i := *d.Incident
		i.Title, i.Labels = label, correlate.LabelsOf("a", label, label, "b")
		i.Roots[0].Entity = topology.Entity(label)
		d.Incident, d.Reason = &i, label
		for _, name := range []string{"quell.subject", "quell.summary", "quell.text", "quell.markdown", "quell.html"} {
			if _, err := Default().Render(notify.Field{Text: fmt.Sprintf("{{ template %q . }}", name), HTML: name == "quell.html"}, &d, label); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		out, _ := Default().Render(notify.Field{Text: text}, &d, "")
		if len(out) > maxOutput {
			t.Errorf("%d bytes of output", len(out))
		}
	})
}

func TestAllDataAndFunctionsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	words := functions()
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Data](), reflect.TypeFor[Incident](), reflect.TypeFor[Root](), reflect.TypeFor[Symptom](), reflect.TypeFor[Entry](), reflect.TypeFor[Link](), reflect.TypeFor[am.Alert](),
	} {
		for _, f := range reflect.VisibleFields(typ) {
			if f.IsExported() && !f.Anonymous {
				words = append(words, "."+f.Name)
			}
		}
	}
	for _, d := range []string{"incident.tmpl", "mail.tmpl"} {
		text, err := defaults.ReadFile("defaults/" + d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`define "(quell\.[a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
			if m[1] != "quell.colour" && m[1] != "quell.row" { // parts of the page
				words = append(words, m[1])
			}
		}
	}
	for _, word := range words {
		if !strings.Contains(string(doc), "`"+word+"`") && !strings.Contains(string(doc), "`"+word+" ") {
			t.Errorf("%s is not documented", word)
		}
	}
}
