package main

import (
	"fmt"
	"io"

	"quell/test/evaluation/dataset"
	"quell/test/evaluation/document"
)

// caseSection writes the table of one set.
func caseSection(out io.Writer, set *dataset.Set, results []*result) {
	own := results[0].sets[set.Name]
	_, _ = fmt.Fprintf(out, "### %s\n\n%d cases; the root alerts in %d of them.\n\n", set.Name, own.Cases, own.Alerting)
	t := document.Table{{"method", "top1", "top3", "top1 if root alerts", "top3 if root alerts", "pages a case", "heal precision", "missed"}}
	for _, r := range results {
		s := r.sets[set.Name]
		heal := "-"
		if s.healPrecision != nil {
			heal = fmt.Sprintf("%.3f", *s.healPrecision)
		}
		runs := max(1, len(r.seeds))
		t = append(t, []string{
			r.name, share(s.Top1, s.Cases), share(s.Top3, s.Cases), share(s.Top1Alerting, s.Alerting), share(s.Top3Alerting, s.Alerting),
			fmt.Sprintf("%.2f", float64(s.Pages)/float64(s.Cases)), heal, fmt.Sprint((s.Missed + runs/2) / runs),
		})
	}
	source, rows := paperOf(set.Name)
	for _, p := range rows {
		top3 := "-"
		if p.top3 >= 0 {
			top3 = fmt.Sprintf("%.3f", p.top3)
		}
		t = append(t, []string{"*" + p.name + "*", fmt.Sprintf("%.3f", p.top1), top3, "-", "-", "-", "-", "-"})
	}
	t.Write(out)
	if source != "" {
		_, _ = fmt.Fprintf(out, "In italics: published, other inputs (%s).\n\n", source)
	}
}

// streamSection writes the table of streams.
func streamSection(out io.Writer, results []*result) {
	_, _ = fmt.Fprint(out, "### Streams\n\n")
	t := document.Table{{"stream", "method", "alerts", "incidents", "pages", "alerts in pages", "self-healed", "delay p50 s"}}
	for k := range results[0].streams {
		for _, r := range results {
			if !r.contender.streams {
				continue
			}
			s := &r.streams[k]
			t = append(t, []string{
				s.Set, r.name, fmt.Sprint(s.Alerts), fmt.Sprint(s.Incidents), fmt.Sprint(s.Pages),
				fmt.Sprintf("%.3f", s.AlertsInPages), fmt.Sprintf("%.3f", s.SelfHealed), fmt.Sprintf("%.0f", s.DelayP50),
			})
		}
	}
	t.Write(out)
}

// share shows a part of a whole, and nothing of nothing.
func share(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(part)/float64(whole))
}
