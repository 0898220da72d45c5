package expr

import (
	"strings"
	"testing"

	"quell/internal/strictyaml"
)

// TestSetterPointsIntoTheExpressionHoweverItIsWritten writes one mistake in every style of YAML, and expects the place of the misspelt
// name in the file.
func TestSetterPointsIntoTheExpressionHoweverItIsWritten(t *testing.T) {
	const mistake = "severty"
	for name, text := range map[string]string{
		"plain":                  `when: labels.pod != "" && severty == "x"`,
		"plain over lines":       "when: labels.pod != \"\" &&\n  true &&\n    severty == \"x\"",
		"single quotes":          `when: 'labels.pod != ''a'' && severty == "x"'`,
		"double quotes":          `when: "labels.pod != \"a\u00e4\" && severty == 'x'"`,
		"double quotes, folded":  "when: \"labels.pod != ''\n    && \\\n  severty == 'x'\"",
		"double quotes, escapes": `when: "labels.pod != ''\n\t&& severty == 'x'"`,
		"literal block":          "when: |\n  labels.pod != \"ä\" &&\n    severty == \"x\"\n",
		"folded block":           "when: >-   # why\n    labels.pod != \"\"\n    && severty == \"x\"\n",
		"in braces":              `{when: 'severty == "x"'}`,
		"at the end":             "list: [1]\nwhen: labels.pod == severty",
	} {
		var p *Program
		problems := strictyaml.Read("f.yml", []byte(text), func(n strictyaml.Node) {
			n.Pick(strictyaml.Fields{"when": testEnv.Setter(&p, Bool)})
		})
		line, col := strictyaml.Position([]byte(text), strings.Index(text, mistake))
		want := strictyaml.Problem{File: "f.yml", Line: line, Col: col, Text: `unknown name "severty"`, Hint: "did you mean severity?"}
		if len(problems) != 1 || problems[0] != want {
			t.Errorf("%s:\n got %v\nwant %v", name, problems, want)
		}
		if p != nil {
			t.Errorf("%s: got a program in spite of the problem", name)
		}
	}
}
