package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// receiversWith is a configuration with templates in both kinds of receivers, and the files that they are in.
func receiversWith(title, description, file string) map[string]string {
	return map[string]string{
		"pd.key": "R123", "slack.token": "xoxb-1", "t/a.tmpl": file,
		"quell.yml": `
templates: ["t/*.tmpl"]
route: {receiver: oncall}
receivers:
  - name: oncall
    slack_configs:
      - token_file: slack.token
        channel: "#ops"
        title: '` + title + `'
        text: |
          {{ template "quell.summary" . }}
          {{ template "mine" . }}
    pagerduty_configs:
      - routing_key_file: pd.key
        description: '` + description + `'
        details: {team: '{{ .CommonLabels.team }}', "path of it": "{{ .Incident.Path }}"}
`,
	}
}

func TestReceiversTakeTemplates(t *testing.T) {
	c := load(t, write(t, receiversWith("{{ .Incident.Title }}", "{{ .Incident.Why }}", `{{ define "mine" }}{{ .Incident.ID }}{{ end }}`)))
	r := c.Receivers[0]
	if got, want := r.Slack[0].Text, "{{ template \"quell.summary\" . }}\n{{ template \"mine\" . }}\n"; got != want || r.Slack[0].Title != "{{ .Incident.Title }}" {
		t.Errorf("slack: got %+v", r.Slack[0])
	}
	if diff := cmp.Diff(map[string]string{"team": "{{ .CommonLabels.team }}", "path of it": "{{ .Incident.Path }}"}, r.PagerDuty[0].Details); diff != "" || r.PagerDuty[0].Description != "{{ .Incident.Why }}" {
		t.Errorf("pagerduty: got %+v", r.PagerDuty[0])
	}
	if len(c.Warnings) != 0 {
		t.Errorf("got warnings\n%v", c.Warnings)
	}
	if other := load(t, write(t, receiversWith("a", "b", `{{ define "mine" }}{{ end }}`))); other.Hash == c.Hash || other.Templates.ID() == c.Templates.ID() {
		t.Error("another template changes no hash")
	}
}

// Each is what a user of `quell check` sees of one mistake.
func TestCheckRendersTemplates(t *testing.T) {
	const fine, mine = "{{ .Incident.Title }}", `{{ define "mine" }}{{ .Incident.ID }}{{ end }}`
	for want, files := range map[string]map[string]string{
		`quell.yml:9:16: template: there is no .Titel, for an incident that is escalated (did you mean Title?)`:         receiversWith("{{ .Incident.Titel }}", fine, mine),
		`quell.yml:9:16: template: unclosed action`:                                                                     receiversWith("{{ .Incident.Title", fine, mine),
		`quell.yml:9:16: template: the template loops or calls others more than 20000 times`:                            receiversWith("{{ range 100000 }}{{ end }}", fine, mine),
		`quell.yml:15:22: template: there is no function "toUper" (did you mean toUpper?)`:                              receiversWith(fine, "{{ .Incident.Title | toUper }}", mine),
		`quell.yml:10:15: template: line 2 of the template: there is no template "mine" (define it in one of the files`: receiversWith(fine, fine, ""),
		`t/a.tmpl:2:4: there is no .Nope, for an incident that is escalated`:                                            receiversWith(fine, fine, "{{ define \"mine\" }}\n{{ .Nope }}{{ end }}"),
		`t/a.tmpl:1:1: unexpected "}}" in define clause`:                                                                receiversWith(fine, fine, "{{ define }}"),
		`t/a.tmpl:2:29: error calling index: index out of range: 3 at <index .Incident.Affected 3>, for an inc`:         receiversWith(fine, fine, mine+"\n{{ define \"quell.text\" }}{{ index .Incident.Affected 3 }}{{ end }}"),
	} {
		_, err := Load(filepath.Join(write(t, files), "quell.yml"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// The configuration in docs/templates.md with the templates in it.
func TestTemplatesInTheDocumentLoad(t *testing.T) {
	doc, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, ok := strings.Cut(string(doc), "```"+language+"\n")
		text, _, end := strings.Cut(rest, "```")
		if !ok || !end {
			t.Fatalf("there is no %s", language)
		}
		return text
	}
	c := load(t, write(t, map[string]string{"quell.yml": block("yaml"), "templates/a.tmpl": block("gotemplate"), "slack.token": "t", "pd.key": "k"}))
	if len(c.Warnings) > 0 {
		t.Errorf("got warnings\n%v", c.Warnings)
	}
}
