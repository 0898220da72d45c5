package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

const (
	maxFunctionLines = 70
	maxFileLines     = 600
)

// checkSizes bounds functions and files. A function counts from its first line to its last, without its comment.
func checkSizes(s *source) []Finding {
	var found []Finding
	if n := s.fset.File(s.ast.Pos()).LineCount(); n > maxFileLines {
		found = append(found, s.find(s.ast.Package, "size", fmt.Sprintf("file of %d lines", n),
			fmt.Sprintf("split files by what they are about at %d", maxFileLines)))
	}
	long := func(n ast.Node, name string) {
		if lines := s.line(n.End()) - s.line(n.Pos()) + 1; lines > maxFunctionLines {
			found = append(found, s.find(n.Pos(), "size", fmt.Sprintf("%s has %d lines", name, lines),
				fmt.Sprintf("a function of more than %d does more than one thing", maxFunctionLines)))
		}
	}
	for _, decl := range s.ast.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			// The doc comment is part of the node, and the more of it the better.
			long(&ast.FuncDecl{Recv: f.Recv, Name: f.Name, Type: f.Type, Body: f.Body}, f.Name.Name)
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if lit, ok := n.(*ast.FuncLit); ok {
				long(lit, "function literal")
			}
			return true
		})
	}
	return found
}

// emptyWords name no idea of the domain, so everything ends up below them.
var emptyWords = []string{
	"util", "utils", "common", "helper", "helpers", "type", "types", "manager", "managers", "base", "misc",
}

// checkNames wants packages and files to be nouns of the domain.
func checkNames(s *source) []Finding {
	var found []Finding
	why := "name what is in it, with a noun of the domain"
	if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(emptyWords, name) {
		found = append(found, s.find(s.ast.Package, "names", "package "+name, why))
	}
	if name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test"); slices.Contains(emptyWords, name) {
		found = append(found, s.find(s.ast.Package, "names", "file "+path.Base(s.path), why))
	}
	return found
}

// checkPackageDoc wants one package comment in every folder; a folder of tests alone has it in a test.
func checkPackageDoc(files []*source) []Finding {
	documented := func(s *source) bool { return s.ast.Doc.Text() != "" }
	code := slices.DeleteFunc(slices.Clone(files), func(s *source) bool { return s.test })
	if len(code) == 0 {
		code = files
	}
	if slices.ContainsFunc(code, documented) {
		return nil
	}
	first := slices.MinFunc(code, func(a, b *source) int { return strings.Compare(a.path, b.path) })
	return []Finding{first.find(first.ast.Package, "docs", "package "+first.ast.Name.Name+" has no package comment",
		"a reader meets the package there first")}
}

// checkExportedDocs wants a comment on every exported name of non-test code. One comment may stand for a whole
// block. Methods count if their receiver's type is exported.
func checkExportedDocs(s *source) []Finding {
	if s.test {
		return nil
	}
	var found []Finding
	want := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if !name.IsExported() || slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d.Text() != "" }) {
			return
		}
		found = append(found, s.find(name.Pos(), "docs", name.Name+" has no doc comment", "exported names state their contract"))
	}
	for _, decl := range s.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) {
				want(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					want(spec.Name, spec.Doc, d.Doc)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						want(name, spec.Doc, spec.Comment, d.Doc)
					}
				}
			}
		}
	}
	return found
}

// receiver returns the name of a method's type, without pointer and type parameters.
func receiver(f *ast.FuncDecl) string {
	expr := f.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// logMessageAt tells at which argument a slog method takes its message.
var logMessageAt = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// checkLogs wants constant messages on injected loggers, in files that import log/slog: what varies belongs into attributes,
// where it can be searched and cannot forge a line. The linter knows types and repeats this; here it costs nothing.
func checkLogs(files []*source) []Finding {
	constants := constantsOf(files)
	var found []Finding
	for _, s := range files {
		slogName := s.imported("log/slog")
		if s.test || slogName == "" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at, isLog := logMessageAt[sel.Sel.Name]
			if x, ok := sel.X.(*ast.Ident); ok && isLog {
				if x.Name == slogName {
					found = append(found, s.find(call.Pos(), "logs", "slog."+sel.Sel.Name+" uses the global logger", "loggers are injected"))
				}
				isLog = !s.importsAs(x.Name)
			}
			if isLog && len(call.Args) > at && !constant(call.Args[at], constants) {
				found = append(found, s.find(call.Pos(), "logs", sel.Sel.Name+" has no constant message", "what varies goes into attributes"))
			}
			return true
		})
	}
	return found
}

// importsAs reports whether name stands for an imported package, as in http.Error.
func (s *source) importsAs(name string) bool {
	return slices.ContainsFunc(s.ast.Imports, func(imp *ast.ImportSpec) bool {
		return s.imported(strings.Trim(imp.Path.Value, `"`)) == name
	})
}

// constantsOf collects the names of a folder's constants.
func constantsOf(files []*source) map[string]bool {
	names := make(map[string]bool)
	for _, s := range files {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						names[name.Name] = true
					}
				}
			}
			return true
		})
	}
	return names
}

// constant reports whether an expression is a string literal or a constant of the folder.
func constant(e ast.Expr, constants map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.Ident:
		return constants[e.Name]
	}
	return false
}
