//go:build !slim

package alertmanager

import (
	"reflect"

	common "github.com/prometheus/common/config"

	"quell/internal/strictyaml"
)

// manual is where Alertmanager's documentation tells of its keys.
const manual = "https://prometheus.io/docs/alertmanager/latest/configuration/#"

// shared are the types of settings that occur in most integrations, by the name that the manual has for them.
var shared = map[reflect.Type]string{
	reflect.TypeFor[common.HTTPClientConfig](): "http_config",
	reflect.TypeFor[common.TLSConfig]():        "tls_config",
}

// describe takes a note of what a value may be, for the schema. Alertmanager's packages say which keys there are; what their values
// must be like they say only to those who have some.
func (w *writer) describe(e entry, n strictyaml.Node) {
	name, isShared := shared[e.typ]
	switch {
	case secretTypes[e.typ]:
		strictyaml.Refuse("secrets do not belong in this file", e.elsewhere())(n)
		return
	case isShared:
		before := w.manual
		strictyaml.Def("alertmanager_"+name, func(n strictyaml.Node) {
			w.describes(n, name)
			n.Map(w.fields(e.typ, e.path, 0))
		})(n)
		w.manual = before
	case e.typ == nil:
	case e.typ.Kind() == reflect.Bool:
		strictyaml.Bool(new(bool))(n)
	case e.typ.Kind() == reflect.Struct && len(keysOf(e.typ)) > 0:
		n.Map(w.fields(e.typ, e.path, 0))
		n.Note(func(s *strictyaml.Schema) { s.Type = nil }) // some have a short form, which is no map
	}
	n.Note(func(s *strictyaml.Schema) { s.Description = w.manual })
}

// describes names the section of Alertmanager's manual that says more of a value than the schema does.
func (w *writer) describes(n strictyaml.Node, section string) {
	w.manual = "As in Alertmanager: " + manual + section + "."
	n.Note(func(s *strictyaml.Schema) { s.Description = w.manual })
}
