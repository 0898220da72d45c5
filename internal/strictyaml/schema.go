package strictyaml

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Schema is a JSON Schema (2020-12) of a value, as far as quell's files need one: what a [Setter] accepts. Its zero value is that of a
// value which may be anything.
type Schema struct {
	// Ref is the name of one of the root's Defs; what else is said holds besides.
	Ref string
	// Description is what an editor shows beside the value.
	Description string
	// Type are the types that the value may have, as JSON names them.
	Type []string
	// Enum are all values that there are, if it is not empty.
	Enum []any
	// Pattern is a regular expression that text has to match somewhere; Format says what text is, for editors.
	Pattern, Format string
	// MinLength is how many characters text has at least.
	MinLength int
	// Minimum and Maximum bound a number; nil means that they do not.
	Minimum, Maximum *float64
	// Items is what the items of a list are like; nil means that they may be anything.
	Items *Schema
	// Properties are the keys that a map may have, and Required those that it must have.
	Properties map[string]*Schema
	Required   []string
	// Closed is true if a map may have no other keys. Entries is what the values of other keys are like; nil means anything.
	Closed  bool
	Entries *Schema
	// AnyOf are schemas of which one must hold, if it is not empty.
	AnyOf []*Schema
	// Default is what applies where the value is not given; nil means that there is no such value, or that it cannot be told in one.
	Default any
	// Examples are values that people write.
	Examples []any
	// Deprecated is true of keys that are there only to say why not to use them.
	Deprecated bool
	// Defs are schemas that others refer to by Ref. Only the root has any.
	Defs map[string]*Schema

	// within says in words from where to where the value may be.
	within string
	// notNull is true of a Ref that must not be null, which all Defs may be.
	notNull bool
}

// Dialect is the version of JSON Schema that [Schema] is of.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// wire is the JSON form of a schema, in the order in which people read one.
type wire struct {
	Ref         string             `json:"$ref,omitempty"`
	Description string             `json:"description,omitempty"`
	Deprecated  bool               `json:"deprecated,omitempty"`
	Hidden      bool               `json:"doNotSuggest,omitempty"` // how editors' language servers leave a key out of what they propose
	Type        any                `json:"type,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	Default     any                `json:"default,omitempty"`
	Examples    []any              `json:"examples,omitempty"`
	Defs        map[string]*Schema `json:"$defs,omitempty"`
}

// MarshalJSON writes the schema; the same one gives the same bytes.
func (s *Schema) MarshalJSON() ([]byte, error) {
	w := wire{
		Description: s.Description, Deprecated: s.Deprecated, Hidden: s.Deprecated, Enum: s.Enum, Format: s.Format, Pattern: s.Pattern,
		MinLength: s.MinLength, Minimum: s.Minimum, Maximum: s.Maximum, Items: s.Items, Required: s.Required, Properties: s.Properties, AnyOf: s.AnyOf,
		Default: s.Default, Examples: s.Examples, Defs: s.Defs,
	}
	if s.Ref != "" {
		w.Ref = "#/$defs/" + s.Ref
	}
	switch len(s.Type) {
	case 0:
	case 1:
		w.Type = s.Type[0]
	default:
		w.Type = s.Type
	}
	switch {
	case s.Entries != nil:
		w.Additional = s.Entries
	case s.Closed:
		w.Additional = false
	}
	return compact(w)
}

// compact is like [json.Marshal], and leaves < and > readable.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// Document returns the schema as a file of its own, which says what it is of.
func (s *Schema) Document(title string) ([]byte, error) {
	body, err := s.MarshalJSON()
	if err != nil {
		return nil, err
	}
	head, err := compact(map[string]string{"$schema": Dialect, "title": title})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	joined := slices.Concat(bytes.TrimSuffix(head, []byte("}")), []byte(","), bytes.TrimPrefix(body, []byte("{")))
	if err := json.Indent(&b, joined, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// Undescribed lists the paths of keys that have no description, sorted. Keys that are refused say why themselves.
func (s *Schema) Undescribed() []string {
	var paths []string
	s.undescribed("", &paths)
	for name, def := range s.Defs {
		if def.Description == "" {
			paths = append(paths, name)
		}
		def.undescribed(name, &paths)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func (s *Schema) undescribed(path string, to *[]string) {
	if s == nil {
		return
	}
	for key, p := range s.Properties {
		if p.Description == "" {
			*to = append(*to, join(path, key))
		}
		p.undescribed(join(path, key), to)
	}
	s.Items.undescribed(path+"[]", to)
	s.Entries.undescribed(join(path, anyKey), to)
	for _, a := range s.AnyOf {
		a.undescribed(path, to)
	}
}

// anyKey stands for free keys in paths.
const anyKey = "*"

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// empty reports whether nothing is known of the value.
func (s *Schema) empty() bool {
	return s.Ref == "" && len(s.Type)+len(s.Enum)+len(s.AnyOf) == 0 && s.Items == nil && s.Properties == nil && s.Entries == nil && !s.Deprecated
}

// allowNull makes null a value too: it counts as a key that is not given. All Defs allow it already.
func (s *Schema) allowNull() {
	switch {
	case s.Ref != "" || s.null():
	case len(s.AnyOf) > 0:
		if !slices.ContainsFunc(s.AnyOf, (*Schema).null) {
			s.AnyOf = append(s.AnyOf, &Schema{Type: []string{"null"}})
		}
	case len(s.Enum) > 0:
		s.Enum = append(s.Enum, nil)
	case len(s.Type) > 0:
		s.Type = append(slices.Clone(s.Type), "null")
	}
}

// null reports whether the schema is known to allow null.
func (s *Schema) null() bool {
	return s.Ref != "" && !s.notNull || slices.Contains(s.Type, "null") || slices.Contains(s.Enum, nil)
}

// refuseNull keeps references from allowing it; nothing else does by itself.
func (s *Schema) refuseNull() {
	s.notNull = s.Ref != ""
	for _, a := range s.AnyOf {
		a.refuseNull()
	}
}

// settle puts in words what references leave open, once all of them are known, and says with each value what applies without it.
func (s *Schema) settle(defs map[string]*Schema) {
	if s == nil {
		return
	}
	if s.notNull {
		def := defs[s.Ref]
		for def.Ref != "" {
			def = defs[def.Ref]
		}
		s.Type = slices.DeleteFunc(slices.Clone(def.Type), func(t string) bool { return t == "null" })
		s.notNull = false
	}
	if s.Description != "" {
		s.Description = strings.Join(slices.DeleteFunc([]string{s.Description, s.bounds()}, func(t string) bool { return t == "" }), " ")
	}
	for _, part := range s.parts() {
		part.settle(defs)
	}
}

// parts are the schemas of what the value holds.
func (s *Schema) parts() []*Schema {
	parts := slices.Concat([]*Schema{s.Items, s.Entries}, s.AnyOf)
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		parts = append(parts, s.Properties[key])
	}
	return slices.DeleteFunc(parts, func(p *Schema) bool { return p == nil })
}

// bounds says from where to where a value may be, and what applies without it.
func (s *Schema) bounds() string {
	switch fallback := s.fallback(); {
	case s.within != "" && fallback != "":
		return "From " + s.within + ", default " + fallback + "."
	case s.within != "":
		return "From " + s.within + "."
	case fallback != "":
		return "Default " + fallback + "."
	}
	return ""
}

func (s *Schema) fallback() string {
	if s.Default == nil {
		return ""
	}
	if text, ok := s.Default.(string); ok {
		return text
	}
	text, err := compact(s.Default)
	if err != nil {
		return ""
	}
	return string(text)
}
