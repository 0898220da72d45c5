//go:build !slim

package alertmanager

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"

	"quell/internal/strictyaml"
	"quell/notify"
)

// Supported reports whether this build has Alertmanager's packages; see the build tag slim.
const Supported = true

// Reader reads what a configuration file says of Alertmanager's integrations. It is for one file and one goroutine.
type Reader struct {
	// File is asked for each file that a value names: it reports what is wrong with it, and returns its path from here. Secret is true
	// if it holds a credential. It is needed.
	File func(n strictyaml.Node, secret bool) (path string, ok bool)
	// Check is asked for each text that is a template. Nil means that all are well.
	Check func(notify.Field) error

	global []line
	failed bool
}

// foreign are keys of Alertmanager's global section that mean nothing here.
var foreign = strictyaml.Fields{
	"resolve_timeout":      strictyaml.Refuse("resolve_timeout has no meaning here", "hold.alert_timeout says when an alert that nobody repeats is lost"),
	"pagerduty_url":        strictyaml.Refuse("PagerDuty's address belongs to the receiver", "write url in its pagerduty_configs"),
	"slack_api_url":        ownSlack,
	"slack_api_url_file":   ownSlack,
	"slack_app_token":      ownSlack,
	"slack_app_token_file": ownSlack,
	"slack_app_url":        ownSlack,
}

var ownSlack = strictyaml.Refuse("Slack's settings belong to the receiver", "write token_file and channel in its slack_configs")

// Global reads the section global: what integrations fall back to. It has to come before them.
func (r *Reader) Global(n strictyaml.Node) {
	w := &writer{reader: r, at: map[string]strictyaml.Node{"": n}}
	w.describes(n, "file-layout-and-global-settings")
	fields := w.fields(reflect.TypeFor[amconfig.GlobalConfig](), "", 1)
	for key, set := range foreign {
		fields[key] = set
	}
	w.complete(n, fields, map[string]func(){"http_config": func() {
		w.put(1, "http_config", "", nil)
		w.put(2, "follow_redirects", "false", nil)
	}})
	if n.Describing() {
		return
	}
	r.global = w.lines
	document := r.document(nil, "")
	_, err := amconfig.Load(text(document))
	r.failed = r.report(n, "", document, err) || w.failed
}

// Integration reads one item of a list such as email_configs, of a type out of [Types]. It is false if something is wrong with it,
// which was reported, or with the section global.
func (r *Reader) Integration(typ string, n strictyaml.Node) (c notify.OtherConfig, ok bool) {
	k := kinds[typ]
	w := &writer{reader: r, at: map[string]strictyaml.Node{"": n}}
	c = notify.OtherConfig{Type: typ, Notices: k.notices}
	w.describes(n, typ+"_config")
	fields := w.fields(settingsType(typ), "", 4)
	fields["notices"] = func(n strictyaml.Node) {
		strictyaml.Bool(&c.Notices)(n)
		n.Note(func(s *strictyaml.Schema) { s.Description = noticesText })
		if c.Notices && k.wakes {
			n.Problem("notices must not wake anybody, and "+typ+" does", "remove it")
			w.failed = true
		}
	}
	w.complete(n, fields, w.absent(typ))
	if w.failed || r.failed || n.Describing() {
		return c, false
	}
	document := r.document(w.lines, typ)
	c.Settings = text(document)
	s, err := load(c)
	if err == nil {
		err = s.check()
	}
	if r.report(n, typ, document, err) {
		return c, false
	}
	return c, r.checkFields(w, s)
}

// absent are the defaults of ours that differ from Alertmanager's, by the key that stands for each.
func (w *writer) absent(typ string) map[string]func() {
	defaults := map[string]func(){"send_resolved": func() { w.put(4, "send_resolved", "true", nil) }}
	switch typ {
	case "opsgenie":
		defaults["update_alerts"] = func() { w.put(4, "update_alerts", "true", nil) }
	case "email":
		defaults["threading"] = func() {
			if !w.has("headers.References") && !w.has("headers.In-Reply-To") {
				w.put(4, "threading", "{enabled: true, thread_by_date: none}", nil)
			}
		}
	}
	return defaults
}

// checkFields renders the templates of an integration, and reports those that cannot be.
func (r *Reader) checkFields(w *writer, s *settings) bool {
	if r.Check == nil {
		return true
	}
	ok := true
	for _, f := range s.fields() {
		if err := r.Check(f); err != nil {
			w.near(f.Name).Problem("template: "+firstLine(err), "")
			ok = false
		}
	}
	return ok
}

// document is a whole configuration of Alertmanager with one integration, or with none.
func (r *Reader) document(item []line, typ string) []line {
	doc := []line{{text: "global:"}}
	doc = append(doc, r.global...)
	if len(r.global) == 0 {
		doc = append(doc, line{text: "  http_config:"}, line{text: "    follow_redirects: false"})
	}
	doc = append(doc, line{text: "route:"}, line{text: "  receiver: quell"}, line{text: "receivers:"}, line{text: "  -"}, line{text: "    name: quell"})
	if typ != "" {
		doc = append(doc, line{text: "    " + typ + "_configs:"}, line{text: "      -"})
		doc = append(doc, item...)
	}
	return doc
}

func text(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}

// numbered is how the YAML decoder tells of one problem.
var numbered = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)`)

// report tells what Alertmanager found wrong, each at the value that it means, and reports whether there was anything.
func (r *Reader) report(n strictyaml.Node, typ string, document []line, err error) bool {
	if err == nil {
		return false
	}
	for p := range strings.SplitSeq(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n"), "\n") {
		p, at := strings.TrimSpace(p), n
		if m := numbered.FindStringSubmatch(p); m != nil {
			p = m[2]
			if i, err := strconv.Atoi(m[1]); err == nil && i >= 1 && i <= len(document) && document[i-1].from != nil {
				at = *document[i-1].from
			}
		}
		if typ != "" {
			p = typ + "_configs: " + p
		}
		at.Problem(p, hint(p))
	}
	return true
}

// hint adds what Alertmanager's words leave out.
func hint(problem string) string {
	switch {
	case strings.Contains(problem, "no global SMTP smarthost"):
		return "write smarthost: HOST:PORT here, or smtp_smarthost in global"
	case strings.Contains(problem, "no global SMTP from"):
		return "write from here, or smtp_from in global"
	case strings.Contains(problem, "into bool"):
		return "write true or false"
	}
	return ""
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
