package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"quell/internal/lint"
	"quell/rules/packs"
)

// keyAtBegin is a line of YAML that begins with a key.
var keyAtBegin = regexp.MustCompile(`^(\s*(?:- )?\{?)([a-z][a-z_]+)(:(?: |$).*)$`)

// oneEdit changes one thing in a YAML file as people do by accident. Misspelt is the key that is no key any more, if that was it.
func oneEdit(r *rand.Rand, text string) (edited, misspelt string) {
	lines := strings.Split(text, "\n")
	at := r.IntN(len(lines))
	line := lines[at]
	switch r.IntN(7) {
	case 0: // a line is gone
		return strings.Join(append(lines[:at:at], lines[at+1:]...), "\n"), ""
	case 1, 2: // a key is misspelt
		m := keyAtBegin.FindStringSubmatch(line)
		if m == nil {
			return text, ""
		}
		key := []byte(m[2])
		key[r.IntN(len(key))] = "qxzj"[r.IntN(4)]
		if lines[at] = m[1] + string(key) + m[3]; string(key) != m[2] {
			misspelt = string(key)
		}
	case 3: // the indentation is another
		lines[at] = []string{" ", "  ", "\t", "    "}[r.IntN(4)] + line
	case 4:
		lines[at] = strings.TrimPrefix(line, "  ")
	case 5: // a character is gone, or another
		if runes := []rune(line); len(runes) > 0 {
			k := r.IntN(len(runes))
			lines[at] = string(runes[:k]) + []string{"", "\"", "{", "]", ":", "#", "\x1b", "é", "0", "&a ", "*a", "<<: "}[r.IntN(12)] + string(runes[k+1:])
		}
	case 6: // two lines changed places
		other := r.IntN(len(lines))
		lines[at], lines[other] = lines[other], lines[at]
	}
	return strings.Join(lines, "\n"), misspelt
}

// TestOneEditOfAConfigurationIsToldWhereItIs edits configurations and rules at random: nothing panics, every finding is one line whose place
// is in the file, and no key that is misspelt is taken without a word.
func TestOneEditOfAConfigurationIsToldWhereItIs(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/shop")); err != nil {
		t.Fatal(err)
	}
	pack, _ := packs.Text("kubernetes")
	writeText(t, filepath.Join(dir, "pack.yml"), pack)
	writeText(t, filepath.Join(dir, "other.yml"), "rules: {files: [pack.yml], packs: []}\nroute: {receiver: a}\nreceivers: [{name: a}]\n")
	r := rand.New(rand.NewPCG(1, 7))
	for _, c := range []struct {
		file, config string
		edits        int
	}{{"quell.yml", "quell.yml", 12}, {"rules/shop.rules.yml", "quell.yml", 8}, {"pack.yml", "other.yml", 8}} {
		path := filepath.Join(dir, c.file)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range c.edits {
			edited, misspelt := oneEdit(r, string(before))
			writeText(t, path, edited)
			checkTold(t, filepath.Join(dir, c.config), misspelt)
			if t.Failed() {
				t.Fatalf("in %s:\n%s", c.file, edited)
			}
		}
		writeText(t, path, string(before))
	}
}

// checkTold checks a configuration, and what is told of it.
func checkTold(t *testing.T, path, misspelt string) {
	t.Helper()
	v := judge(path, nil, false)
	told := misspelt == ""
	for _, f := range v.findings {
		text, err := os.ReadFile(f.File)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		lines := strings.Split(string(text), "\n")
		if f.Line < 1 || f.Line > len(lines) || f.Col < 1 || f.Col > utf8.RuneCountInString(lines[f.Line-1])+1 {
			t.Errorf("%s: the file has no such place", f)
		}
		if strings.ContainsFunc(f.String(), unicode.IsControl) {
			t.Errorf("%q is no line for a terminal", f.String())
		}
		told = told || f.Severity == lint.Error
	}
	if !told {
		t.Errorf("nobody hears that %q is no key", misspelt)
	}
	if (v.config == nil) != v.failed {
		t.Errorf("%+v is neither good nor bad", v)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
