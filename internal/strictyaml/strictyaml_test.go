package strictyaml

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// item is a value with one field of each kind.
type item struct {
	Name     string
	Level    string
	Flag     bool
	Count    int
	Share    float64
	Span     time.Duration
	Size     int64
	URL      string
	Tags     []string
	Matchers labels.Matchers
	Children []*item
}

func (i *item) set(n Node) {
	n.Map(Fields{
		"name":     Name(&i.Name),
		"level":    Word(&i.Level, "low", "high"),
		"flag":     Bool(&i.Flag),
		"count":    Int(&i.Count, 1, 10),
		"share":    Float(&i.Share, 0, 1),
		"span":     Duration(&i.Span, time.Second, time.Hour),
		"size":     Size(&i.Size, 1, 1<<40),
		"url":      URL(&i.URL),
		"tags":     Strings(&i.Tags),
		"matchers": Matchers(&i.Matchers),
		"old":      Refuse("old is gone", "remove it"),
		"children": func(n Node) {
			n.List(func(n Node) {
				c := new(item)
				i.Children = append(i.Children, c)
				c.set(n)
			})
		},
	}, "name")
}

func read(text string) (*item, string) {
	i := new(item)
	problems := Read("f.yml", []byte(text), i.set)
	return i, problems.Error()
}

func TestReadStoresEveryKindOfValue(t *testing.T) {
	const text = `
name: &n cart
level: high
flag: true
count: 3
share: 0.25
span: 1m30s
size: 64MiB
url: https://example.org/x
tags: [a, "1"]
children:
  - {name: *n, size: 17, span: 1h}
  - name: |
      two
      lines
    children: []
`
	want := &item{
		Name: "cart", Level: "high", Flag: true, Count: 3, Share: 0.25, Span: 90 * time.Second, Size: 64 << 20, URL: "https://example.org/x",
		Tags:     []string{"a", "1"},
		Children: []*item{{Name: "cart", Size: 17, Span: time.Hour}, {Name: "two\nlines\n"}},
	}
	got, problems := read(text)
	if problems != "" {
		t.Fatalf("got problems:\n%s", problems)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// Each case is one mistake; together they are all kinds of problems, with their positions.
func TestReadNamesEveryMistakeWithItsPosition(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `f.yml:1:1: key "name" is missing`},
		{"name:\n", `f.yml:1:1: key "name" is missing`},
		{"name: ''\n", `f.yml:1:7: empty text`},
		{"name: x\nnmae: y\n", `f.yml:2:1: unknown key "nmae" (did you mean name?)`},
		{"name: x\nzzzzz: y\n", `f.yml:2:1: unknown key "zzzzz"`},
		{"name: x\nname: y\n", `f.yml:2:1: key "name" is given twice`},
		{"name: 12\n", `f.yml:1:7: want text, got a number (put it in quotes)`},
		{"name: true\n", `f.yml:1:7: want text, got true or false (put it in quotes)`},
		{"name: [x]\n", `f.yml:1:7: want text, got a list`},
		{"name: {a: b}\n", `f.yml:1:7: want text, got a map`},
		{"- x\n", `f.yml:1:1: want a map, got a list`},
		{"x\n", `f.yml:1:1: want a map, got text`},
		{"name: x\nlevel: hihg\n", `f.yml:2:8: "hihg" is none of low, high (did you mean high?)`},
		{"name: x\n" + strings.Repeat("z", 90) + ": y\n", `f.yml:2:1: unknown key "` + strings.Repeat("z", 60) + `…"`},
		{"name: a\x00b\n", `f.yml:1:8: a NUL character, which no text has (save the file as UTF-8)`},
		{"\xff\xfen\x00a\x00", `f.yml:1:1: not UTF-8 text (save the file as UTF-8)`},
		{"name: x\n\tcount: 1\n", `f.yml:2:1: found character '\t' that cannot start any token (indent with spaces)`},
		{"name: |\x1b[31m\n", `f.yml:1:7: invalid header option: "\x1b[31m"`},
		{"name: |" + strings.Repeat("y", 999) + "\n", `f.yml:1:7: invalid header option: "` + strings.Repeat("y", 176) + `…`},
		{"name: x\nflag: yes\n", `f.yml:2:7: want true or false, got text`},
		{"name: x\ncount: 11\n", `f.yml:2:8: "11" is not between 1 and 10`},
		{"name: x\ncount: 99999999999999999999\n", `f.yml:2:8: want a whole number, got text`},
		{"name: x\ncount: 1.5\n", `f.yml:2:8: want a whole number, got a number`},
		{"name: x\nshare: 1.5\n", `f.yml:2:8: "1.5" is not between 0 and 1`},
		{"name: x\nshare: half\n", `f.yml:2:8: want a number, got text`},
		{"name: x\nspan: 5\n", `f.yml:2:7: "5" is no duration (write 90s, 5m or 7d)`},
		{"name: x\nspan: 7d\n", `f.yml:2:7: 7d is not between 1s and 1h`},
		{"name: x\nspan: 5 minutes\n", `f.yml:2:7: "5 minutes" is no duration (write 5m)`},
		{"name: x\nspan: 1 Hour\n", `f.yml:2:7: "1 Hour" is no duration (write 1h)`},
		{"name: x\nspan: 30sec\n", `f.yml:2:7: "30sec" is no duration (write 30s)`},
		{"name: x\nspan: 2 weeks\n", `f.yml:2:7: "2 weeks" is no duration (write 2w)`},
		{"name: x\nspan: 5months\n", `f.yml:2:7: "5months" is no duration (write 90s, 5m or 7d)`},
		{"name: x\nspan: -5m\n", `f.yml:2:7: "-5m" is no duration (write 90s, 5m or 7d)`},
		{"name: x\nsize: 5MB\n", `f.yml:2:7: "5MB" is no size (write bytes, or 64MiB or 1GiB)`},
		{"name: x\nsize: 99999999TiB\n", `f.yml:2:7: "99999999TiB" is no size (write bytes, or 64MiB or 1GiB)`},
		{"name: x\nsize: 0\n", `f.yml:2:7: 0 is not between 1 and 1099511627776 bytes`},
		{"name: x\nurl: ftp://x\n", `f.yml:2:6: "ftp://x" is no http or https address`},
		{"name: x\ntags: a\n", `f.yml:2:7: want a list, got text (write [value])`},
		{"name: x\nchildren:\n  name: y\n", `f.yml:3:3: want a list, got a map (begin each item with -)`},
		{"name: x\ntags: [a, ~]\n", `f.yml:2:11: empty item in a list`},
		{"name: x\nmatchers: ['a']\n", `f.yml:2:12: bad matcher "a": bad matcher format: a (write 'name="value"', or with !=, =~ or !~)`},
		{"name: x\nmatchers: ['{}']\n", `f.yml:2:12: bad matcher "{}": no matcher in it (write 'name="value"', or with !=, =~ or !~)`},
		{"name: x\nmatchers: ['a=~\"*b\"']\n", "f.yml:2:12: bad matcher \"a=~\\\"*b\\\"\": error parsing regexp: missing argument to repetition operator: `*` (write .* for anything: patterns are regular expressions)"},
		{"name: x\nmatchers: ['a=~\"(?!b).*\"']\n", "f.yml:2:12: bad matcher \"a=~\\\"(?!b).*\\\"\": error parsing regexp: invalid or unsupported Perl syntax: `(?!` (patterns are RE2's, as Prometheus has them, without look-ahead: write a second matcher, with !~)"},
		{"name: x\nmatchers: ['a=~\"b(\"']\n", "f.yml:2:12: bad matcher \"a=~\\\"b(\\\"\": error parsing regexp: missing closing ): `^(?:b()$` (correct the pattern; \\ before a character takes it as it is)"},
		{"name: x\nmatchers: ['a=\"b\" c=\"d\"']\n", "f.yml:2:12: bad matcher \"a=\\\"b\\\" c=\\\"d\\\"\": matcher value contains unescaped double quote: \"b\" c=\"d\" (separate matchers by commas: all of them must match)"},
		{"name: x\nold: 1\n", `f.yml:2:6: old is gone (remove it)`},
		{"name: x\nchildren:\n  - name: y\n  - nam: z\n", "f.yml:4:5: unknown key \"nam\" (did you mean name?)\nf.yml:4:5: key \"name\" is missing"},
		{"name: *x\n", "f.yml:1:1: key \"name\" is missing\nf.yml:1:7: unknown alias \"x\" (define it before with &NAME)"},
		{"name: !!str x\n", "f.yml:1:1: key \"name\" is missing\nf.yml:1:7: tags are not supported (put text that begins with ! in quotes)"},
		{"name: x\nchildren: &c\n  - name: y\n    children: *c\n", `f.yml:3:5: nested deeper than 64`},
		{"name: x\n<<: {flag: true}\n", `f.yml:2:1: merge keys are not supported (repeat the keys, or use an alias for the whole value)`},
		{"name: x\n12: y\n", `f.yml:2:1: key is no text`},
		{"name: x\n---\nname: y\n", `f.yml:3:1: second document in one file (split the file at ---)`},
		{"name: \"x\n", `f.yml:1:7: could not find end character of double-quoted text (close the quote)`},
		{"name: x\n\xff\n", `f.yml:2:1: not UTF-8 text (save the file as UTF-8)`},
		{"name: x\nfl\x00ag: y\n", `f.yml:2:3: a NUL character, which no text has (save the file as UTF-8)`},
		{"name: " + strings.Repeat("[", 65), `f.yml:1:71: nested deeper than 64`},
		{strings.Repeat("- ", 65), `f.yml:1:129: nested deeper than 64`},
		{strings.Repeat("#", MaxBytes+1), `f.yml: file of 1048577 bytes is larger than 1048576 (split it)`},
		{strings.Repeat("- x\n", MaxTokens/2+1), `f.yml: file of 50002 tokens is larger than 50000 (split it)`},
	} {
		if _, got := read(c.text); got != c.want {
			t.Errorf("%.60q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestWhatIsNoYAMLIsToldWithWhatWasMeant: the parser's words are about grammar, so each mistake that people make comes with its cure.
func TestWhatIsNoYAMLIsToldWithWhatWasMeant(t *testing.T) {
	const (
		braces  = "put a value that begins with {{ in quotes"
		quotes  = "a value is all in quotes, or not at all: put single quotes around one with double quotes in it, and write '' for one within"
		bracket = "close the bracket; a value with quotes or brackets in it stands in single quotes"
		column  = "keys of one map begin in one column; look at the line above, too"
		colon   = "write a colon and a space behind a key"
	)
	for _, c := range []struct{ text, at, hint string }{
		{"name: {{ .Labels.team }}\n", "1:8", braces},
		{"tags: [{{ .Labels.team }} is on it]\n", "1:9", braces},
		{"children: [{name: {{ .Labels.team }}}]\n", "1:20", braces},
		{"tags:\n  - {{ .Labels.team }} is on it\n", "2:6", braces},
		{"name: \"{{ index .Labels \"team\" }}\"\n", "1:26", quotes},
		{"name: 'it's bad'\n", "1:11", quotes},
		{"tags: [\"alertname=\"Foo\"\"]\n", "1:20", bracket},
		{"tags: [a, b\nname: x\n", "2:1", bracket},
		{"children: [{name: labels[\"x\"]}]\n", "1:25", bracket},
		{"name: note: this\n", "1:7", `put a value with ": " in it in quotes`},
		{"children:\n  - name: x\n  size: 1\n", "3:3", column},
		{"children:\n  - name: x\n    tags: []\n      size: 1\n", "4:7", column},
		{"children:\n  -name: x\n   size: 1\n", "2:10", "write a space behind -"},
		{"children:\n  - name: x\n    size 1\n", "3:5", colon},
		{"children:\n  - name: x\n    size:1\n", "3:5", colon},
		{"children\n  - name: x\n", "1:1", colon},
		{"name: @oncall\n", "1:7", "put a value that begins with it in quotes"},
		{"children: [{name: x\n", "1:12", "close the bracket"},
		{"name: 'x\n", "1:7", "close the quote"},
	} {
		_, got := read(c.text)
		if !strings.HasPrefix(got, "f.yml:"+c.at+": ") || !strings.HasSuffix(got, "("+c.hint+")") {
			t.Errorf("%q\n got %s\nwant f.yml:%s: … (%s)", c.text, got, c.at, c.hint)
		}
	}
}

// TestReadAllAppliesToEachDocumentOnItsOwn: anchors end with their document, and what others write is not looked at.
func TestReadAllAppliesToEachDocumentOnItsOwn(t *testing.T) {
	var names []string
	problems := ReadAll("f.yml", []byte("name: &n a\nwhatever: !x [1]\n---\n# nothing\n---\nname: *n\n---\n- x\n---\nname: b\n"), func(n Node) {
		i := new(item)
		n.Pick(Fields{"name": Name(&i.Name)})
		if p := n.Later(); p.File != "f.yml" || p.Line == 0 {
			t.Errorf("got %+v, want a position", p)
		}
		names = append(names, i.Name)
	})
	if diff := cmp.Diff([]string{"a", "", "", "b"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	const want = "f.yml:6:7: unknown alias \"n\" (define it before with &NAME)\nf.yml:8:1: want a map, got a list"
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReadAcceptsAByteOrderMarkAndWindowsLineEnds(t *testing.T) {
	got, problems := read("\ufeffname: x\r\nchildren:\r\n  - {name: y,\r\n     count: 3}\r\n  - name: |\r\n      two\r\n      lines\r\n")
	want := &item{Name: "x", Children: []*item{{Name: "y", Count: 3}, {Name: "two\nlines\n"}}}
	if diff := cmp.Diff(want, got); problems != "" || diff != "" {
		t.Errorf("problems %q, (-want +got):\n%s", problems, diff)
	}
}

// TestColonsWithoutASpaceAreText, also where the parser reads a map.
func TestColonsWithoutASpaceAreText(t *testing.T) {
	got, problems := read("{name: a:b, children: [{name: x, tags: [c:d, e:f/g, http://x:80/y, h:1]}]}\n")
	if problems != "" {
		t.Fatal(problems)
	}
	if diff := cmp.Diff([]string{"c:d", "e:f/g", "http://x:80/y", "h:1"}, got.Children[0].Tags); got.Name != "a:b" || diff != "" {
		t.Errorf("name %q, tags (-want +got):\n%s", got.Name, diff)
	}
	for _, text := range []string{"{name: x, tags: [c: d]}", "{name: x, tags: ['c':d]}", "{name: x, tags: [{c:d}]}"} {
		if _, problems := read(text); problems != "f.yml:1:18: want text, got a map" {
			t.Errorf("%s: got %q", text, problems)
		}
	}
}

// Aliases of aliases double what there is to visit with each line. The walk must end, and say why.
func TestReadBoundsAliasBombs(t *testing.T) {
	var b strings.Builder
	b.WriteString("name: x\nchildren:\n")
	b.WriteString("  - &a0 {name: y}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "  - &a%d {name: y, children: [*a%d, *a%d]}\n", i, i-1, i-1)
	}
	_, got := read(b.String())
	if want := "more than 100000 values (aliases repeat too much)"; !strings.Contains(got, want) || strings.Count(got, "\n") > 0 {
		t.Errorf("got %q, want one problem: %s", got, want)
	}
}

func TestReadReportsNoMoreThanPeopleRead(t *testing.T) {
	problems := Read("f.yml", []byte("name: x\n"+strings.Repeat("bad: 1\n", 500)), new(item).set)
	if len(problems) != MaxProblems {
		t.Errorf("got %d problems, want %d", len(problems), MaxProblems)
	}
}

// Where the two notations of matchers disagree, Alertmanager's default takes the classic one.
func TestMatchersAreReadAsAlertmanagerReadsThem(t *testing.T) {
	i, problems := read("name: x\nmatchers: ['a=\"b\", c!=d', 'e=~f|g', '\"http.method\"!~\"x.*\"', 'b=a\\.b']\n")
	if problems != "" {
		t.Fatal(problems)
	}
	const want = `{a="b",c!="d",e=~"f|g",http.method!~"x.*",b="a\\.b"}`
	if got := i.Matchers.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnlyErrorsMakeAnError(t *testing.T) {
	ps := Problems{{File: "a", Text: "odd", Warning: true}}
	if err := ps.Err(); err != nil {
		t.Errorf("got error %v of a warning", err)
	}
	ps = append(ps, Problem{File: "a", Line: 2, Col: 3, Text: "bad", Hint: "do better"})
	if got, want := ps.Err().Error(), "a: warning: odd\na:2:3: bad (do better)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzRead looks for texts that make the reader panic or take long.
func FuzzRead(f *testing.F) {
	f.Add("name: &n x\nchildren: [{name: *n, tags: [a, 'b']}]\nspan: 5m\n")
	f.Add("? a\n: b\n- |+\n x\n--- !x\n%YAML 1.2\n")
	f.Add("a: &a [*a, {<<: *a}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		for _, p := range Read("f", []byte(text), new(item).set) {
			if p.Text == "" || p.Line < 0 || strings.Contains(p.String(), "\n") {
				t.Errorf("bad problem %+v", p)
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
