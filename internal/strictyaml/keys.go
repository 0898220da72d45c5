package strictyaml

import "github.com/goccy/go-yaml/ast"

// Keys returns the keys of a map as they stand in the file, those that no reader knows included; nothing for other values.
func (n Node) Keys() []string {
	var keys []string
	for _, e := range n.entries() {
		if key, ok := e.Key.(*ast.StringNode); ok {
			keys = append(keys, key.Value)
		}
	}
	return keys
}
