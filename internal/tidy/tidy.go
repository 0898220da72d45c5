// Package tidy checks the structure of the source tree: who may import whom, what the pure packages must not touch, who
// may start goroutines, how long functions and files may grow, and that every exported name is documented. It reads
// syntax only, no types, so a run over the whole tree takes milliseconds and cannot be broken by code that does not compile.
//
// The rules are those that the house style marks as enforced. [Check] applies them all; a rule that has to change is
// changed in its table, never silenced at the place that breaks it.
package tidy

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Finding is one place that breaks a rule.
type Finding struct {
	// File is relative to the root of the tree, with slashes; Line counts from 1.
	File string
	Line int
	// Rule is one word, What names the offence, Why says which promise it breaks.
	Rule, What, Why string
}

// String returns "file:line: rule: what (why)".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s (%s)", f.File, f.Line, f.Rule, f.What, f.Why)
}

// source is one parsed file.
type source struct {
	path string
	// folder is the file's directory, "." for the root.
	folder string
	// test is true for files that go test alone compiles.
	test bool
	ast  *ast.File
	fset *token.FileSet
}

// line returns the line of a position in the file.
func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// imported returns the name under which the file knows an import path, or "" if it does not import it.
func (s *source) imported(importPath string) string {
	for _, imp := range s.ast.Imports {
		if strings.Trim(imp.Path.Value, `"`) != importPath {
			continue
		}
		if imp.Name != nil {
			return imp.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// find makes a finding at a position.
func (s *source) find(p token.Pos, rule, what, why string) Finding {
	return Finding{File: s.path, Line: s.line(p), Rule: rule, What: what, Why: why}
}

// fileRules look at one file at a time, folderRules at all files of a folder.
var (
	fileRules = []func(*source) []Finding{
		checkImports, checkPurity, checkSleep, checkDice, checkSizes, checkNames, checkExportedDocs,
	}
	folderRules = []func([]*source) []Finding{
		checkGoroutines, checkPackageDoc, checkLogs, checkFuzz,
	}
)

// Check applies every rule to the Go files below the root of fsys and returns what it found, sorted by file and line.
// The error is non-nil only when a file cannot be read or parsed.
func Check(fsys fs.FS) ([]Finding, error) {
	folders, err := load(fsys)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, files := range folders {
		for _, rule := range folderRules {
			found = append(found, rule(files)...)
		}
		for _, file := range files {
			for _, rule := range fileRules {
				found = append(found, rule(file)...)
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.String(), b.String()))
	})
	return found, nil
}

// load parses the tree and groups its files by folder. Generated files are left out: nobody reads or shapes them.
func load(fsys fs.FS) (map[string][]*source, error) {
	folders := make(map[string][]*source)
	fset := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipFolder(p, d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		text, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		if ast.IsGenerated(file) {
			return nil
		}
		folder := path.Dir(p)
		folders[folder] = append(folders[folder], &source{
			path: p, folder: folder, test: strings.HasSuffix(p, "_test.go"), ast: file, fset: fset,
		})
		return nil
	})
	return folders, err
}

// skipFolder reports whether a folder holds no code of ours: what the go command ignores, and what make builds.
func skipFolder(p, name string) bool {
	if p == "." {
		return false
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" || p == "bin"
}

// below reports whether a folder is root or lies below it.
func below(folder, root string) bool {
	return folder == root || strings.HasPrefix(folder, root+"/")
}

// belowAny reports whether a folder is one of the roots or lies below one.
func belowAny(folder string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return below(folder, root) })
}
