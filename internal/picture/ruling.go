package picture

import (
	"fmt"

	"quell/correlate"
)

// shownRuled bounds the names of symptoms, and the steps that trouble took, of which it is shown which rules decided about them.
const shownRuled = 20

// rules writes which rules decided about the symptoms, one for each name, and about the ways that trouble took.
func (w *whyText) rules() {
	names, others := w.ruled()
	ways := w.ways()
	if len(names)+len(ways) == 0 {
		return
	}
	w.line("")
	w.line("Which rules decided")
	for _, s := range names {
		more := ""
		if n := others[s.Name]; n > 0 {
			more = fmt.Sprintf(" and %d more of this name", n)
		}
		w.line("  %s on %s%s", Clean(s.Name), Clean(string(s.Entity)), more)
		for _, r := range s.Rules {
			w.ruling("    ", &r)
		}
	}
	if len(ways) > 0 {
		w.line("  how trouble travels")
	}
	for k := range ways {
		w.ruling("    ", &ways[k])
	}
}

// ruling writes one verdict with its rule.
func (w *whyText) ruling(indent string, r *correlate.Ruling) {
	margin := fmt.Sprintf("%s%-10s  ", indent, r.About)
	w.wrapped(margin, fmt.Sprintf("%*s", length(margin), ""), fmt.Sprintf("%s (%s)", r.Says, r.Rule))
}

// ruled lists the first symptom of each name about which any rule decides, and counts the others of these names.
func (w *whyText) ruled() (names []*correlate.ExplainedSymptom, others map[string]int) {
	others = make(map[string]int)
	for k := range w.x.Symptoms {
		s := &w.x.Symptoms[k]
		if _, again := others[s.Name]; again {
			others[s.Name]++
		} else if len(s.Rules) > 0 && len(names) < shownRuled {
			others[s.Name] = 0
			names = append(names, s)
		}
	}
	return names, others
}

// ways lists what rules say about the steps of all chains, each once.
func (w *whyText) ways() (list []correlate.Ruling) {
	seen := make(map[string]bool)
	for k := range w.x.Symptoms {
		for _, step := range w.x.Symptoms[k].Chain {
			for _, r := range step.Rules {
				if !seen[r.Says] && len(list) < shownRuled {
					seen[r.Says] = true
					list = append(list, r)
				}
			}
		}
	}
	return list
}
