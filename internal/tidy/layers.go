package tidy

import (
	"slices"
	"strings"
)

// module is the path of the product's Go module.
const module = "quell"

// layer says what a folder may import of ours.
type layer struct {
	// folder is the layer's root; of several that fit, the longest counts.
	folder string
	// imports are what it may import besides itself, subfolders included.
	imports []string
	why     string
}

var (
	// pure are the packages that decide: no clock, disk, network, goroutine, lock or log.
	pure  = []string{"correlate", "rules", "routing", "internal/strictyaml", "internal/english", "internal/picture", "internal/lint", "internal/confdiff", "internal/story"}
	edges = []string{"ingest", "notify", "storage", "web"}
)

// layers is the table of the house style. A folder that is not in it is reported, so that a new layer is a decision and
// not an accident.
var layers = []layer{
	{
		folder:  "correlate",
		imports: []string{"correlate/topology", "correlate/heal", "correlate/honesty", "correlate/mention", "correlate/silence", "correlate/trend", "internal/english"},
		why:     "correlate is the pure centre",
	},
	{folder: "correlate/topology", why: "the graph knows nothing above it"},
	{folder: "correlate/mention", imports: []string{"correlate/topology"}, why: "names in messages become edges, and nothing else"},
	{folder: "correlate/honesty", why: "figures about waiting are made of times, and know nothing above them"},
	{folder: "correlate/heal", why: "the model knows nothing above it"},
	{folder: "correlate/silence", imports: []string{"correlate/topology"}, why: "a silence says what it is about; the engine knows who depends on whom"},
	{folder: "correlate/trend", why: "tests on counts and times know nothing of incidents"},
	{folder: "correlate/learn", imports: []string{"correlate/topology"}, why: "learning counts starts on a graph; the engine does not learn by itself"},
	{folder: "rules", imports: []string{"correlate", "internal/strictyaml"}, why: "rules compile to values of correlate"},
	{folder: "routing", imports: []string{"correlate", "rules", "internal/strictyaml"}, why: "routing turns effects into deliveries"},
	{folder: "ingest", imports: slices.Concat(pure, []string{"internal/secret"}), why: "edges import the pure core only, never each other"},
	{folder: "notify", imports: slices.Concat(pure, []string{"internal/secret"}), why: "edges import the pure core only, never each other"},
	{folder: "storage", imports: pure, why: "edges import the pure core only, never each other"},
	{folder: "web", imports: pure, why: "edges import the pure core only, never each other"},
	{folder: "internal/english", why: "words are put together, whatever they are about"},
	{folder: "internal/secret", why: "a credential knows nobody"},
	{folder: "internal/strictyaml", why: "strictyaml is pure and knows no domain"},
	{
		folder: "internal/config", imports: append([]string{"internal/secret", "internal/rulebook", "notify", "ingest/servicegraph", "ingest/catalog", "ingest/hook"}, pure...),
		why: "config describes, internal/app wires",
	},
	{folder: "internal/migration", imports: []string{"internal/strictyaml"}, why: "a migration is bytes in, bytes out"},
	{folder: "internal/confdiff", imports: []string{"internal/strictyaml"}, why: "texts are compared, whoever read them"},
	{folder: "internal/lint", imports: pure, why: "texts are looked at, whoever read them"},
	{folder: "internal/picture", imports: pure, why: "pictures are drawn from the read model"},
	{folder: "internal/story", imports: []string{"correlate", "internal/strictyaml"}, why: "a story is text in, inputs and expectations out"},
	{folder: "internal/rulebook", imports: pure, why: "rules are compiled, whoever asks for them"},
	{folder: "internal/cases", imports: pure, why: "cases are made of inputs and incidents, whoever read them"},
	{folder: "internal/proposal", imports: pure, why: "proposals are made of inputs, whoever read them"},
	{
		folder: "internal/replay", imports: slices.Concat(pure, []string{"ingest", "internal/picture", "internal/rulebook"}),
		why: "a replay decodes and steps; it stores and delivers nothing",
	},
	{
		folder:  "internal/ruletest",
		imports: slices.Concat(pure, []string{"internal/config", "internal/replay", "internal/rulebook", "notify/digest"}),
		why:     "a test of rules plays and compares; it stores and delivers nothing",
	},
	{
		folder: "internal/journal", imports: slices.Concat(pure, []string{"storage", "internal/replay", "internal/rulebook"}),
		why: "a journal is read from stores, lines and recordings",
	},
	{
		folder: "internal/backtest", imports: slices.Concat(pure, []string{"ingest/catalog", "internal/journal", "internal/rulebook", "storage"}),
		why: "a backtest steps engines with a journal; it stores and delivers nothing",
	},
	{
		folder: "internal/excerpt", imports: slices.Concat(pure, []string{"internal/backtest", "internal/cases", "internal/journal", "internal/replay", "internal/rulebook", "storage/mem"}),
		why: "an excerpt is made of a journal that is repeated",
	},
	{folder: "internal/demo", imports: slices.Concat(pure, edges, []string{"internal"}), why: "the demo wires a whole quell and the world around it"},
	{folder: "internal/fake", imports: pure, why: "fakes stand for the outside world"},
	{folder: "internal/tidy", why: "the checker must not depend on what it checks"},
	{
		folder:  "internal/app",
		imports: slices.Concat(pure, edges, []string{"internal/config", "internal/journal", "internal/rulebook"}),
		why:     "internal/app wires packages, and nothing wires internal/app but cmd",
	},
	{folder: "cmd", imports: slices.Concat(pure, edges, []string{"internal"}), why: "commands import all but each other"},
	{folder: "test", imports: slices.Concat(pure, edges, []string{"internal"}), why: "black-box tests import all but commands"},
}

// layerOf finds the layer of a folder.
func layerOf(folder string) (layer, bool) {
	var best layer
	for _, l := range layers {
		if below(folder, l.folder) && len(l.folder) > len(best.folder) {
			best = l
		}
	}
	return best, best.folder != ""
}

// allows reports whether a file of the layer may import one of our folders. Tests may also use the fakes and all
// that is pure: a scenario of the engine wants real rules. Whoever holds a credential may hold it as one; what is pure holds none.
func (l layer) allows(s *source, target string) bool {
	switch {
	case below(target, l.folder), s.test && below(target, "internal/fake"):
		return true
	case s.test && belowAny(target, pure...):
		return true
	case target == "internal/secret":
		return !belowAny(l.folder, pure...)
	case below(target, "internal/fake") && !below(l.folder, "internal/demo"):
		return below(l.folder, "cmd") || below(l.folder, "test")
	}
	return belowAny(target, l.imports...)
}

// checkImports holds the direction of imports: the core knows no edge, edges do not know each other.
func checkImports(s *source) []Finding {
	l, known := layerOf(s.folder)
	if !known {
		if s.folder == "." {
			return nil
		}
		why := "add it to the table in internal/tidy/layers.go on purpose"
		return []Finding{s.find(s.ast.Package, "imports", "folder "+s.folder+" is in no layer", why)}
	}
	var found []Finding
	for _, imp := range s.ast.Imports {
		target, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module+"/")
		if ours && !l.allows(s, target) {
			found = append(found, s.find(imp.Pos(), "imports", s.folder+" imports "+target, l.why))
		}
	}
	return found
}
