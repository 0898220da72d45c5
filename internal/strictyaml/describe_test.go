package strictyaml

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/fake/golden"
)

// sample has a key for each kind of value and each form that setters can ask for. Its targets are defaults where they are not zero.
func sample() Setter {
	i := &item{Level: "low", Count: 5, Span: 5 * time.Minute, Size: 64 << 20}
	var node Setter
	free := make(map[string]string)
	limit, plain := 0, ""
	node = func(n Node) {
		n.Pick(Fields{"name": func(Node) {}}) // a first look must not hide what the second one says
		n.Map(Fields{
			"name":     Name(&i.Name),
			"note":     String(&i.Name),
			"year":     Plain(&plain),
			"level":    Word(&i.Level, "low", "high"),
			"flag":     Bool(&i.Flag),
			"count":    Int(&i.Count, 1, 10),
			"share":    Ratio(&i.Share),
			"limit":    IntOrWord(&limit, 1, 7, map[string]int{"unlimited": 0}),
			"span":     Duration(&i.Span, time.Second, time.Hour),
			"delay":    Duration(new(time.Duration), 0, time.Hour),
			"size":     Size(&i.Size, 1<<10, 1<<40),
			"url":      URL(&i.URL),
			"tags":     Strings(&i.Tags),
			"matchers": Matchers(&i.Matchers),
			"old":      Refuse("old is gone", "remove it"),
			"timeout": func(n Node) {
				if !n.Is("never") {
					Duration(&i.Span, time.Second, time.Hour)(n)
				}
			},
			"any": func(n Node) {
				switch {
				case n.IsMap():
					n.Map(Fields{"x": Bool(new(bool))}, "x")
				case n.IsList():
					n.List(Name(&i.Name))
				default:
					Int(&i.Count, 1, 10)(n)
				}
			},
			"free": func(n Node) {
				n.Entries(func(key string, n Node) {
					var s string
					Name(&s)(n)
					free[key] = s
				})
			},
			"code":     func(n Node) { Name(&i.Name)(n); n.Note(func(s *Schema) { s.Pattern = "^[a-z]+$" }) },
			"tree":     func(n Node) { n.Tree() },
			"children": func(n Node) { n.List(Def("node", node)) },
		}, "name")
	}
	return node
}

func sampleDocs() Docs {
	docs := Docs{"": "A sample.", "node": "A node below another one.", "any.x": "A flag inside.", "children": "What is below.", "node.children": "What is below."}
	for _, key := range strings.Fields("name note year level flag count share limit span delay size url tags matchers timeout any free code tree") {
		docs[key], docs["node."+key] = "It is a "+key+".", "It is a "+key+"."
	}
	docs["node.any.x"] = "A flag inside."
	return docs
}

// TestDescribeSaysWhatTheReaderAccepts: the golden file is read by people.
func TestDescribeSaysWhatTheReaderAccepts(t *testing.T) {
	s, err := Describe(sample(), sampleDocs())
	if err != nil {
		t.Fatal(err)
	}
	if missing := s.Undescribed(); len(missing) > 0 {
		t.Errorf("keys without a description: %v", missing)
	}
	doc, err := s.Document("Sample")
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "sample.schema.json", doc)
}

// The order of keys in Go's maps must not get out.
func TestDescribeIsTheSameEachTime(t *testing.T) {
	var first string
	for range 5 {
		s, err := Describe(sample(), sampleDocs())
		if err != nil {
			t.Fatal(err)
		}
		doc, err := s.Document("Sample")
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(doc)
		}
		if first != string(doc) {
			t.Fatal("two walks differ")
		}
	}
}

func TestDescribeTellsOfWhatCannotBe(t *testing.T) {
	var endless Setter
	endless = func(n Node) { n.Map(Fields{"a": endless, "b": endless}) }
	for _, c := range []struct {
		name string
		set  Setter
		docs Docs
		want string
	}{
		{"two types", func(n Node) { n.Map(Fields{"x": func(n Node) { Name(new(string))(n); Bool(new(bool))(n) }}) }, nil, "x is both [string] and [boolean]"},
		{"a list and a map", func(n Node) { n.List(Name(new(string))); n.Map(Fields{}) }, nil, " is both [array] and [object]"},
		{"a description of nothing", func(n Node) { n.Map(Fields{}) }, Docs{"hold": "How long."}, `description of "hold", which is no key`},
		{"no end", endless, nil, "has no end: name what contains itself with Def"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Describe(c.set, c.docs); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %s", err, c.want)
			}
		})
	}
}

func TestUndescribedKeysAreListed(t *testing.T) {
	set := func(n Node) {
		n.Map(Fields{
			"a": Name(new(string)),
			"b": func(n Node) {
				n.List(func(n Node) { n.Map(Fields{"c": Name(new(string)), "old": Refuse("gone", "")}) })
			},
			"def": Def("thing", func(n Node) { n.Map(Fields{"d": Bool(new(bool))}) }),
		})
	}
	s, err := Describe(set, Docs{"a": "It is a."})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b", "b[].c", "def", "thing", "thing.d"}, s.Undescribed()); diff != "" {
		t.Errorf("undescribed (-want +got):\n%s", diff)
	}
}
