package slack_test

import (
	"strings"
	"testing"

	"quell/internal/fake"
	"quell/notify"
	"quell/notify/slack"
	"quell/notify/template"
	"quell/routing"
)

// A user's words replace quell's, labels in them stay harmless, and what cannot be rendered or says nothing costs no message. The fake refuses
// what Slack would refuse, for each of the sample incidents.
func TestUsersWordsReplaceOurs(t *testing.T) {
	for name, c := range map[string]struct {
		title, text string
		has, hasNot []string
	}{
		"words":    {"{{ .Incident.Status }}: look", "<https://example.com|wiki> {{ .Incident.Title }}", []string{"Escalated: look", "<https://example.com|wiki> ", "&lt;!channel&gt;"}, []string{"*Root cause:*", "<!channel>"}},
		"broken":   {"{{ index .Alerts 99 }}", "{{ index .Alerts 99 }}", []string{"*Root cause:*"}, []string{"error"}},
		"nothing":  {" {{/* nothing */}} ", "{{ .CommonLabels.nope }}", []string{"*Root cause:*"}, nil},
		"too long": {`{{ printf "%500d" 1 }}`, `{{ range 5000 }}<b{{ end }}`, []string{"…"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := fake.StartSlack()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			var broken []string
			env := notify.Environment{HTTP: notify.NewHTTPClient(), Templates: template.Default(), Broken: func(_ *routing.Delivery, field string, _ error) { broken = append(broken, field) }}
			in := slack.New(notify.SlackConfig{Token: "xoxb-1", Channel: "#ops", APIURL: s.APIURL(), Title: c.title, Text: c.text, NoPictures: true}, env)
			var all strings.Builder
			for _, sample := range template.Samples() {
				if sample.Delivery.Incident == nil {
					continue
				}
				if _, err := in.Notify(t.Context(), sample.Delivery, notify.Sent{}); err != nil {
					t.Errorf("%s: %v", sample.Name, err)
				}
			}
			for _, m := range s.Messages() {
				all.WriteString(m.Text + "\n" + string(m.Blocks) + "\n")
			}
			said := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(all.String())
			for _, want := range c.has {
				if !strings.Contains(said, want) {
					t.Errorf("no message has %q", want)
				}
			}
			for _, bad := range c.hasNot {
				if strings.Contains(said, bad) {
					t.Errorf("a message has %q", bad)
				}
			}
			if got := len(broken) > 0; got != (name == "broken") {
				t.Errorf("got broken fields %v", broken)
			}
		})
	}
}
