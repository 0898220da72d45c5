package rules

import (
	"quell/internal/strictyaml"
)

// SchemaTitle is what the schema of rule files calls itself.
const SchemaTitle = "A rule file of quell"

// Schema returns the JSON Schema of rule files. It is made of the readers of this package, so it accepts what they do, as far as the
// form goes. An error is a fault of this package.
func Schema() (*strictyaml.Schema, error) {
	r := &reader{set: &Set{edgeTypes: make(map[string]edgeRule)}, names: make(map[string]int)}
	return strictyaml.Describe(r.sections(), sectionKeys()...)
}
