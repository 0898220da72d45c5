package strictyaml

import (
	"encoding/json"

	"github.com/goccy/go-yaml/ast"
)

// IsMap reports whether the value has keys.
func (n Node) IsMap() bool {
	if n.sketch != nil {
		return n.sketch.asks(formMap)
	}
	return n.mapped()
}

// mapped reports the same of a value that is there, and asks nothing for a description.
func (n Node) mapped() bool {
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// IsList reports whether the value has items.
func (n Node) IsList() bool {
	if n.sketch != nil {
		return n.sketch.asks(formList)
	}
	_, ok := n.node.(*ast.SequenceNode)
	return ok
}

// Scalar returns a value that is neither map nor list as it reads in any YAML file, on one line: text in quotes, numbers and
// words such as true as they were written. It is false for other values.
func (n Node) Scalar() (yaml string, ok bool) {
	if n.sketch != nil {
		if ok = n.sketch.asks(formScalar); ok {
			n.noted(Schema{Type: []string{"string", "number", "boolean"}}, nil)
		}
		return "", ok
	}
	if s, ok := n.text(false); ok {
		quoted, err := json.Marshal(s)
		return string(quoted), err == nil
	}
	switch n.node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		return n.node.GetToken().Value, true
	}
	return "", false
}
