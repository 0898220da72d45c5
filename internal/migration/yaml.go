package migration

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// lines are YAML without indentation; what is within something else is indented there.
type lines []string

// indent moves lines to the right.
func (ls lines) indent() lines {
	out := make(lines, len(ls))
	for i, l := range ls {
		if l != "" {
			out[i] = "  " + l
		}
	}
	return out
}

// item makes an item of a list. Comments at its begin stay in front of it.
func (ls lines) item() lines {
	first := slices.IndexFunc(ls, func(l string) bool { return !strings.HasPrefix(l, "#") })
	if first < 0 {
		return append(slices.Clone(ls), "- {}")
	}
	out := slices.Clone(ls[:first])
	for i, l := range ls[first:] {
		switch {
		case i == 0:
			l = "- " + l
		case l != "":
			l = "  " + l
		}
		out = append(out, l)
	}
	return out
}

// comment makes comment lines of text, at most about 110 characters wide.
func comment(text string) (out lines) {
	const width = 110
	line := ""
	for word := range strings.FieldsSeq(clean(text)) {
		if line != "" && len(line)+len(word) >= width {
			out, line = append(out, "# "+line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(out, "# "+line)
}

// clean makes one line of what may stand in a comment.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfeff || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// entry writes a key with its value.
func entry(key string, t *strictyaml.Tree) lines {
	k := scalar(key, true)
	if t.Kind == strictyaml.Scalar && t.Plain && slices.Contains(booleans, key) {
		t = boolean(t)
	}
	switch inline, block := value(t); {
	case block == nil:
		return lines{k + ": " + inline}
	case inline != "": // a block of text
		return append(lines{k + ": " + inline}, block.indent()...)
	default:
		return append(lines{k + ":"}, block.indent()...)
	}
}

// booleans are keys whose value Alertmanager's YAML reads as true or false in more words than those.
var booleans = []string{
	"send_resolved", "require_tls", "smtp_require_tls", "force_implicit_tls", "smtp_force_implicit_tls", "insecure_skip_verify", "follow_redirects", "enable_http2",
	"proxy_from_environment", "update_alerts", "disable_notifications", "html", "short_fields", "link_names", "short", "enabled",
}

// boolean writes the words of YAML 1.1 as true and false.
func boolean(t *strictyaml.Tree) *strictyaml.Tree {
	words := map[string]string{"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
	if plain, ok := words[strings.ToLower(t.Text)]; ok {
		return &strictyaml.Tree{Kind: strictyaml.Scalar, Text: plain, Plain: true, At: t.At}
	}
	return t
}

// value is either one line, or a block; a block of text has its header in inline.
func value(t *strictyaml.Tree) (inline string, block lines) {
	switch {
	case t.Kind == strictyaml.Scalar && isBlock(t):
		text, header := t.Text, "|-"
		if strings.HasSuffix(text, "\n") {
			text, header = strings.TrimSuffix(text, "\n"), "|"
		}
		return header, strings.Split(text, "\n")
	case t.Kind == strictyaml.Scalar:
		return scalar(t.Text, t.Plain), nil
	case t.Kind == strictyaml.Map && len(t.Keys) > 0:
		for i, key := range t.Keys {
			block = append(block, entry(key, t.Items[i])...)
		}
		return "", block
	case t.Kind == strictyaml.Map:
		return "{}", nil
	case t.Kind == strictyaml.List && isShort(t):
		words := make([]string, len(t.Items))
		for i, item := range t.Items {
			words[i] = scalar(item.Text, item.Plain)
		}
		return "[" + strings.Join(words, ", ") + "]", nil
	case t.Kind == strictyaml.List:
		for _, item := range t.Items {
			switch inline, within := value(item); {
			case within == nil:
				block = append(block, "- "+inline)
			case inline != "":
				block = append(append(block, "- "+inline), within.indent()...)
			default:
				block = append(block, within.item()...)
			}
		}
		return "", block
	}
	return "null", nil
}

// isBlock reports text that reads best as it is, line by line, and that YAML gives back so.
func isBlock(t *strictyaml.Tree) bool {
	body := strings.TrimSuffix(t.Text, "\n")
	if !strings.Contains(body, "\n") && !strings.HasSuffix(t.Text, "\n") || strings.HasSuffix(body, "\n") || body == "" {
		return false
	}
	for i, l := range strings.Split(body, "\n") {
		if clean(l) != l || strings.TrimRight(l, " ") != l || i == 0 && (l == "" || l[0] == ' ') || strings.HasPrefix(l, "---") || strings.HasPrefix(l, "...") {
			return false
		}
	}
	return true
}

// word is what needs no quotes anywhere.
var word = regexp.MustCompile(`^(\.{1,2}/)?[A-Za-z_/][A-Za-z0-9_./+@-]*$`)

// number is what is no text without quotes, though it looks like one.
var number = regexp.MustCompile(`^[-+]?(\.?[0-9][0-9a-zA-Z_.]*)$`)

// isShort reports a list of a few words.
func isShort(t *strictyaml.Tree) bool {
	room := 80
	for _, item := range t.Items {
		if item.Kind != strictyaml.Scalar || !word.MatchString(item.Text) && !number.MatchString(item.Text) {
			return false
		}
		room -= len(item.Text) + 2
	}
	return room >= 0
}

// scalar writes a scalar. Plain says that it was written without quotes: a number or true stays one.
func scalar(text string, plain bool) string {
	switch {
	case plain && (number.MatchString(text) || text == "true" || text == "false"):
		return text
	case number.MatchString(text) || text == "" || isReserved(text):
		return quote(text)
	case word.MatchString(text):
		return text
	}
	return quote(text)
}

// isReserved reports words that some YAML parser takes for something else.
func isReserved(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n", "~", ".nan", ".inf":
		return true
	}
	return false
}

// quote writes text in quotes: single ones where nothing has to be escaped.
func quote(text string) string {
	if clean(text) == text && !strings.ContainsAny(text, "\ufffd") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	b, _ := json.Marshal(text) // a string can always be encoded, and YAML reads what JSON writes
	return string(b)
}

// text makes a scalar.
func text(s string) *strictyaml.Tree { return &strictyaml.Tree{Kind: strictyaml.Scalar, Text: s} }

// texts makes a list of scalars.
func texts(list []string) *strictyaml.Tree {
	t := &strictyaml.Tree{Kind: strictyaml.List}
	for _, s := range list {
		t.Items = append(t.Items, text(s))
	}
	return t
}
