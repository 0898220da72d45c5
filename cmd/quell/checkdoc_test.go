package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/internal/lint"
)

// Sections and examples of docs/checking.md.
var (
	kindSection = regexp.MustCompile(`(?m)^### (\S+)\n`)
	exampleFile = regexp.MustCompile("(?s)```yaml\n# ([^\n,]+)(, readable by all)?\n(.*?)```\n")
	okLine      = regexp.MustCompile(`(?m)^\S+: OK .*\n`)
	packLine    = regexp.MustCompile(`pack (\S+):\d+`)
	saidBlock   = regexp.MustCompile("(?s)```text\n(.*?)```\n\n?")
)

// withoutExample are kinds that no example can show, with the reason.
var withoutExample = map[string]string{"warning": "there is no such case at present"}

// exampleConfig is the configuration of examples that show only rules.
const exampleConfig = `route: {receiver: oncall}
receivers: [{name: oncall, webhook_configs: [{url: "http://127.0.0.1:1"}]}]
rules: {files: ["rules/*.yml"]}
`

// TestEveryKindOfFindingIsDocumented: each kind has a section in docs/checking.md with an example, and what check says of the example stands
// below it. With -update that is written there.
func TestEveryKindOfFindingIsDocumented(t *testing.T) {
	doc, err := filepath.Abs("../../docs/checking.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]lint.Kind)
	for _, k := range lint.Kinds {
		known[k.Name] = k
	}
	starts := kindSection.FindAllSubmatchIndex(text, -1)
	fresh := append([]byte(nil), text[:starts[0][0]]...)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		kind, section := string(text[at[2]:at[3]]), string(text[at[0]:end])
		if _, ok := known[kind]; !ok {
			t.Errorf("there is no kind %q", kind)
		}
		if withoutExample[kind] == "" {
			section = checkExample(t, known[kind], section)
		}
		delete(known, kind)
		fresh = append(fresh, section...)
	}
	for kind := range known {
		t.Errorf("docs/checking.md says nothing of %q", kind)
	}
	if *update {
		if err := os.WriteFile(doc, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(text), string(fresh)); diff != "" {
		t.Errorf("docs/checking.md (-says +is; run with -update and read the diff):\n%s", diff)
	}
}

// checkExample runs check on the files of a section and returns the section with what it says.
func checkExample(t *testing.T, kind lint.Kind, section string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	files := exampleFile.FindAllStringSubmatchIndex(section, -1)
	if len(files) == 0 {
		t.Errorf("%s has no example", kind.Name)
		return section
	}
	if err := os.WriteFile("quell.yml", []byte(exampleConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, mode := section[f[2]:f[3]], os.FileMode(0o600)
		if f[4] >= 0 {
			mode = 0o644
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		// The first line is its name, so that lines are counted as in the document.
		if err := os.WriteFile(name, []byte("# "+name+"\n"+section[f[6]:f[7]]), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".token") {
			if err := os.WriteFile(name, []byte(section[f[6]:f[7]]), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	var stdout, stderr bytes.Buffer
	status := run([]string{"check", "-c", "quell.yml"}, nil, &stdout, &stderr)
	if want := kind.Severity == lint.Error; status != map[bool]int{true: statusWrong, false: statusFine}[want] || stderr.Len() > 0 {
		t.Errorf("%s: status %d, %s%s", kind.Name, status, &stdout, &stderr)
	}
	said := okLine.ReplaceAllString(stdout.String(), "")
	said = packLine.ReplaceAllString(said, "pack $1:118") // packs grow
	stdout.Reset()
	_ = run([]string{"check", "-c", "quell.yml", "-o", "json"}, nil, &stdout, &stderr)
	if found := fmt.Sprintf(`"kind": %q`, kind.Name); !strings.Contains(stdout.String(), found) {
		t.Errorf("%s: the example shows %s", kind.Name, &stdout)
	}
	last := files[len(files)-1][1]
	rest := strings.TrimLeft(saidBlock.ReplaceAllString(section[last:], ""), "\n")
	return section[:last] + "\n```text\n" + said + "```\n\n" + rest
}
