package tidy

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// parsers are functions that read text which somebody may have written by hand, or sent, by their import paths.
var parsers = map[string][]string{
	"encoding/json":                   {"Unmarshal", "NewDecoder"},
	"encoding/xml":                    {"Unmarshal", "NewDecoder"},
	"encoding/csv":                    {"NewReader"},
	"net/url":                         {"ParseQuery"},
	"gopkg.in/yaml.v3":                {"Unmarshal", "NewDecoder"},
	"github.com/goccy/go-yaml":        {"Unmarshal", "NewDecoder"},
	"github.com/goccy/go-yaml/parser": {"Parse", "ParseBytes"},
	module + "/internal/strictyaml":   {"Read", "ReadAll"},
}

// trusted are folders that parse without a fuzz test: what they read was written by quell, or the rest of them is no product.
var trusted = []string{
	"cmd",           // answers of quell's own API; files of users go to packages that are fuzzed
	"internal/app",  // rows of its own store
	"internal/demo", // no product
	"internal/fake", // no product
	"test",          // no product
}

// checkFuzz wants a fuzz test in every package that parses what others wrote.
func checkFuzz(files []*source) []Finding {
	if belowAny(files[0].folder, trusted...) {
		return nil
	}
	var parsing *Finding
	for _, s := range files {
		switch at, name := parserOf(s); {
		case s.test && fuzzes(s):
			return nil
		case !s.test && name != "" && parsing == nil:
			f := s.find(at, "fuzz", s.folder+" parses by "+name+" and has no fuzz test",
				"no text may make quell panic or hang: add a function FuzzX, or an entry with a reason in internal/tidy/fuzz.go")
			parsing = &f
		}
	}
	if parsing == nil {
		return nil
	}
	return []Finding{*parsing}
}

// parserOf returns the first call of a parser in a file.
func parserOf(s *source) (at token.Pos, name string) {
	for path, functions := range parsers {
		pkg := s.imported(path)
		if pkg == "" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok || at != token.NoPos && call.Pos() > at {
				return true
			}
			if x, ok := call.X.(*ast.Ident); ok && x.Name == pkg && slices.Contains(functions, call.Sel.Name) {
				at, name = call.Pos(), pkg+"."+call.Sel.Name
			}
			return true
		})
	}
	return at, name
}

func fuzzes(s *source) bool {
	return slices.ContainsFunc(s.ast.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && strings.HasPrefix(f.Name.Name, "Fuzz")
	})
}
