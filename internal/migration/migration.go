// Package migration turns a configuration of Alertmanager into one of quell, and says what could not be carried over.
//
// It is pure: bytes in, bytes out. It reads Alertmanager's YAML by itself, since Alertmanager's own package forgets where in the file
// something was, and hides credentials, which have to go into files of their own here.
package migration

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// Options say where the new configuration will be.
type Options struct {
	// Folder is the old file's folder as seen from the new one: what relative paths in it begin with then. Empty means the same folder.
	Folder string
	// Secrets is the folder for credentials as seen from the new file. Empty means secrets.
	Secrets string
}

// Result is a new configuration.
type Result struct {
	// YAML is the file.
	YAML []byte
	// Notes say what is different, in the order of the old file.
	Notes []Note
	// Secrets are the credentials that were in the old file, in the order of their paths.
	Secrets []Secret
	// Routes, Receivers, Intervals and Inhibitions count what was carried over.
	Routes, Receivers, Intervals, Inhibitions int
}

// Lost counts the notes that tell of a loss.
func (r *Result) Lost() (n int) {
	for _, note := range r.Notes {
		if note.Lost {
			n++
		}
	}
	return n
}

// Note is one thing that is different in quell, with its place in the old file.
type Note struct {
	// Problem has the place; its text says what is different and why, its hint what to do.
	strictyaml.Problem
	// Lost is true if something does not work any more until somebody does it. Else it needs no attention.
	Lost bool
	// More counts the other places in the file of which the same is true.
	More int
}

// String returns "file:line:col: text (hint)".
func (n Note) String() string {
	if n.More > 0 {
		n.Text += fmt.Sprintf(", here and in %d more place%s", n.More, map[bool]string{true: "s"}[n.More > 1])
	}
	return n.Problem.String()
}

// Secret is a credential that belongs into a file.
type Secret struct {
	// Path is the file's, as seen from the new configuration, and Name its last part.
	Path, Name string
	// Value is the credential. Empty means that the old file did not have it.
	Value string
	// For says what it is.
	For string
}

// Alertmanager reads a configuration of Alertmanager. Name stands for it in problems. The error is of type [strictyaml.Problems]: the file is
// none that Alertmanager would take.
func Alertmanager(name string, data []byte, o Options) (*Result, error) {
	m := &migration{options: o, name: path.Base(strings.ReplaceAll(name, `\`, "/")), notes: make(map[string]int), values: make(map[string]string)}
	m.options.Secrets = cmp.Or(o.Secrets, "secrets")
	problems := strictyaml.Read(name, data, func(n strictyaml.Node) { m.file(n.Tree()) })
	if err := problems.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(m.result.Notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col)) })
	slices.SortFunc(m.result.Secrets, func(a, b Secret) int { return cmp.Compare(a.Path, b.Path) })
	m.result.YAML = []byte(strings.Join(m.document(), "\n") + "\n")
	return &m.result, nil
}

// migration is the state of reading one file.
type migration struct {
	options Options
	name    string
	result  Result
	// notes are the indexes of the notes that are told once, by what they are about; values are the files of credentials by their values.
	notes  map[string]int
	values map[string]string

	// What was read of the old file.
	global, templates        *strictyaml.Tree
	receivers, intervals     []string // names
	needsGlobal              bool     // one of the receivers falls back to it
	pagerDutyURL, slackToken string
	slackWebhook             bool   // where a receiver says nothing else
	first, repeat            string // the root's receiver, and how often it is told again

	// The parts of the new file.
	globalLines, inhibitions, watchdog, hours, route, receiverLines lines
}

// keys are what Alertmanager knows at the top.
var keys = []string{"global", "route", "receivers", "inhibit_rules", "templates", "time_intervals", "mute_time_intervals", "tracing", "event_recorder"}

func (m *migration) file(t *strictyaml.Tree) {
	if !m.isMap(t) {
		return
	}
	m.known(t, keys...)
	m.global = t.Get("global")
	if m.global != nil && !m.isMap(m.global) {
		return
	}
	m.readGlobal()
	m.readIntervals(t.Get("time_intervals"))
	m.readIntervals(t.Get("mute_time_intervals"))
	m.readReceivers(t.Get("receivers"))
	if route := t.Get("route"); route == nil {
		t.At.Problem("there is no route", "Alertmanager would not take the file either")
	} else {
		m.readRoot(route)
	}
	m.readInhibitions(t.Get("inhibit_rules"))
	m.readTemplates(t.Get("templates"))
	m.finishGlobal()
	if n := t.Get("tracing"); n != nil {
		m.explain(n, "tracing is not carried over: quell has no traces", "")
	}
	if n := t.Get("event_recorder"); n != nil {
		m.explain(n, "event_recorder stays with Alertmanager", "its webhook_outputs may point at quell's /api/v1/alertmanager/events")
	}
}

// lose tells of something that does not work any more until somebody does something about it.
func (m *migration) lose(t *strictyaml.Tree, text, hint string) {
	m.note(t, Note{Problem: strictyaml.Problem{Text: text, Hint: hint}, Lost: true})
}

// explain tells of something that quell does otherwise. The same is told once, with the number of places.
func (m *migration) explain(t *strictyaml.Tree, text, hint string) {
	m.note(t, Note{Problem: strictyaml.Problem{Text: text, Hint: hint}})
}

func (m *migration) note(t *strictyaml.Tree, n Note) {
	if i, told := m.notes[n.Text]; told {
		m.result.Notes[i].More++
		return
	}
	m.notes[n.Text] = len(m.result.Notes)
	at := t.At.Later()
	n.File, n.Line, n.Col = at.File, at.Line, at.Col
	m.result.Notes = append(m.result.Notes, n)
}

// isMap reports whether a value is a map, and a problem if it is none.
func (m *migration) isMap(t *strictyaml.Tree) bool { return m.is(t, strictyaml.Map, "a map") }

func (m *migration) is(t *strictyaml.Tree, want strictyaml.Kind, name string) bool {
	if t.Kind != want {
		t.At.Problem("want "+name, "")
		return false
	}
	return true
}

// items are those of a list, or nothing.
func (m *migration) items(t *strictyaml.Tree) []*strictyaml.Tree {
	if t == nil || !m.is(t, strictyaml.List, "a list") {
		return nil
	}
	return t.Items
}

// text is a scalar's, or nothing.
func (m *migration) text(t *strictyaml.Tree) string {
	if t == nil || !m.is(t, strictyaml.Scalar, "text") {
		return ""
	}
	return t.Text
}

// known reports keys that Alertmanager does not know.
func (m *migration) known(t *strictyaml.Tree, keys ...string) {
	for i, k := range t.Keys {
		if !slices.Contains(keys, k) {
			t.Items[i].At.Problem("unknown key "+strictyaml.Quote(k), strictyaml.Suggest(k, keys))
		}
	}
}

// path moves a relative path to the new file's folder.
func (m *migration) path(p string) string {
	if p == "" || path.IsAbs(p) || m.options.Folder == "" || m.options.Folder == "." {
		return p
	}
	return m.options.Folder + "/" + p
}

// document puts the new file together.
func (m *migration) document() lines {
	out := comment(fmt.Sprintf("Made of %s by `quell import alertmanager`. Comments say what is different here; `quell check -c` this file tells "+
		"whether it is complete. All keys: docs/configuration.md. What to do next: docs/migrating.md.", m.name))
	out = append(out, "", "server:", "  listen: 127.0.0.1:9095")
	out = append(out, lines(comment("external_url: https://quell.example.com makes links in messages")).indent()...)
	out = append(out, "storage:", "  path: data/quell.db", "")
	out = append(out, comment("Time to heal before anybody is paged. It stands in for group_wait: trouble that is over by then goes into the digest.")...)
	out = append(out, "hold:", "  default: 5m", "")
	for _, section := range []lines{m.globalLines, m.templateLines(), m.inhibitions, m.watchdog, m.hours, m.route, m.receiverLines, m.repeatLines()} {
		if len(section) > 0 {
			out = append(append(out, section...), "")
		}
	}
	return out[:len(out)-1]
}
