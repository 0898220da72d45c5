package strictyaml

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Kind is what a [Tree] is.
type Kind uint8

// Kinds of values. The zero value is invalid.
const (
	Null Kind = iota + 1
	Scalar
	Map
	List
)

// Tree is a value with all that is in it, for those who pass on what others wrote. It belongs to who made it.
type Tree struct {
	Kind Kind
	// Text is a scalar as it was written, without quotes; Plain is true if it had none, so that it may be a number or true.
	Text  string
	Plain bool
	// Keys and Items are the entries of a map, in order; of a list, the items alone.
	Keys  []string
	Items []*Tree
	// At is where it was; its problems are reported there.
	At Node
}

// Tree reads a value whatever it is. Keys that are no text, or are given twice, are problems.
func (n Node) Tree() *Tree {
	t := &Tree{Kind: Null, At: n} // under Describe, too: it may be anything
	switch v := n.node.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode, *ast.MappingValueNode:
		t.Kind = Map
		n.tree(t)
	case *ast.SequenceNode:
		t.Kind = List
		for _, item := range v.Values {
			child := n.child(item)
			if n.spent() {
				break
			}
			t.Items = append(t.Items, child.Tree())
		}
	case *ast.StringNode:
		t.Kind, t.Text, t.Plain = Scalar, v.Value, v.Token.Type == token.StringType
	case *ast.LiteralNode:
		t.Kind, t.Text = Scalar, v.Value.Value
	default:
		t.Kind, t.Text, t.Plain = Scalar, v.GetToken().Value, true
	}
	return t
}

// tree reads the entries of a map.
func (n Node) tree(t *Tree) {
	for _, e := range n.entries() {
		key, ok := e.Key.(*ast.StringNode)
		switch {
		case n.spent():
			return
		case !ok:
			n.keyProblem(e.Key)
		case slices.Contains(t.Keys, key.Value):
			n.at(key).Problem("key "+Quote(key.Value)+" is given twice", "")
		default:
			child := n.child(e.Value)
			if child.node == nil {
				child = n.at(key) // what is not there has no place of its own
				child.node = nil
			}
			t.Keys, t.Items = append(t.Keys, key.Value), append(t.Items, child.Tree())
		}
	}
}

// Get returns the entry of a map, or nil if there is none; one without a value counts as none.
func (t *Tree) Get(key string) *Tree {
	if t == nil || t.Kind != Map {
		return nil
	}
	for i, k := range t.Keys {
		if k == key && t.Items[i].Kind != Null {
			return t.Items[i]
		}
	}
	return nil
}
