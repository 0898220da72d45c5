//go:build !slim

package alertmanager

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	common "github.com/prometheus/common/config"

	"quell/internal/strictyaml"
)

// line is one line of a configuration for Alertmanager, and the value of the user's file that it comes from; nil for lines of ours.
type line struct {
	text string
	from *strictyaml.Node
}

// writer copies values of the user's file into a configuration for Alertmanager, one to a line, so that the numbers of lines in
// Alertmanager's problems lead back. What keys there are, and which of them hold secrets, it knows from the types that
// Alertmanager decodes into. Secrets are refused, and the names of files become paths that hold from here.
type writer struct {
	reader *Reader
	lines  []line
	// at are the values by their path.
	at     map[string]strictyaml.Node
	failed bool
	// manual tells where to read on, in a schema.
	manual string
}

// secretTypes hold credentials wherever they occur.
var secretTypes = map[reflect.Type]bool{
	reflect.TypeFor[common.Secret]():      true,
	reflect.TypeFor[[]common.Secret]():    true,
	reflect.TypeFor[common.ProxyHeader](): true,
	reflect.TypeFor[amcommon.SecretURL](): true,
}

// addressTypes hold addresses, which must not have a password in them.
var addressTypes = map[reflect.Type]bool{
	reflect.TypeFor[common.URL]():                 true,
	reflect.TypeFor[amcommon.URL]():               true,
	reflect.TypeFor[amconfig.SecretTemplateURL](): true,
	reflect.TypeFor[amcommon.SecretTemplateURL](): true,
}

// put adds a line. Empty yaml leaves the value to the lines below it.
func (w *writer) put(indent int, key, yaml string, from *strictyaml.Node) {
	l := strings.Repeat("  ", indent) + key
	if key != "-" {
		l += ":"
	}
	if yaml != "" {
		l += " " + yaml
	}
	w.lines = append(w.lines, line{l, from})
}

// complete reads a map, and then calls what stands in for each key that it lacks.
func (w *writer) complete(n strictyaml.Node, fields strictyaml.Fields, absent map[string]func()) {
	given := make(map[string]bool)
	for key, set := range fields {
		fields[key] = func(n strictyaml.Node) {
			given[key] = true
			set(n)
		}
	}
	n.Map(fields)
	for _, key := range [...]string{"send_resolved", "http_config", "follow_redirects", "threading", "update_alerts"} {
		if stand, ok := absent[key]; ok && !given[key] {
			stand()
		}
	}
}

// fields are the keys of a struct type.
func (w *writer) fields(t reflect.Type, path string, indent int) strictyaml.Fields {
	fields := make(strictyaml.Fields)
	keys := keysOf(t)
	for key, typ := range keys {
		fields[key] = func(n strictyaml.Node) {
			_, hasFile := keys[key+"_file"]
			w.entry(entry{key: key, path: join(path, key), typ: typ, hasFile: hasFile, indent: indent}, n)
		}
		base, isFile := strings.CutSuffix(key, "_file")
		if isFile && typ.Kind() == reflect.String {
			holds, ok := keys[base]
			fields[key] = func(n strictyaml.Node) { w.file(key, n, ok && secretTypes[holds] || base == "url", indent) }
		}
	}
	return fields
}

// keysOf are the keys of a struct type and what they hold, pointers seen through. References to secret managers are left out:
// quell has none.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type)
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported() || strings.HasSuffix(name, "_ref"):
		case opts == "inline" && f.Type.Kind() == reflect.Struct:
			for k, typ := range keysOf(f.Type) {
				keys[k] = typ
			}
		case name != "":
			keys[name] = pointed(f.Type)
		}
	}
	return keys
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// entry is one key of a map.
type entry struct {
	key, path string
	// typ is what the value is decoded into; nil if it may be anything.
	typ reflect.Type
	// hasFile is true if there is a key of the same name with _file.
	hasFile bool
	indent  int
}

// entry copies a key and its value.
func (w *writer) entry(e entry, n strictyaml.Node) {
	if n.Describing() {
		w.describe(e, n)
		return
	}
	w.at[e.path] = n
	key := e.key
	if key != "-" {
		quoted, _ := json.Marshal(key) // a string always can be
		key = string(quoted)
	}
	if secretTypes[e.typ] {
		n.Problem("secrets do not belong in this file", e.elsewhere())
		w.failed = true
		return
	}
	if yaml, ok := n.Scalar(); ok {
		if addressTypes[e.typ] && hasPassword(yaml) {
			n.Problem("a password in an address does not belong in this file", "write http_config.basic_auth with password_file, or proxy_from_environment")
			w.failed = true
			return
		}
		w.put(e.indent, key, yaml, &n)
		return
	}
	w.put(e.indent, key, "", &n)
	w.inside(e, n)
}

// elsewhere says where a secret belongs.
func (e *entry) elsewhere() string {
	switch {
	case e.hasFile:
		return "put it in a file of its own and write " + e.key + "_file: PATH"
	case e.key == "secrets":
		return "put it in a file of its own and write files: [PATH]"
	case e.key == "secret_key":
		return "leave it out: AWS's environment, profile or role is used"
	}
	return "leave it out, Alertmanager's packages cannot read it from a file"
}

// inside copies what a map or a list holds.
func (w *writer) inside(e entry, n strictyaml.Node) {
	switch elem, isStruct := e.elem(); {
	case n.IsList():
		i := 0
		n.List(func(n strictyaml.Node) {
			w.entry(entry{key: "-", path: e.path + "[" + strconv.Itoa(i) + "]", typ: elem, indent: e.indent + 1}, n)
			i++
		})
	case !isStruct:
		n.Entries(func(key string, n strictyaml.Node) {
			w.entry(entry{key: key, path: join(e.path, key), typ: elem, indent: e.indent + 1}, n)
		})
	default:
		absent := make(map[string]func())
		if e.typ == reflect.TypeFor[common.HTTPClientConfig]() {
			absent["follow_redirects"] = func() { w.put(e.indent+1, "follow_redirects", "false", nil) }
		}
		fields := w.fields(e.typ, e.path, e.indent+1)
		if e.typ == reflect.TypeFor[common.Header]() {
			fields["files"] = func(n strictyaml.Node) {
				w.put(e.indent+1, "files", "", &n)
				n.List(func(n strictyaml.Node) { w.file("-", n, true, e.indent+2) })
			}
		}
		w.complete(n, fields, absent)
	}
}

// elem is what the parts of a map or list are decoded into, or nil; isStruct is true for a map of known keys.
func (e *entry) elem() (elem reflect.Type, isStruct bool) {
	switch {
	case e.typ == nil:
	case e.typ == reflect.TypeFor[common.Headers]():
		return reflect.TypeFor[common.Header](), false
	case e.typ.Kind() == reflect.Struct:
		return nil, true
	case e.typ.Kind() == reflect.Slice, e.typ.Kind() == reflect.Map:
		return pointed(e.typ.Elem()), false
	}
	return nil, false
}

// file copies the name of a file, as a path that holds from here.
func (w *writer) file(key string, n strictyaml.Node, secret bool, indent int) {
	n.Note(func(s *strictyaml.Schema) { s.Description = w.manual })
	path, ok := w.reader.File(n, secret)
	if !ok {
		w.failed = true
		return
	}
	quoted, _ := json.Marshal(path) // a string always can be
	w.put(indent, key, string(quoted), &n)
}

// has reports whether there is a value at a path.
func (w *writer) has(path string) bool {
	_, ok := w.at[path]
	return ok
}

// near returns the value at a path, or the one that it is in.
func (w *writer) near(path string) strictyaml.Node {
	for {
		if n, ok := w.at[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// hasPassword reports whether text in quotes is an address with a password.
func hasPassword(quoted string) bool {
	var s string
	if json.Unmarshal([]byte(quoted), &s) != nil {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return false
	}
	_, has := u.User.Password()
	return has
}
