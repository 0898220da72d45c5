package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mrkdwn makes one line of Slack's markup out of text from outside, in which nothing is a link, a mention or a format: at most maxRunes
// runes (at least 1), counted after escaping as Slack does, and never cut within an escape.
func Mrkdwn(s string, maxRunes int) string {
	line := []rune(Line(s, maxRunes))
	for k, r := range line {
		line[k] = unformatted(line, k, r)
	}
	text := string(line)
	if strings.HasPrefix(text, ">") {
		text = "\u200b" + text // at the beginning of a line it would be a quotation
	}
	return MrkdwnAsItIs(text, maxRunes)
}

// unformatted returns a rune's look-alike if it could begin a format there: Slack knows no escape for these. Within a word they are no markup,
// so that names like node_exporter stay as they are.
func unformatted(line []rune, k int, r rune) rune {
	if r == '`' {
		return '\''
	}
	like, ok := map[rune]rune{'*': '∗', '_': 'ˍ', '~': '∼'}[r]
	if !ok || k > 0 && (unicode.IsLetter(line[k-1]) || unicode.IsDigit(line[k-1])) {
		return r
	}
	return like
}

var mrkdwnEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// MrkdwnEscape escapes the three characters that Slack's markup is made of.
func MrkdwnEscape(text string) string { return mrkdwnEscaper.Replace(text) }

// MrkdwnAsItIs does that to a line for a place in which formats do not count, in at most maxRunes runes (at least 1) of what comes out.
func MrkdwnAsItIs(line string, maxRunes int) string {
	if whole := MrkdwnEscape(line); utf8.RuneCountInString(whole) <= maxRunes {
		return whole
	}
	var b strings.Builder
	room := maxRunes - 1 // For the ellipsis.
	for _, r := range line {
		piece := MrkdwnEscape(string(r))
		if room -= utf8.RuneCountInString(piece); room < 0 {
			break
		}
		b.WriteString(piece)
	}
	return b.String() + "…"
}
