package expr

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// inOrder makes loops over maps go by their keys: Go walks maps as it likes, and the same values must give the same result.
func inOrder(ranges map[int64]bool) interpreter.InterpretableDecoratorV2 {
	return func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if _, done := i.(ordered); !done && ranges[i.ID()] {
			return ordered{i}, nil
		}
		return i, nil
	}
}

// ordered is what a loop runs over.
type ordered struct{ interpreter.InterpretableV2 }

// Exec evaluates it.
func (o ordered) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := o.InterpretableV2.Exec(frame)
	m, ok := v.(traits.Mapper)
	if _, sorted := v.(*labelMap); sorted || !ok {
		return v
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalUnary(nil, o.ID(), sorting{}, v, v)
	}
	return sortMap(m)
}

// Eval evaluates it outside of a frame.
func (o ordered) Eval(a cel.Activation) ref.Val { return interpreter.EvalActivation(a, o.Exec) }

// sortedMap is a map that is walked in the order of its keys.
type sortedMap struct {
	traits.Mapper
	keys []ref.Val
}

func sortMap(m traits.Mapper) *sortedMap {
	s := &sortedMap{Mapper: m}
	for it := m.Iterator(); it.HasNext() == types.True; {
		s.keys = append(s.keys, it.Next())
	}
	slices.SortFunc(s.keys, compareKeys)
	return s
}

// compareKeys orders by value, and keys that cannot be compared by type.
func compareKeys(a, b ref.Val) int {
	if c, ok := a.(traits.Comparer); ok {
		if n, ok := c.Compare(b).(types.Int); ok {
			return int(n)
		}
	}
	if a.Type().TypeName() < b.Type().TypeName() {
		return -1
	}
	return 1
}

// Fold walks the map until told to stop.
func (s *sortedMap) Fold(f traits.Folder) {
	for _, k := range s.keys {
		v, _ := s.Find(k)
		if !f.FoldEntry(k, v) {
			return
		}
	}
}

// Iterator yields the keys.
func (s *sortedMap) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, s.keys).Iterator()
}
