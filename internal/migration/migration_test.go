package migration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quell/internal/fake/golden"
	"quell/internal/strictyaml"
)

// told is all that is said of a migration.
func told(r *Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d routes, %d receivers, %d time intervals, %d inhibit rules\n", r.Routes, r.Receivers, r.Intervals, r.Inhibitions)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s %s\n", map[bool]string{true: "lost     ", false: "different"}[n.Lost], n)
	}
	for _, s := range r.Secrets {
		fmt.Fprintf(&b, "secret %s %q: %s\n", s.Path, s.Value, s.For)
	}
	return b.String()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Alertmanager's own example, kube-prometheus' default, and a file with all there is. What is secret in them says HUSH.
func TestConfigurationsBecomeWhatTheyWere(t *testing.T) {
	for _, name := range []string{"kube-prometheus", "everything", "good"} {
		r, err := Alertmanager(name+".yml", read(t, "testdata/"+name+".yml"), Options{Folder: "../am"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden.Compare(t, name+".golden.yml", string(r.YAML))
		golden.Compare(t, name+".notes.golden", told(r))
		if strings.Contains(string(r.YAML), "HUSH") {
			t.Errorf("%s: the new file holds a credential", name)
		}
		for _, n := range r.Notes {
			if strings.Contains(n.String(), "HUSH") {
				t.Errorf("%s: a note holds a credential: %s", name, n)
			}
		}
	}
}

func TestProblemsSayWhere(t *testing.T) {
	_, err := Alertmanager("bad.yml", read(t, "testdata/bad.yml"), Options{})
	if err == nil {
		t.Fatal("a bad file is taken")
	}
	golden.Compare(t, "bad.golden", err.Error()+"\n")
}

// bad matches Alertmanager's names of files that it does not take.
var bad = regexp.MustCompile(`both|-no-(api|bot|webhook|token)|invalid|slack-update|nil-match|nil-source|nil-target|old-team`)

// Each file of Alertmanager's own tests is taken if Alertmanager takes it, and what comes of it can be read.
func TestAlertmanagersOwnFilesAreTaken(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/alertmanager").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	files := 0
	for _, pattern := range []string{"config/testdata/*.yml", "doc/examples/*.yml", "examples/ha/*.yml"} {
		matches, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range matches {
			files++
			name := filepath.Base(path)
			data := read(t, path)
			r, err := Alertmanager(name, data, Options{})
			if wrong := bad.MatchString(name); wrong != (err != nil) {
				t.Errorf("%s: got error %v", name, err)
				continue
			}
			if err == nil {
				checkReadable(t, r)
			}
		}
	}
	if files < 45 {
		t.Errorf("only %d files", files)
	}
}

// checkReadable reads the new file as YAML.
func checkReadable(t *testing.T, r *Result) {
	t.Helper()
	if problems := strictyaml.Read("quell.yml", r.YAML, func(n strictyaml.Node) { n.Tree() }); len(problems) > 0 {
		t.Errorf("%v in\n%s", problems, r.YAML)
	}
}

// Whatever is in a file, the importer ends, and what it makes says the same when it is read again.
func FuzzAlertmanager(f *testing.F) {
	matches, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range matches {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("route: {receiver: \"\\u2028# a\"}\nreceivers: [{name: \"\\u2028# a\", webhook_configs: [{url: 'a: b\n\n c', x: \"|\\n  y\\n\"}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Alertmanager("alertmanager.yml", data, Options{})
		if err != nil {
			return
		}
		checkReadable(t, r)
		names := make(map[string]bool)
		for _, s := range r.Secrets {
			if names[s.Path] || strings.ContainsAny(s.Name, "/\\\x00") || s.Name == ".." {
				t.Errorf("bad file %q for a credential", s.Path)
			}
			names[s.Path] = true
		}
	})
}

// Values come back as they were, whatever they look like.
func FuzzScalarsComeBack(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "1", "1e3", "0x1", "true", "no", "null", "~", "-", "- a", "a: b", "#x", "a #b", "'", "\"", "a\nb", "a\nb\n", " a\n", "\n", "\t", "a\n\n", "{{ x }}", "*a", "&a", "%a", "@a", "`a", "|", ">", "\u2028", "é🔥", "09:00", "a\n b\nc", "---\na", "...\nb", "a\r\nb", "\ufeffx\ny"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		doc := strings.Join(append(entry("a", text(s)), entry("b", texts([]string{s, "x"}))...), "\n") + "\n"
		var a string
		var b []string
		problems := strictyaml.Read("a.yml", []byte(doc), func(n strictyaml.Node) {
			t := n.Tree()
			a = t.Get("a").Text
			for _, item := range t.Get("b").Items {
				b = append(b, item.Text)
			}
		})
		if len(problems) > 0 || a != s || len(b) != 2 || b[0] != s || b[1] != "x" {
			t.Errorf("%q became %q, %q (%v) by\n%s", s, a, b, problems, doc)
		}
	})
}
