package rules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// pages are the documents about rule files.
func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("../docs/rules/*.md")
	if err != nil || len(list) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(list, "../docs/rules.md")
}

// fencedBlock is a block of a document: the words behind its fence, and what is in it.
var fencedBlock = regexp.MustCompile("(?ms)^```(\\w[^\n]*)\n(.*?)^```$")

// TestExamplesOfRulesDoWhatTheDocumentsSay loads each example, and asks it what the block below it says. An example without one fails.
//
//	alert {LABELS} -> WORD VALUE; WORD VALUE     what the rules say of an alert
//	event TYPE REASON [from COMPONENT] about ENTITY -> MEANING …
//	cause NAME of NAME -> weight …
//	dependency ENTITY on ENTITY -> type …
//	type NAME -> weight …; needs …; owns …, or unchanged
func TestExamplesOfRulesDoWhatTheDocumentsSay(t *testing.T) {
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			data, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			var set *Set
			examples := 0
			for _, block := range fencedBlock.FindAllStringSubmatch(string(data), -1) {
				switch block[1] {
				case "yaml rules":
					if set != nil {
						t.Errorf("nothing is expected of the example before\n%s", block[2])
					}
					set = compileText(t, block[2])
					examples++
				case "expect":
					if set == nil {
						t.Fatalf("no example before\n%s", block[2])
					}
					for line := range strings.Lines(block[2]) {
						checkClaim(t, set, strings.TrimSpace(line))
					}
					set = nil
				}
			}
			if set != nil || examples == 0 {
				t.Errorf("got %d examples, want some, each with what is expected of it", examples)
			}
		})
	}
}

// checkClaim compares one line of what is expected.
func checkClaim(t *testing.T, s *Set, line string) {
	t.Helper()
	question, answer, ok := strings.Cut(line, " -> ")
	kind, about, _ := strings.Cut(question, " ")
	ask, known := questions[kind]
	if !ok || !known {
		t.Fatalf("%q is no question that this test knows", line)
	}
	for claim := range strings.SplitSeq(answer, "; ") {
		word, want, _ := strings.Cut(claim, " ")
		if got := ask(t, s, about, word); got != want {
			t.Errorf("%s\n got %s %s", line, word, got)
		}
	}
}

// questions answer what a word of the right side is, by the first word of the left side.
var questions = map[string]func(t *testing.T, s *Set, about, word string) string{
	"alert":      askAlert,
	"event":      askEvent,
	"cause":      askCause,
	"dependency": askDependency,
	"type":       askType,
}

// verdicts are what rules say of an alert.
var verdicts = map[string]func(*Set, correlate.Labels) string{
	"severity": func(s *Set, l correlate.Labels) string { return s.Severity(l).String() },
	"shows": func(s *Set, l correlate.Labels) string {
		return map[correlate.Aspect]string{correlate.AspectState: "state", correlate.AspectEffect: "effect", correlate.AspectUnknown: "unknown"}[s.Aspect(l)]
	},
	"delay": func(s *Set, l correlate.Labels) string { return model.Duration(s.Delay(l)).String() },
	"entity": func(s *Set, l correlate.Labels) string {
		e, _ := s.Entity(l)
		return string(e)
	},
	"depends": func(s *Set, l correlate.Labels) string {
		_, edges := s.Entity(l)
		var list []string
		for _, e := range edges {
			list = append(list, e.Type+" "+string(e.To))
		}
		return orNone(strings.Join(list, ", "))
	},
	"hold": func(s *Set, l correlate.Labels) string {
		h, ok := s.Hold(l, s.Severity(l))
		switch {
		case !ok:
			return "none"
		case h.Threshold != 0:
			return fmt.Sprintf("%v threshold %v max %v", model.Duration(h.Hold), h.Threshold, model.Duration(h.Max))
		}
		return model.Duration(h.Hold).String()
	},
	"critical": func(s *Set, l correlate.Labels) string {
		e, _ := s.Entity(l)
		if _, ok := s.Critical(e, l); ok {
			return "yes"
		}
		return "no"
	},
	"chronic": func(s *Set, l correlate.Labels) string {
		r, ok := s.Chronic(l)
		if !ok {
			return "none"
		}
		var list []string
		if r.Budget != 0 {
			list = append(list, "budget "+model.Duration(r.Budget).String())
		}
		if r.Window != 0 {
			list = append(list, "window "+model.Duration(r.Window).String())
		}
		if r.Recoveries != 0 {
			list = append(list, fmt.Sprint("recoveries ", r.Recoveries))
		}
		for _, word := range slices.Sorted(maps.Keys(chronicActions)) {
			if chronicActions[word] == r.Action {
				list = append(list, "action "+word)
			}
		}
		for _, word := range slices.Sorted(maps.Keys(chronicActions)) {
			if chronicActions[word] == r.OverBudget {
				list = append(list, "over_budget "+word)
			}
		}
		return strings.Join(list, " ")
	},
}

func askAlert(t *testing.T, s *Set, about, word string) string {
	t.Helper()
	verdict, known := verdicts[word]
	if !known {
		t.Fatalf("no verdict %q", word)
	}
	return verdict(s, labelsOfText(t, about))
}

// labelsOfText reads {name="value", …}.
func labelsOfText(t *testing.T, text string) correlate.Labels {
	t.Helper()
	ms, err := strictyaml.ParseMatchers(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var pairs []string
	for _, m := range ms {
		if m.Type != labels.MatchEqual {
			t.Fatalf("%s is no set of labels", text)
		}
		pairs = append(pairs, m.Name, m.Value)
	}
	return correlate.LabelsOf(pairs...)
}

var eventText = regexp.MustCompile(`^(Warning|Normal) (\S+)(?: from (\S+))? about (\S+)$`)

// askEvent answers "meaning details" in one: word is the meaning, and the rest its details.
func askEvent(t *testing.T, s *Set, about, word string) string {
	t.Helper()
	p := eventText.FindStringSubmatch(about)
	if p == nil {
		t.Fatalf("%q is no event", about)
	}
	m := s.Event(&correlate.Event{Warning: p[1] == "Warning", Reason: p[2], Component: p[3], Entity: topology.Entity(p[4])})
	meaning := "nothing"
	var details []string
	switch {
	case m.Exhausted:
		meaning = "exhausted"
	case m.Symptom:
		meaning = "symptom"
	case m.Progress:
		meaning = "progress"
	case m.Change:
		meaning = "change"
	case m.Gone:
		meaning = "gone"
	case len(m.Heals) > 0:
		meaning, details = "heal", []string{strings.Join(m.Heals, ",")}
	}
	if meaning != word {
		return "(it is " + meaning + ")"
	}
	if m.Symptom {
		details = append(details, m.Severity.String())
	}
	if m.TTL != 0 {
		details = append(details, "ttl "+model.Duration(m.TTL).String())
	}
	if m.Strength != 0 {
		details = append(details, fmt.Sprint("strength ", m.Strength))
	}
	return strings.Join(details, " ")
}

func askCause(t *testing.T, s *Set, about, word string) string {
	t.Helper()
	cause, effect, _ := strings.Cut(about, " of ")
	weight, ok := s.Cause(cause, effect)
	if !ok || word != "weight" {
		return "none"
	}
	return fmt.Sprint(weight)
}

func askDependency(t *testing.T, s *Set, about, _ string) string {
	t.Helper()
	from, to, _ := strings.Cut(about, " on ")
	for _, e := range s.Dependencies() {
		if string(e.From) == from && string(e.To) == to {
			if e.Type == "" {
				return topology.DefaultType
			}
			return e.Type
		}
	}
	return "none"
}

func askType(t *testing.T, s *Set, about, word string) string {
	t.Helper()
	traits, ok := s.EdgeType(about)
	switch {
	case word == "unchanged" && !ok:
		return ""
	case word == "weight":
		return fmt.Sprint(traits.Weight)
	case word == "owns":
		return fmt.Sprint(traits.Owns)
	case traits.Needs == topology.NeedsAll:
		return "all"
	case traits.Needs == topology.NeedsAny:
		return "any"
	}
	return fmt.Sprint(int(traits.Needs))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// keysMark is a place in a document for the keys of one form, by its path in the schema.
var keysMark = regexp.MustCompile(`(?s)<!-- keys (\S+) -->\n.*?<!-- end -->`)

// TestDocumentsHaveEveryKey: each section has its table of keys in some document, which is made of the schema. With -update it is.
func TestDocumentsHaveEveryKey(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	others, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(others, pages(t)...) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fresh := keysMark.ReplaceAllStringFunc(string(data), func(mark string) string {
			path := keysMark.FindStringSubmatch(mark)[1]
			section, _, _ := strings.Cut(path, "[]")
			form := s.Properties[section]
			if form == nil {
				t.Fatalf("%s: no section %q", page, section)
			}
			told[section] = true
			return "<!-- keys " + path + " -->\n\n" + strictyaml.Table(form.Items) + "\n<!-- end -->"
		})
		if *update {
			if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if diff := cmp.Diff(string(data), fresh); diff != "" {
			t.Errorf("%s (-says +is; run with -update and read the diff):\n%s", page, diff)
		}
	}
	contents, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for section, form := range s.Properties {
		if form.Deprecated {
			continue // it is there to say what to write instead
		}
		if !regexp.MustCompile("(?m)^\\| \\[?.*`" + section + "`.*\\]\\(").Match(contents) {
			t.Errorf("the table of sections in rules.md has no link to %q", section)
		}
		if !told[section] {
			t.Errorf("no page has the keys of section %q: put <!-- keys %s[] --> and <!-- end --> into one", section, section)
		}
	}
}
