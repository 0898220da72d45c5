package tidy

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// impureImports are what no pure package may import, with the reason. An entry covers the packages below it.
var impureImports = []struct{ path, why string }{
	{"os", "disk and environment belong to the edges"},
	{"io/ioutil", "disk belongs to the edges"},
	{"net", "the network belongs to the edges"},
	{"syscall", "the system belongs to the edges"},
	{"runtime", "decisions must not depend on the machine"},
	{"sync", "one goroutine owns the core, so it needs no lock"},
	{"context", "nothing in the core waits"},
	{"log", "the core returns effects with reasons instead of logging"},
	{"math/rand", "same inputs must give the same decisions"},
	{"crypto/rand", "same inputs must give the same decisions"},
	{"hash/maphash", "its seed differs from run to run"},
}

// harmlessImports lie below an impure path and only compute.
var harmlessImports = []string{"net/url", "net/netip"}

// impureTime are the names of package time that read a clock, start a timer or depend on the machine.
var impureTime = []string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc", "Local"}

// checkPurity keeps clock, disk, network, locks, logs and chance out of the packages that decide. Their tests are free.
func checkPurity(s *source) []Finding {
	if s.test || !belowAny(s.folder, pure...) {
		return nil
	}
	var found []Finding
	for _, imp := range s.ast.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		for _, bad := range impureImports {
			if below(p, bad.path) && !slices.Contains(harmlessImports, p) {
				found = append(found, s.find(imp.Pos(), "purity", s.folder+" imports "+p, bad.why))
			}
		}
	}
	timeName := s.imported("time")
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if name, ok := selected(n, timeName); ok && slices.Contains(impureTime, name) {
			found = append(found, s.find(n.Pos(), "purity", s.folder+" uses time."+name, "time goes in as an argument, so that the past can be replayed"))
		}
		return true
	})
	return found
}

// selected returns Name if n is pkg.Name, where pkg is the name under which a package was imported.
func selected(n ast.Node, pkg string) (string, bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || pkg == "" {
		return "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok || x.Name != pkg {
		return "", false
	}
	return sel.Sel.Name, true
}

// checkSleep keeps sleeping out of tests: it makes them slow, and wrong on a busy machine. Inside a synctest bubble time
// is virtual, and black-box tests below test/ wait for another process.
func checkSleep(s *source) []Finding {
	if !s.test || below(s.folder, "test") || s.imported("testing/synctest") != "" {
		return nil
	}
	var found []Finding
	timeName := s.imported("time")
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if name, ok := selected(n, timeName); ok && name == "Sleep" {
			found = append(found, s.find(n.Pos(), "sleep", "test uses time.Sleep", "wait for the event itself, or use testing/synctest"))
		}
		return true
	})
	return found
}

// checkDice keeps chance that nothing repeats out of tests: one commit has one result. Black-box tests below test/ meet the scheduler's luck anyway.
func checkDice(s *source) []Finding {
	if !s.test || below(s.folder, "test") {
		return nil
	}
	var found []Finding
	name := s.imported("math/rand/v2")
	if name == "v2" {
		name = "rand"
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if drawn, ok := selected(call.Fun, name); ok && !strings.HasPrefix(drawn, "New") {
				found = append(found, s.find(n.Pos(), "dice", "test uses rand."+drawn, "draw from internal/fake/dice, which repeats what it gave"))
			}
		}
		return true
	})
	return found
}

// goroutineReason is how a function that Run calls says why the goroutines that it starts are bounded.
var goroutineReason = regexp.MustCompile(`\bgoroutine: \S`)

// checkGoroutines lets internal/app, commands, fakes and tests start goroutines, the store's conformance suite among them,
// and edges and backtests only inside Run, which waits for them, or in a function that Run reaches and that says in a comment
// "goroutine: why it is bounded".
func checkGoroutines(files []*source) []Finding {
	folder := files[0].folder
	if belowAny(folder, "internal/app", "internal/demo", "internal/fake", "cmd", "test", "storage/storagetest") {
		return nil
	}
	reached := make(map[string]bool)
	if belowAny(folder, edges...) || belowAny(folder, "internal/ruletest", "internal/backtest") {
		reached = reachedFromRun(files)
	}
	var found []Finding
	for _, s := range files {
		if s.test {
			continue
		}
		for _, decl := range s.ast.Decls {
			name := ""
			if f, ok := decl.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			if name == "Run" && reached[name] || reached[name] && explains(s, decl) {
				continue
			}
			for _, start := range goroutineStarts(decl) {
				found = append(found, s.find(start.Pos(), "goroutines", folder+" starts a goroutine outside Run",
					"internal/app owns every goroutine; a worker that Run waits for carries a comment \"goroutine: why it is bounded\""))
			}
		}
	}
	return found
}

// goroutineStarts returns go statements and calls of a method Go, as sync.WaitGroup and errgroup.Group have it.
func goroutineStarts(decl ast.Decl) []ast.Node {
	var starts []ast.Node
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = append(starts, n)
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" {
				starts = append(starts, n)
			}
		}
		return true
	})
	return starts
}

// explains reports whether a declaration, its doc comment included, carries a goroutine comment.
func explains(s *source, decl ast.Decl) bool {
	begin := decl.Pos()
	if f, ok := decl.(*ast.FuncDecl); ok && f.Doc != nil {
		begin = f.Doc.Pos()
	}
	return slices.ContainsFunc(s.ast.Comments, func(c *ast.CommentGroup) bool {
		return c.Pos() >= begin && c.End() <= decl.End() && goroutineReason.MatchString(c.Text())
	})
}

// reachedFromRun returns the names of functions and methods that Run calls, directly or not, Run included. It goes by
// name alone: two methods of one name count as one, which can only let a commented goroutine pass.
func reachedFromRun(files []*source) map[string]bool {
	calls := make(map[string][]string)
	for _, s := range files {
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					calls[f.Name.Name] = append(calls[f.Name.Name], id.Name)
				}
				return true
			})
		}
	}
	reached := make(map[string]bool)
	var visit func(name string)
	visit = func(name string) {
		if _, declared := calls[name]; !declared || reached[name] {
			return
		}
		reached[name] = true
		for _, callee := range calls[name] {
			visit(callee)
		}
	}
	visit("Run")
	return reached
}
