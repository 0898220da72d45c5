package slack_test

import (
	"testing"
	"unicode/utf8"

	"quell/internal/fake/dice"
	"quell/notify/slack"
)

// Random texts, made of what Slack's markup is made of, never become markup, however they are cut.
func TestTextFromOutsideIsNeverMarkup(t *testing.T) {
	r := dice.New(t)
	parts := []string{"*", "_", "~", "`", "```", "<", ">", "&", "|", "!", "@", "#", "a", "1", " ", "\n", "<!here>", "<@U1>", "&lt;", "é", "😀", "-", ".", "\u200b", "http://x"}
	for range 20_000 {
		text := ""
		for range r.IntN(12) {
			text += parts[r.IntN(len(parts))]
		}
		most := 1 + r.IntN(40)
		got := slack.Escape(text, most)
		if n := utf8.RuneCountInString(got); n > most {
			t.Errorf("%q in %d runes became %d: %q", text, most, n, got)
		}
		checkMarkup(t, got)
		checkFormat(t, got)
		if t.Failed() {
			t.Fatalf("%q in %d runes became %q", text, most, got)
		}
	}
}
