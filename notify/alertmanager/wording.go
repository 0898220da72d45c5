package alertmanager

import (
	"strings"
	"unicode"
)

// cut shortens text to at most maxRunes runes (at least 1); where something is missing there is an ellipsis.
func cut(text string, maxRunes int) string {
	n := 0
	for at := range text {
		if n++; n == maxRunes {
			rest := text[at:]
			if len([]rune(rest)) == 1 {
				return text
			}
			return text[:at] + "…"
		}
	}
	return text
}

// escapeMarkdown makes text from outside stand for itself in the Markdown that chats know, outside of code, and wake nobody: a zero-width
// space takes its meaning from an @ that begins a word. That in pod/shop/cart@prod stays, so that names can be copied.
func escapeMarkdown(text string) string {
	var b strings.Builder
	before := ' '
	for _, r := range text {
		if strings.ContainsRune("\\`*_[]<>~|#", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		if r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			b.WriteRune('\u200b')
		}
		before = r
	}
	return b.String()
}

// plainASCII keeps the printable ASCII of the first line of text, at most maxBytes of it.
func plainASCII(text string, maxBytes int) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	var b strings.Builder
	for _, r := range text {
		switch {
		case b.Len() == maxBytes:
			return b.String()
		case r == '…':
			b.WriteByte('.')
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escapeHTML makes text stand for itself in the little HTML that Telegram knows.
var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
