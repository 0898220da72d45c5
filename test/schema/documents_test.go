// Package schema tests that the JSON Schemas and the readers of quell's files agree: on every file and example of this repository, and on
// random ones.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"quell/correlate"
	"quell/internal/config"
	"quell/internal/strictyaml"
	"quell/rules"
)

// language is one of the two kinds of files: a schema, and a reader that must agree with it.
type language struct {
	name string
	// tree is the schema as JSON; text is what was published.
	tree   map[string]any
	text   []byte
	schema *jsonschema.Schema
	read   func(text []byte) strictyaml.Problems
	// refused are the problems of keys that are known and have no meaning.
	refused map[string]bool
}

func languages(t testing.TB) []*language {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pd.key": "k", "pd-webhook.secret": "k", "lead.key": "k", "slack.token": "t", "topology.json": "{}", "rules/a.yml": "", "prod-us.kubeconfig": "",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return []*language{
		newLanguage(t, "rules", rules.Schema, func(text []byte) strictyaml.Problems {
			_, err := rules.Compile(&correlate.Policy{Rules: []correlate.RuleFile{{Name: "f.yml", Text: string(text)}}})
			problems, _ := errors.AsType[strictyaml.Problems](err)
			return problems
		}),
		newLanguage(t, "config", config.Schema, func(text []byte) strictyaml.Problems {
			_, err := config.Parse("quell.yml", text, dir)
			problems, _ := errors.AsType[strictyaml.Problems](err)
			return problems
		}),
	}
}

func newLanguage(t testing.TB, name string, describe func() (*strictyaml.Schema, error), read func([]byte) strictyaml.Problems) *language {
	t.Helper()
	s, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	l := &language{name: name, read: read, refused: make(map[string]bool)}
	if l.text, err = s.Document(name); err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(l.text))
	if err != nil {
		t.Fatal(err)
	}
	l.tree = tree.(map[string]any)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, tree); err != nil {
		t.Fatal(err)
	}
	if l.schema, err = c.Compile(name); err != nil {
		t.Fatal(err)
	}
	l.refusals(l.tree)
	return l
}

// refusals collects what the schema says of keys that have no meaning.
func (l *language) refusals(node any) {
	switch v := node.(type) {
	case map[string]any:
		if text, ok := v["description"].(string); ok && v["deprecated"] == true {
			l.refused[strings.TrimSuffix(strings.TrimPrefix(text, "Refused: "), ".")] = true
		}
		for _, part := range v {
			l.refusals(part)
		}
	case []any:
		for _, part := range v {
			l.refusals(part)
		}
	}
}

// formal are problems with the form of a value, which a schema can see.
var formal = regexp.MustCompile(`^unknown key |^want .*, got |is none of |^".*" is not between |is neither a whole number nor |^key ".*" is missing|` +
	`^empty text|^empty item|is no duration|is no size|is no http or https address`)

// unseen are problems that no schema can see and that say nothing of the document: files that are not there.
var unseen = regexp.MustCompile(`cannot be read`)

// compare reads a document both ways. The schema must not refuse what the reader takes, and the reader must find nothing wrong with the
// form of what the schema takes.
func (l *language) compare(t *testing.T, where string, text []byte) (valid bool) {
	t.Helper()
	var problems, shape []string
	for _, p := range l.read(text) {
		switch what := p.Text; {
		case p.Warning || unseen.MatchString(what):
		case formal.MatchString(what) || l.refused[what] || l.refused[what+" ("+p.Hint+")"]:
			shape = append(shape, p.String())
			fallthrough
		default:
			problems = append(problems, p.String())
		}
	}
	value, err := instance(text)
	if err != nil {
		if len(problems) == 0 {
			t.Errorf("%s: the reader takes what is no YAML: %v", where, err)
		}
		return false
	}
	err = l.schema.Validate(value)
	if err != nil && len(problems) == 0 {
		t.Errorf("%s: the schema of %s refuses what the reader takes: %v\n%s", where, l.name, err, text)
	}
	if err == nil && len(shape) > 0 {
		t.Errorf("%s: the schema of %s takes what the reader refuses:\n%s\n%s", where, l.name, strings.Join(shape, "\n"), text)
	}
	return len(problems) == 0
}

// instance is a document as a validator wants it.
func instance(text []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	if v == nil {
		v = map[string]any{} // an empty file
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// document is a piece of text of the repository.
type document struct {
	where string
	text  []byte
}

// fenced is a block of YAML in a document.
var fenced = regexp.MustCompile("(?s)```ya?ml[^\n]*\n(.*?)```")

// documents are all YAML texts of the repository: files, members of archives, blocks of documents.
func documents(t *testing.T) []document {
	t.Helper()
	root := os.DirFS("../..")
	var all []document
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "bin"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		ext := filepath.Ext(path)
		if !slices.Contains([]string{".yml", ".yaml", ".md", ".txtar"}, ext) {
			return nil
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		switch ext {
		case ".md":
			for i, block := range fenced.FindAllSubmatch(data, -1) {
				all = append(all, document{fmt.Sprintf("%s block %d", path, i+1), block[1]})
			}
		case ".txtar":
			for _, f := range txtar.Parse(data).Files {
				if e := filepath.Ext(f.Name); e == ".yml" || e == ".yaml" {
					all = append(all, document{path + " " + f.Name, f.Data})
				}
			}
		default:
			all = append(all, document{path, data})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// isOf reports whether a document is of a language, by its keys.
func (l *language) isOf(text []byte) bool {
	var top map[string]any
	if yaml.Unmarshal(text, &top) != nil || len(top) == 0 {
		return false
	}
	known, all := 0, l.tree["properties"].(map[string]any)
	for key := range top {
		if all[key] != nil {
			known++
		}
	}
	if l.name == "config" {
		return top["route"] != nil && top["receivers"] != nil && top["global"] == nil || known > 1 && known == len(top)
	}
	return 2*known > len(top)
}

// TestSchemasAndReadersAgreeOnEveryDocument of this repository, good and bad ones.
func TestSchemasAndReadersAgreeOnEveryDocument(t *testing.T) {
	all := documents(t)
	for _, l := range languages(t) {
		t.Run(l.name, func(t *testing.T) {
			good, bad := 0, 0
			for _, d := range all {
				if !l.isOf(d.text) {
					continue
				}
				if l.compare(t, d.where, d.text) {
					good++
				} else {
					bad++
				}
			}
			t.Logf("%d documents are taken, %d refused", good, bad)
			if good < 10 || bad == 0 {
				t.Errorf("got %d documents that are taken and %d that are refused, want more", good, bad)
			}
		})
	}
}

// TestSchemasAndReadersAgreeOnEveryMistake: each document is wrong in one way.
func TestSchemasAndReadersAgreeOnEveryMistake(t *testing.T) {
	const start = "route: {receiver: a}\nreceivers: [{name: a}]\n"
	mistakes := map[string][]string{
		"config": {
			"", "route: {receiver: a}", start + "hodl: {default: 5m}", start + "hold: {default: 5}", start + "hold: {default: five}", start + "hold: [default]",
			start + "hold: {cases: 0}", start + "hold: {cases: 1.5}", start + "hold: {threshold: 1.5}", start + "hold: {threshold: sometimes}",
			start + "hold: {not_for: urgent}", start + "log: {level: loud}", start + "server: {listen: ''}", start + "server: {max_body_bytes: 12MB}",
			start + "server: {external_url: example.org}", start + "inhibit_rules: {}", start + "storage: {retention: {dead_letters: yes}}",
			start + "heartbeats: [{name: x}]", start + "safe_mode: {matchers: severity=critical}",
			"route: {receiver: a, group_by: [x]}\nreceivers: [{name: a}]", "route: {receiver: a, routes: [{receiver: a, routes: [{match: {a: b}}]}]}\nreceivers: [{name: a}]",
			"route: {receiver: a, routes: [~]}\nreceivers: [{name: a}]", "route: {receiver: ~}\nreceivers: [{name: a}]",
			"route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{token: x, channel: c, token_file: f}]}]",
			"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', nonsense: 1}]}]",
			"route: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: a@b, auth_password: secret}]}]",
		},
		"rules": {
			"hold: []", "holds: {}", "holds: [{name: a, matchers: []}]", "holds: [{name: a, matchers: [], hold: soon}]", "holds: [{name: a, matchers: [], hold: 5}]",
			"holds: [{name: a, matchers: [], hold: 5m, threshold: 1}]", "holds: [{name: '', matchers: [], hold: 5m}]", "holds: [{name: 1, matchers: [], hold: 5m}]",
			"holds: [{name: a, matchers: 'x=y', hold: 5m}]", "holds: [{name: a, matchers: ['x'], hold: 5m}]", "symptoms: [{name: a, matchers: [], severity: bad}]",
			"events: [{reason: A, meaning: symptom}]", "events: [{reason: [A], meaning: none}]", "events: [{reason: [A], kind: [Pod], meaning: heal}]",
			"causes: [{cause: a, effect: b, on: near}]", "causes: [{cause: a, effect: b, on: far, weight: 1}]", "dependencies: [{from: checkout, to: service/a/b}]",
			"edge_types: [{name: x, redundancy: most}]", "edge_types: [{name: x, redundancy: 0}]", "edge_types: [{name: x, owns: 1}]",
			"entities: [{name: a, matchers: [], entity: {kind: pod}}]", "critical: [{name: a, entities: [~]}]", "- a", "text",
		},
	}
	for _, l := range languages(t) {
		for _, text := range mistakes[l.name] {
			if l.compare(t, "mistake", []byte(text)) {
				t.Errorf("the reader takes %q", text)
			}
			value, err := instance([]byte(text))
			if err != nil {
				t.Errorf("%q: %v", text, err)
			} else if l.schema.Validate(value) == nil {
				t.Errorf("the schema of %s takes %q", l.name, text)
			}
		}
	}
}
