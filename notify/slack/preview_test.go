package slack_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"quell/internal/fake"
)

// preview shows a message as people see it in Slack, as far as text can: dates as in UTC, links with their addresses, buttons in brackets.
func preview(t testing.TB, m fake.SlackMessage) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(m.Text) {
		fmt.Fprintf(&b, "push | %s\n", seen(strings.TrimSuffix(line, "\n")))
	}
	var blocks []struct {
		Type     string
		Text     struct{ Text string }
		Elements []struct{ Text json.RawMessage }
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	buttons := m.Buttons()
	for _, block := range blocks {
		b.WriteString("\n")
		switch block.Type {
		case "header":
			b.WriteString("# " + seen(block.Text.Text) + "\n")
		case "section":
			b.WriteString(seen(block.Text.Text) + "\n")
		case "context":
			for _, e := range block.Elements {
				var text string
				if err := json.Unmarshal(e.Text, &text); err != nil {
					t.Fatal(err)
				}
				b.WriteString("(" + seen(text) + ")\n")
			}
		case "actions":
			for _, button := range buttons {
				style := map[string]string{"primary": "!"}[button.Style]
				fmt.Fprintf(&b, "[%s%s] ", button.Label(), style)
			}
			b.WriteString("\n")
		default:
			t.Errorf("block of type %s", block.Type)
		}
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

var (
	dateMarkup = regexp.MustCompile(`<!date\^-?\d+\^[^|]+\|([^>]+)>`)
	linkMarkup = regexp.MustCompile(`<(https?:[^|>]+)\|([^>]+)>`)
	unescaper  = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
)

// seen resolves the markup that stands for something else.
func seen(text string) string {
	text = dateMarkup.ReplaceAllString(text, "$1")
	text = linkMarkup.ReplaceAllString(text, "[$2]($1)")
	return unescaper.Replace(text)
}
