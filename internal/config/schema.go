package config

import "quell/internal/strictyaml"

// SchemaTitle is what the schema of configurations calls itself.
const SchemaTitle = "A configuration of quell"

// Schema returns the JSON Schema of configurations. It is made of the readers of this package, so it accepts what they do, as far as
// the form goes. An error is a fault of this package.
func Schema() (*strictyaml.Schema, error) {
	l := &loader{config: defaults(), dir: ".", receivers: make(map[string]strictyaml.Node)}
	return strictyaml.Describe(l.file, sectionKeys()...)
}
