package digest

import (
	"fmt"
	"strings"

	"quell/internal/english"
)

// waiting is the section about what waiting did; empty, if there was nothing to wait for.
func (d *Digest) waiting() section {
	t := section{
		title: "What waiting did", few: 10,
		intro:   "A false suppression is trouble that was kept quiet but needed somebody; its share comes with a 95 % interval.",
		columns: []column{{"", true, "%s "}, {"", false, "%s"}, {"", false, ": %s"}},
	}
	p, h, s, delay := &d.Waiting.Pages, &d.Waiting.Holds, &d.Waiting.Suppression, &d.Waiting.Delay
	add := func(name string, n int, note string) {
		if n > 0 {
			t.rows = append(t.rows, row{cells: cells(fmt.Sprint(n), name, note)})
		}
	}
	add(english.Noun(p.Sent, "page")+" sent", p.Sent, listed([]counted{
		{p.Needed, "needed"}, {p.Unneeded, "unneeded"}, {p.Open, "open"}, {p.Lost, "lost"}, {p.Merged, "merged"},
	}))
	add(english.Noun(p.Withdrawn, "page")+" withdrawn", p.Withdrawn, "it healed before the page had left")
	add("held and healed", h.Healed, "nobody was disturbed")
	add("held, then paged", h.Paged, fmt.Sprintf("the hold cost a median of %s, p90 %s, %s in all",
		span(delay.MedianSeconds), span(delay.P90Seconds), span(delay.TotalSeconds)))
	add("held, then handled", h.Handled, "somebody took it on before it would have paged")
	add("held, then silenced", h.Silenced, "a silence kept it quiet until it healed")
	add("held, then muted", h.Muted, "a rule kept it quiet until it healed")
	add("held and lost", h.Lost, "how it ended is unknown")
	if s.Rate != nil {
		reasons := listed([]counted{{s.CameBack, "came back and needed a human"}, {s.Marked, "marked by an operator"}})
		if reasons != "" {
			reasons = "; " + reasons
		}
		t.rows = append(t.rows, row{cells: cells(fmt.Sprint(s.False), english.Noun(s.False, "false suppression"), fmt.Sprintf("of %d, %s%s", s.Judged, s.Rate, reasons))})
	}
	if v := &d.Waiting.Review; len(v.Open) > 0 {
		add("please judge", len(v.Open), "with quell incident feedback: "+strings.Join(v.Open, ", "))
	}
	if s.Rate == nil {
		t.intro = ""
	}
	return t
}

// counted is how many there are of what.
type counted struct {
	n    int
	what string
}

// listed writes those of which there are any.
func listed(parts []counted) string {
	var words []string
	for _, c := range parts {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(words, ", ")
}
