package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table writes the keys of a map as a table of Markdown, those that are needed first, and each with what is below it. Keys that are
// refused are left out.
func Table(s *Schema) string {
	var b strings.Builder
	b.WriteString("| key | meaning |\n| --- | --- |\n")
	s.rows(&b, "")
	return b.String()
}

func (s *Schema) rows(b *strings.Builder, path string) {
	for _, key := range s.inOrder() {
		p := s.Properties[key]
		if p.Deprecated {
			continue
		}
		text := p.Description
		if words := p.words(); words != "" {
			text += " One of " + words + "."
		}
		if slices.Contains(s.Required, key) {
			text += " Needed."
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", path+key, strings.ReplaceAll(text, "|", `\|`))
		p.rows(b, path+key+".")
		if p.Items != nil {
			p.Items.rows(b, path+key+"[].")
		}
	}
}

// inOrder are the keys, those that are needed first.
func (s *Schema) inOrder() []string {
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Properties)), func(key string) bool { return slices.Contains(s.Required, key) })
	return append(slices.Clone(s.Required), others...)
}

// words are the values that there are, where they can be listed.
func (s *Schema) words() string {
	var words []string
	for _, v := range s.Enum {
		if v != nil {
			words = append(words, fmt.Sprintf("`%v`", v))
		}
	}
	return strings.Join(words, ", ")
}
