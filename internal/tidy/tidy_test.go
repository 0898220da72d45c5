package tidy

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestTreeKeepsTheHouseStyle is the gate: the whole repository, no exceptions.
func TestTreeKeepsTheHouseStyle(t *testing.T) {
	found, err := Check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// violation is a tiny tree and what must be found in it, as "file:line: rule: what". The reasons are prose and not compared.
type violation struct {
	name  string
	files map[string]string
	want  []string
}

// check runs the violations of one rule: the checker is itself checked, since a rule that finds nothing looks like a clean tree.
func check(t *testing.T, rule string, cases []violation) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := make(fstest.MapFS)
			for name, text := range c.files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			found, err := Check(tree)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				if f.Rule != rule {
					continue
				}
				text, why, ok := strings.Cut(f.String(), " (")
				if !ok || why == ")" {
					t.Errorf("%q gives no reason", f)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings of rule %s (-want +got):\n%s", rule, diff)
			}
		})
	}
}

// one is a tree of a single file.
func one(name, text string) map[string]string { return map[string]string{name: text} }

func TestImportsPointInwards(t *testing.T) {
	check(t, "imports", []violation{
		{
			"core to edge", one("correlate/a.go", "package correlate\nimport \"quell/storage\""),
			[]string{"correlate/a.go:2: imports: correlate imports storage"},
		},
		{
			"core to rules", one("correlate/a.go", "package correlate\nimport _ \"quell/rules\""),
			[]string{"correlate/a.go:2: imports: correlate imports rules"},
		},
		{
			"graph to core", one("correlate/topology/a.go", "package topology\nimport \"quell/correlate\""),
			[]string{"correlate/topology/a.go:2: imports: correlate/topology imports correlate"},
		},
		{
			"graph to model", one("correlate/topology/a.go", "package topology\nimport \"quell/correlate/heal\""),
			[]string{"correlate/topology/a.go:2: imports: correlate/topology imports correlate/heal"},
		},
		{
			"rules to routing", one("rules/a.go", "package rules\nimport \"quell/routing\""),
			[]string{"rules/a.go:2: imports: rules imports routing"},
		},
		{
			"edge to edge", one("web/a.go", "package web\nimport (\n\t\"quell/correlate\"\n\t\"quell/storage/bolt\"\n)"),
			[]string{"web/a.go:4: imports: web imports storage/bolt"},
		},
		{
			"edge to wiring", one("storage/bolt/a.go", "package bolt\nimport \"quell/internal/app\""),
			[]string{"storage/bolt/a.go:2: imports: storage/bolt imports internal/app"},
		},
		{
			"config to store", one("internal/config/a.go", "package config\nimport (\n\t\"quell/notify\"\n\t\"quell/storage\"\n)"),
			[]string{"internal/config/a.go:4: imports: internal/config imports storage"},
		},
		{
			"wiring to fake", one("internal/app/a.go", "package app\nimport \"quell/internal/fake\""),
			[]string{"internal/app/a.go:2: imports: internal/app imports internal/fake"},
		},
		{
			"unknown layer", one("internal/magic/a.go", "package magic"),
			[]string{"internal/magic/a.go:1: imports: folder internal/magic is in no layer"},
		},
		{
			"edge test to edge", one("web/a_test.go", "package web_test\nimport \"quell/storage\""),
			[]string{"web/a_test.go:2: imports: web imports storage"},
		},
	})
}

func TestImportsAllowWhatTheTableAllows(t *testing.T) {
	check(t, "imports", []violation{
		{"core", one("correlate/a.go", "package correlate\nimport (\n\"quell/correlate/heal\"\n\"quell/correlate/topology\"\n\"fmt\"\n)"), nil},
		{"packs", one("rules/packs/a.go", "package packs\nimport (\n\"quell/rules\"\n\"quell/internal/strictyaml\"\n)"), nil},
		{"store", one("storage/bolt/a.go", "package bolt\nimport (\n\"quell/storage\"\n\"quell/routing\"\n\"quell/correlate/topology\"\n)"), nil},
		{"wiring", one("internal/app/a.go", "package app\nimport (\n\"quell/storage/bolt\"\n\"quell/web\"\n\"quell/internal/config\"\n)"), nil},
		{"fakes among themselves", one("internal/fake/a.go", "package fake\nimport \"quell/internal/fake/clock\""), nil},
		{"wiring test", one("internal/app/a_test.go", "package app\nimport \"quell/internal/fake\""), nil},
		{"engine test with rules", one("correlate/a_test.go", "package correlate_test\nimport (\n\"quell/correlate\"\n\"quell/rules/packs\"\n)"), nil},
		{"command", one("cmd/quell/a.go", "package main\nimport (\n\"quell/internal/app\"\n\"quell/internal/fake\"\n)"), nil},
	})
}

func TestPureCodeHasNoWayOut(t *testing.T) {
	check(t, "purity", []violation{
		{
			"imports", one("correlate/heal/a.go", "package heal\nimport (\n\"sync/atomic\"\n\"log/slog\"\n\"os\"\n\"net/http\"\n\"context\"\n\"math/rand/v2\"\n\"math\"\n)"),
			[]string{
				"correlate/heal/a.go:3: purity: correlate/heal imports sync/atomic",
				"correlate/heal/a.go:4: purity: correlate/heal imports log/slog",
				"correlate/heal/a.go:5: purity: correlate/heal imports os",
				"correlate/heal/a.go:6: purity: correlate/heal imports net/http",
				"correlate/heal/a.go:7: purity: correlate/heal imports context",
				"correlate/heal/a.go:8: purity: correlate/heal imports math/rand/v2",
			},
		},
		{
			"clock", one("routing/a.go", "package routing\nimport \"time\"\nvar t = time.Now()\nvar f = time.AfterFunc\nvar d = time.Second\nvar z = time.UTC"),
			[]string{"routing/a.go:3: purity: routing uses time.Now", "routing/a.go:4: purity: routing uses time.AfterFunc"},
		},
		{
			"renamed clock", one("rules/a.go", "package rules\nimport clock \"time\"\nvar t = clock.Since(x)"),
			[]string{"rules/a.go:3: purity: rules uses time.Since"},
		},
		{"addresses only compute", one("routing/a.go", "package routing\nimport \"net/url\""), nil},
		{"tests are free", one("correlate/a_test.go", "package correlate\nimport \"os\""), nil},
		{"edges are free", one("web/a.go", "package web\nimport \"net/http\""), nil},
	})
}

func TestOnlyOwnersStartGoroutines(t *testing.T) {
	const spawn = "package p\nfunc %() {\n\tgo work()\n}\n"
	in := func(name string) string { return strings.ReplaceAll(spawn, "%", name) }
	const outside = " starts a goroutine outside Run"
	check(t, "goroutines", []violation{
		{"core", one("correlate/a.go", in("Run")), []string{"correlate/a.go:3: goroutines: correlate" + outside}},
		{"edge", one("notify/a.go", in("send")), []string{"notify/a.go:3: goroutines: notify" + outside}},
		{"wait group", one("web/a.go", "package web\nfunc f() {\n\twg.Go(work)\n}\n"), []string{"web/a.go:3: goroutines: web" + outside}},
		{"variable", one("web/a.go", "package web\nvar f = func() {\n\tgo work()\n}\n"), []string{"web/a.go:3: goroutines: web" + outside}},
		{
			"called from Run without a reason", one("notify/a.go", in("start")+"func Run() { start() }\n"),
			[]string{"notify/a.go:3: goroutines: notify" + outside},
		},
		{
			"with a reason but not called from Run", one("notify/a.go", "package p\nfunc start() {\n\t// goroutine: one.\n\tgo work()\n}\nfunc Run() {}\n"),
			[]string{"notify/a.go:4: goroutines: notify" + outside},
		},
		{
			"empty reason", one("notify/a.go", "package p\nfunc start() {\n\t// goroutine:\n\tgo work()\n}\nfunc Run() { start() }\n"),
			[]string{"notify/a.go:4: goroutines: notify" + outside},
		},
		{"Run of an edge", one("ingest/kubernetes/a.go", in("(w *Watcher) Run")), nil},
		{"reached from Run with a reason", map[string]string{
			"notify/a.go": "package p\nfunc (d *D) Run() { d.loop() }\nfunc (d *D) loop() { d.start() }\n",
			"notify/b.go": "package p\n// start works. goroutine: at most Workers of them.\nfunc (d *D) start() {\n\tgo work()\n}\n",
		}, nil},
		{"owner", one("internal/app/a.go", in("start")), nil},
		{"fake", one("internal/fake/a.go", in("start")), nil},
		{"conformance suite", one("storage/storagetest/a.go", in("start")), nil},
		{"command", one("cmd/quell/a.go", in("start")), nil},
		{"test", one("correlate/a_test.go", in("start")), nil},
	})
}

func TestParsersAreFuzzed(t *testing.T) {
	const parser = "package a\nimport \"encoding/json\"\nvar err = json.Unmarshal(nil, nil)\n"
	const fuzz = "package a\nimport \"testing\"\nfunc FuzzA(f *testing.F) {}\n"
	const missing = " parses by json.Unmarshal and has no fuzz test"
	check(t, "fuzz", []violation{
		{"parser", one("web/a.go", parser), []string{"web/a.go:3: fuzz: web" + missing}},
		{"parser with a test", map[string]string{"web/a.go": parser, "web/a_test.go": strings.ReplaceAll(fuzz, "Fuzz", "Test")}, []string{"web/a.go:3: fuzz: web" + missing}},
		{"fuzz test elsewhere", map[string]string{"web/a.go": parser, "web/b/b_test.go": fuzz}, []string{"web/a.go:3: fuzz: web" + missing}},
		{
			"reader of rule files", one("rules/a.go", "package a\nimport \"quell/internal/strictyaml\"\nvar ps = strictyaml.Read(\"\", nil, nil)\n"),
			[]string{"rules/a.go:3: fuzz: rules parses by strictyaml.Read and has no fuzz test"},
		},
		{"fuzzed parser", map[string]string{"web/a.go": parser, "web/a_test.go": fuzz}, nil},
		{"parser of a test", one("web/a_test.go", parser), nil},
		{"writer", one("web/a.go", "package a\nimport \"encoding/json\"\nvar b, err = json.Marshal(nil)\n"), nil},
		{"reader of its own rows", one("internal/app/a.go", parser), nil},
	})
}

func TestSizesAreBounded(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	check(t, "size", []violation{
		{"function", one("web/a.go", "package web\n\n// f is long.\nfunc f() {"+lines(70)+"}\n"), []string{"web/a.go:4: size: f has 71 lines"}},
		{"longest function", one("web/a.go", "package web\n"+strings.Repeat("// A long comment.\n", 50)+"func f() {"+lines(69)+"}\n"), nil},
		{"test function", one("web/a_test.go", "package web\nfunc TestA() {"+lines(70)+"}\n"), []string{"web/a_test.go:2: size: TestA has 71 lines"}},
		{"literal", one("web/a.go", "package web\nvar f = func() {"+lines(70)+"}\n"), []string{"web/a.go:2: size: function literal has 71 lines"}},
		{"file", one("web/a.go", "package web"+lines(601)), []string{"web/a.go:1: size: file of 601 lines"}},
		{"longest file", one("web/a.go", "package web"+lines(600)), nil},
		{"generated file", one("web/a.go", "// Code generated by x. DO NOT EDIT.\n\npackage web"+lines(601)), nil},
	})
}

func TestNamesSaySomething(t *testing.T) {
	check(t, "names", []violation{
		{"package", one("web/util/a.go", "package util"), []string{"web/util/a.go:1: names: package util"}},
		{"test package", one("web/util/a_test.go", "package util_test"), []string{"web/util/a_test.go:1: names: package util"}},
		{"file", one("web/helpers.go", "package web"), []string{"web/helpers.go:1: names: file helpers.go"}},
		{"test file", one("web/types_test.go", "package web"), []string{"web/types_test.go:1: names: file types_test.go"}},
		{"word inside", one("web/database.go", "package web"), nil},
	})
}

func TestTestsDoNotSleep(t *testing.T) {
	const sleeps = "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	check(t, "sleep", []violation{
		{"test", one("web/a_test.go", sleeps), []string{"web/a_test.go:3: sleep: test uses time.Sleep"}},
		{"bubble", one("web/a_test.go", strings.Replace(sleeps, "import", "import \"testing/synctest\"\nimport", 1)), nil},
		{"black box", one("test/e2e/a_test.go", sleeps), nil},
	})
}

func TestTestsDrawWhatCanBeRepeated(t *testing.T) {
	const global = "package p\nimport \"math/rand/v2\"\nvar n = rand.IntN(3)\n"
	check(t, "dice", []violation{
		{"global", one("web/a_test.go", global), []string{"web/a_test.go:3: dice: test uses rand.IntN"}},
		{"source", one("web/a_test.go", strings.Replace(global, "rand.IntN(3)", "rand.New(rand.NewPCG(1, 2)).IntN(3)", 1)), nil},
		{"product", one("web/a.go", global), nil},
		{"black box", one("test/e2e/a_test.go", global), nil},
	})
}

func TestEveryPackageAndExportedNameIsDocumented(t *testing.T) {
	const doc = "// Package web serves.\npackage web\n"
	check(t, "docs", []violation{
		{"package", one("web/a.go", "package web"), []string{"web/a.go:1: docs: package web has no package comment"}},
		{"package of tests", one("test/e2e/a_test.go", "package e2e"), []string{"test/e2e/a_test.go:1: docs: package e2e has no package comment"}},
		{
			"comment in a test alone",
			map[string]string{"web/a.go": "package web", "web/a_test.go": doc},
			[]string{"web/a.go:1: docs: package web has no package comment"},
		},
		{"comment in another file", map[string]string{"web/a.go": "package web", "web/b.go": doc}, nil},
		{"function", one("web/a.go", doc+"func F() {}"), []string{"web/a.go:3: docs: F has no doc comment"}},
		{
			"method", one("web/a.go", doc+"type t int\nfunc (t) F() {}\n// T is one.\ntype T[E any] int\nfunc (*T[E]) G() {}"),
			[]string{"web/a.go:7: docs: G has no doc comment"},
		},
		{"type in a block", one("web/a.go", doc+"type (\n\tA int\n\t// B is one.\n\tB int\n)"), []string{"web/a.go:4: docs: A has no doc comment"}},
		{
			"value", one("web/a.go", doc+"var A = 1\nconst (\n\tB = 1 // B is one.\n\tC = 2\n)\n// Letters.\nconst (\n\tD = 1\n)"),
			[]string{"web/a.go:3: docs: A has no doc comment", "web/a.go:6: docs: C has no doc comment"},
		},
		{"directive is no comment", one("web/a.go", doc+"//go:noinline\nfunc F() {}"), []string{"web/a.go:4: docs: F has no doc comment"}},
	})
}

func TestLogMessagesAreConstant(t *testing.T) {
	const head = "package web\nimport (\n\"log/slog\"\n\"net/http\"\n)\nconst msg = \"store alert\"\n"
	check(t, "logs", []violation{
		{"variable", one("web/a.go", head+"func f() { log.Info(text) }"), []string{"web/a.go:7: logs: Info has no constant message"}},
		{"concatenation", one("web/a.go", head+"func f() { s.log.ErrorContext(ctx, \"store \"+id) }"), []string{"web/a.go:7: logs: ErrorContext has no constant message"}},
		{"attributes", one("web/a.go", head+"func f() { log.LogAttrs(ctx, slog.LevelInfo, err.Error()) }"), []string{"web/a.go:7: logs: LogAttrs has no constant message"}},
		{"global", one("web/a.go", head+"func f() { slog.Info(\"store alert\") }"), []string{"web/a.go:7: logs: slog.Info uses the global logger"}},
		{"literal", one("web/a.go", head+"func f() { log.Warn(\"store alert\", slog.String(\"id\", id)) }"), nil},
		{"constant", one("web/a.go", head+"func f() { log.Warn(msg) }"), nil},
		{"not a logger", one("web/a.go", head+"func f() { http.Error(w, text, 400); err.Error() }"), nil},
	})
}

func TestCheckNamesAFileThatDoesNotParse(t *testing.T) {
	_, err := Check(fstest.MapFS{"web/a.go": &fstest.MapFile{Data: []byte("package")}})
	if err == nil || !strings.Contains(err.Error(), "web/a.go:1") {
		t.Errorf("got error %v, want one that names web/a.go:1", err)
	}
}

func TestCheckSkipsWhatIsNotOurs(t *testing.T) {
	tree := make(fstest.MapFS)
	for _, folder := range []string{".git", "web/testdata", "_old", "bin/tools", "vendor/x"} {
		tree[folder+"/a.go"] = &fstest.MapFile{Data: []byte("package util")}
	}
	if found, err := Check(tree); err != nil || len(found) > 0 {
		t.Errorf("got %v and error %v, want nothing", found, err)
	}
}
