package lint

import (
	"regexp"
	"strings"

	"quell/internal/strictyaml"
)

var (
	// asked finds labels in a condition, by a dot; calls, such as labels.exists(…), are none.
	asked = regexp.MustCompile(`\blabels\.\??([A-Za-z_]\w*)\b(\s*\()?`)
	// filled finds labels in texts of enrich.
	filled = regexp.MustCompile(`\{\{\s*(?:\.Labels\.([A-Za-z_]\w*)|index \.Labels "([^"]*)")\s*\}\}`)
	// quotedText finds texts in a condition, in which nothing is asked for.
	quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
)

// mentions reports labels that nothing has and that stand elsewhere than in matchers: in conditions, under equal, in what is filled in.
func (c *checker) mentions(section string, m *strictyaml.Tree) {
	if section == "webhooks" {
		return // conditions there are about the JSON of others
	}
	for i, key := range m.Keys {
		item := m.Items[i]
		switch {
		case key == "when" || strings.HasSuffix(key, "_when") || section == "entities" && (key == "name" || key == "namespace" || key == "cluster") && m.Get("kind") != nil:
			c.inCondition(item)
		case key == "equal":
			for _, name := range items(item) {
				c.label(text(name), place(name))
			}
		case section == "enrich":
			for _, t := range append([]*strictyaml.Tree{item}, items(item)...) {
				for _, at := range filled.FindAllStringSubmatchIndex(text(t), -1) {
					begin, end := max(at[2], at[4]), max(at[3], at[5])
					c.labelInside(t, begin, end)
				}
			}
		}
	}
}

func (c *checker) inCondition(t *strictyaml.Tree) {
	s := quotedText.ReplaceAllStringFunc(text(t), func(q string) string { return strings.Repeat(" ", len(q)) })
	for _, at := range asked.FindAllStringSubmatchIndex(s, -1) {
		if at[4] < 0 && (at[0] == 0 || s[at[0]-1] != '.') {
			c.labelInside(t, at[2], at[3])
		}
	}
	c.compared(t)
}

// labelInside reports a label that a text names. Where that is in the file takes long to find, and most labels are known.
func (c *checker) labelInside(t *strictyaml.Tree, begin, end int) {
	if name := text(t)[begin:end]; !c.known(name) {
		c.label(name, inside(t, begin))
	}
}
