package main

import (
	"fmt"
	"io"
	"strings"

	"quell/test/evaluation/dataset"
	"quell/test/evaluation/document"
)

// What is aimed at on sets not seen. The first two count the cases whose root alerts.
const (
	top1Target  = 0.80
	top3Target  = 0.92
	pagesTarget = 1.15
	healTarget  = 0.95
)

// targetSection says, for each set, which targets quell meets.
func targetSection(out io.Writer, sets []*dataset.Set, results []*result) {
	_, _ = fmt.Fprint(out, "\n### Targets\n\n")
	t := document.Table{{
		"set", fmt.Sprintf("top1 ≥ %.2f if root alerts", top1Target), fmt.Sprintf("top3 ≥ %.2f if root alerts", top3Target),
		fmt.Sprintf("≤ %.2f pages a case", pagesTarget), fmt.Sprintf("heal precision ≥ %.2f", healTarget), "every reference beaten",
	}}
	var notes strings.Builder
	for _, set := range sets {
		if len(set.Cases) == 0 {
			continue
		}
		s := results[0].sets[set.Name]
		heal := "unknown"
		if s.healPrecision != nil {
			heal = met(*s.healPrecision >= healTarget)
		}
		v := rivalsOn(set.Name, results)
		t = append(t, []string{
			set.Name, met(ratio(s.Top1Alerting, s.Alerting) >= top1Target), met(ratio(s.Top3Alerting, s.Alerting) >= top3Target),
			met(ratio(s.Pages, s.Cases) <= pagesTarget), heal, met(len(v.first)+len(v.third)+len(v.level) == 0),
		})
		note(&notes, set.Name, "behind at top1", v.first)
		note(&notes, set.Name, "behind at top3", v.third)
		note(&notes, set.Name, "level with", v.level)
		note(&notes, set.Name, "published with a higher top1", ahead(set.Name, ratio(s.Top1, s.Cases)))
	}
	t.Write(out)
	_, _ = fmt.Fprint(out, notes.String())
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "**missed**"
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// rivals are the references that quell does not beat on a set. To be beaten is to be no better at top1 nor at top3, and worse at one.
type rivals struct {
	first, third []string // better at top1, at top3
	level        []string
}

// rivalsOn compares whole numbers, since shares of several runs need not be exact. Where quell is perfect nobody is its rival:
// nothing could beat who is perfect as well.
func rivalsOn(set string, results []*result) rivals {
	var v rivals
	own := results[0].sets[set]
	for _, r := range results[1:] {
		s := r.sets[set]
		first, third := s.Top1*own.Cases-own.Top1*s.Cases, s.Top3*own.Cases-own.Top3*s.Cases
		if first > 0 {
			v.first = append(v.first, r.name)
		}
		if third > 0 {
			v.third = append(v.third, r.name)
		}
		if first == 0 && third == 0 && own.Top1 < own.Cases {
			v.level = append(v.level, r.name)
		}
	}
	return v
}

// ahead lists the published methods with a higher top1.
func ahead(set string, top1 float64) []string {
	var names []string
	_, rows := paperOf(set)
	for _, p := range rows {
		if p.top1 > top1 {
			names = append(names, p.name)
		}
	}
	return names
}

func note(out io.Writer, set, what string, names []string) {
	if len(names) > 0 {
		_, _ = fmt.Fprintf(out, "- %s: %s: %s\n", set, what, strings.Join(names, "; "))
	}
}
