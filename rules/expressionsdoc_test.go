package rules

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/rules/expr"
)

// TestDocumentOfExpressionsIsTrue evaluates every example of docs/expressions.md, and loads its rule files.
func TestDocumentOfExpressionsIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(yaml|cel)\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	env := expr.New(slices.Concat(variables, []expr.Variable{{Name: "body", Type: expr.Any}})...)
	body, err := expr.JSON([]byte(`{"title": "Disk full", "state": null, "tags": ["env:prod"], "count": 3, "host": {"name": "db1"}}`), 10)
	if err != nil {
		t.Fatal(err)
	}
	question := &question{set: &Set{}, labels: correlate.LabelsOf("alertname", "KubePodNotReady", "namespace", "shop", "pod", "cart-7d9f-x2",
		"app.kubernetes.io/name", "cart", "replicas", "3", "severity", "warning")}
	in := documented{question, body}
	examples := 0
	for _, block := range blocks {
		if block[1] == "yaml" {
			compileText(t, block[2])
			continue
		}
		for line := range strings.Lines(block[2]) {
			text, want, ok := strings.Cut(strings.TrimSpace(line), " // ")
			if !ok {
				t.Errorf("%s: no result", line)
				continue
			}
			examples++
			got := evaluated(t, env, strings.TrimSpace(text), in)
			if diff := cmp.Diff(evaluated(t, env, want, in), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
		}
	}
	if examples < 80 {
		t.Errorf("found %d examples only", examples)
	}
	// What the environment has, the document must tell of.
	names := append(env.Names(), "has", "in", "size", "type", "dyn")
	for _, name := range names {
		short := name[strings.LastIndex(name, ".")+1:]
		if !regexp.MustCompile(`\b` + short + `\b`).Match(doc) {
			t.Errorf("docs/expressions.md does not tell of %s", name)
		}
	}
}

// documented is the input of the examples.
type documented struct {
	*question
	body any
}

func (d documented) Variable(name string) any {
	if name == "body" {
		return d.body
	}
	return d.question.Variable(name)
}

// evaluated is the value of an expression as JSON, so that whole numbers of all kinds are equal.
func evaluated(t *testing.T, env *expr.Environment, text string, in expr.Input) string {
	t.Helper()
	p, err := env.Compile(text, expr.Any)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	v, err := p.Value(in)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return string(b)
}
