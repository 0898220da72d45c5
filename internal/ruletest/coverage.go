package ruletest

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"quell/correlate"
	"quell/internal/english"
)

// FileCoverage says how many rules of a rule file decided something in a test.
type FileCoverage struct {
	// File is the rule file, or "pack NAME".
	File string `json:"file"`
	// Rules counts its rules, Decided those that decided something.
	Rules   int `json:"rules"`
	Decided int `json:"decided"`
	// Percent is the share of them, rounded down.
	Percent int `json:"percent"`
	// Never are the rules that did not, in the order of the file, as reasons name them.
	Never []string `json:"never,omitempty"`
}

// Covered is the share of all rules in the report that decided something, in percent and rounded down; 100 if there are none.
func (r *Report) Covered() int {
	rules, decided := 0, 0
	for i := range r.Coverage {
		rules += r.Coverage[i].Rules
		decided += r.Coverage[i].Decided
	}
	return percent(decided, rules)
}

func percent(part, whole int) int {
	if whole == 0 {
		return 100
	}
	return part * 100 / whole
}

// text tells the coverage of one file, with the rules that nobody tests.
func (c *FileCoverage) text(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %d of %s decided something (%d %%)\n", c.File, c.Decided, english.Count(c.Rules, "rule"), c.Percent)
	for _, rule := range c.Never {
		fmt.Fprintf(b, "  never: %s\n", rule)
	}
}

// coverageOf adds up what the rules did in all tests.
func coverageOf(workers []*worker, packs bool) []FileCoverage {
	matched := make(map[correlate.RuleID]uint64)
	for _, w := range workers {
		for _, s := range w.sources {
			for _, used := range s.usage.Rules() {
				if _, pack := used.ID.Pack(); pack && !packs {
					continue
				} else if !pack && !filepath.IsAbs(used.ID.File) {
					used.ID.File = filepath.ToSlash(filepath.Join(s.folder, used.ID.File))
				}
				if matched[used.ID] += used.Matched; used.ID.Section == "heartbeats" && s.beats[used.ID.Name] {
					matched[used.ID]++
				}
			}
		}
	}
	var files []FileCoverage
	for _, id := range slices.SortedFunc(maps.Keys(matched), inOrder) {
		if len(files) == 0 || files[len(files)-1].File != id.File {
			files = append(files, FileCoverage{File: id.File})
		}
		c := &files[len(files)-1]
		if c.Rules++; matched[id] > 0 {
			c.Decided++
		} else {
			c.Never = append(c.Never, id.String()+" of "+id.Section)
		}
		c.Percent = percent(c.Decided, c.Rules)
	}
	return files
}

// inOrder orders rules as they stand in their files: those of users first.
func inOrder(a, b correlate.RuleID) int {
	_, packA := a.Pack()
	_, packB := b.Pack()
	rank := func(pack bool) int {
		if pack {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(packA), rank(packB)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Section, b.Section), cmp.Compare(a.Name, b.Name))
}
