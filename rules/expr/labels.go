package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"quell/correlate"
)

// labelMap is a set of labels as CEL sees it, without a copy.
type labelMap struct{ labels correlate.Labels }

// Labels of an alert, as CEL sees them.
var _ traits.Mapper = (*labelMap)(nil)

// Find returns a label; what is empty is missing, as everywhere.
func (m *labelMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if v := m.labels.Get(string(name)); v != "" {
		return types.String(v), true
	}
	return nil, false
}

// Get returns a label, empty if it is missing.
func (m *labelMap) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.String("")
}

// Contains reports whether there is a label.
func (m *labelMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// Size is the number of labels.
func (m *labelMap) Size() ref.Val { return types.Int(m.labels.Len()) }

// Iterator yields the names, sorted.
func (m *labelMap) Iterator() traits.Iterator {
	names := make([]string, 0, m.labels.Len())
	for name := range m.labels.All() {
		names = append(names, name)
	}
	return types.NewStringList(types.DefaultTypeAdapter, names).Iterator()
}

// Fold walks the labels, sorted by name, until told to stop.
func (m *labelMap) Fold(f traits.Folder) {
	for name, value := range m.labels.All() {
		if !f.FoldEntry(types.String(name), types.String(value)) {
			return
		}
	}
}

// Equal compares with any map.
func (m *labelMap) Equal(other ref.Val) ref.Val {
	return types.NewStringStringMap(types.DefaultTypeAdapter, m.all()).Equal(other)
}

// ConvertToType converts to a map, which it is, or to its type.
func (m *labelMap) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return m
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("labels cannot become %s", t.TypeName())
}

// ConvertToNative gives a map of Go.
func (m *labelMap) ConvertToNative(t reflect.Type) (any, error) {
	all := reflect.ValueOf(m.all())
	if !all.Type().AssignableTo(t) {
		return nil, fmt.Errorf("labels cannot become %v", t)
	}
	return all.Interface(), nil
}

// Type is that of maps.
func (m *labelMap) Type() ref.Type { return types.MapType }

// Value is a map of Go.
func (m *labelMap) Value() any { return m.all() }

func (m *labelMap) all() map[string]string {
	all := make(map[string]string, m.labels.Len())
	for name, value := range m.labels.All() {
		all[name] = value
	}
	return all
}
