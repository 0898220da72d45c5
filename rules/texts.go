package rules

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// texts are what a regular expression matches: the whole texts, or what they begin with.
type texts struct {
	list  []string
	whole bool
}

// anything is what an expression matches of which nothing is known.
var anything = texts{list: []string{""}}

// textsOf reads off a regular expression which texts it matches, sorted and each once. A text that it does not list, and that begins
// with none that it lists where they are not whole, is surely not matched.
func textsOf(re string) texts {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return anything
	}
	return textsOfTree(tree).sorted()
}

// sorted returns the texts in order, each once.
func (t texts) sorted() texts {
	slices.Sort(t.list)
	t.list = slices.Compact(t.list)
	return t
}

// wholeTexts are all texts that a regular expression matches from end to end, sorted; ok is false if it is not sure that these are all, and that
// each of them is matched.
func wholeTexts(re string) (list []string, ok bool) {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil || anchored(tree) {
		return nil, false
	}
	if t := textsOfTree(tree); t.whole {
		return t.sorted().list, true
	}
	return nil, false
}

// anchored reports whether an expression asks for the beginning or the end of something: such a place has no text, but not every text has it.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return true
	}
	return slices.ContainsFunc(re.Sub, anchored)
}

func textsOfTree(re *syntax.Regexp) texts {
	switch re.Op {
	case syntax.OpLiteral:
		// U+FFFD stands for bytes that are no text as well, and letters of either case are many texts.
		if re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, utf8.RuneError) {
			return texts{[]string{string(re.Rune)}, true}
		}
	case syntax.OpCharClass:
		return textsOfClass(re.Rune)
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return texts{[]string{""}, true}
	case syntax.OpCapture:
		return textsOfTree(re.Sub[0])
	case syntax.OpQuest:
		return union(texts{[]string{""}, true}, textsOfTree(re.Sub[0]))
	case syntax.OpPlus:
		t := textsOfTree(re.Sub[0])
		return texts{t.list, false}
	case syntax.OpConcat:
		t := texts{[]string{""}, true}
		for _, sub := range re.Sub {
			if t = join(t, textsOfTree(sub)); !t.whole {
				break
			}
		}
		return t
	case syntax.OpAlternate:
		t := textsOfTree(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			t = union(t, textsOfTree(sub))
		}
		return t
	case syntax.OpNoMatch:
		return texts{nil, true}
	}
	return anything
}

// textsOfClass are the characters of a class, given as pairs of first and last.
func textsOfClass(pairs []rune) texts {
	t := texts{whole: true}
	for i := 0; i < len(pairs); i += 2 {
		for r := pairs[i]; r <= pairs[i+1]; r++ {
			if len(t.list) == maxClass || r == utf8.RuneError {
				return anything
			}
			t.list = append(t.list, string(r))
		}
	}
	return t
}

// join is what a matches, followed by what b matches.
func join(a, b texts) texts {
	if len(a.list)*len(b.list) > maxAlternatives {
		return texts{a.list, false}
	}
	t := texts{whole: b.whole}
	for _, x := range a.list {
		for _, y := range b.list {
			t.list = append(t.list, x+y)
		}
	}
	return t
}

// union is what a or b match. If one of them is open at the end, so are all.
func union(a, b texts) texts {
	if len(a.list)+len(b.list) > maxAlternatives {
		return anything
	}
	return texts{slices.Concat(a.list, b.list), a.whole && b.whole}
}
