package picture

import (
	"fmt"
	"strings"
	"time"

	"quell/correlate/honesty"
)

// Figures tells what waiting did, as a table that says what each figure means. It ends with a newline.
func Figures(f *honesty.Figures) string {
	var t figuresText
	t.period(&f.Period)
	t.pages(&f.Pages)
	t.holds(&f.Holds, &f.Delay)
	t.suppression(&f.Suppression)
	t.review(&f.Review)
	if f.LeftOut > 0 {
		t.line("Left out", f.LeftOut, "generations of incidents that were reopened very often: only the metrics count them")
	}
	return t.String()
}

type figuresText struct{ strings.Builder }

// line writes a figure and what it means.
func (t *figuresText) line(name string, n int, meaning string) {
	t.WriteString(strings.TrimRight(fmt.Sprintf("%-26s %6d  %s", name, n, meaning), " ") + "\n")
}

// part writes one of those that a figure consists of, if there is any of it.
func (t *figuresText) part(name string, n int, meaning string) {
	if n > 0 {
		t.line("  "+name, n, meaning)
	}
}

func (t *figuresText) period(p *honesty.Period) {
	const layout = "2006-01-02 15:04 MST"
	t.WriteString("What waiting did")
	if !p.Since.IsZero() {
		t.WriteString(" from " + p.Since.UTC().Format(layout))
	}
	if !p.Until.IsZero() {
		t.WriteString(" until " + p.Until.UTC().Format(layout))
	}
	if p.Class != "" {
		t.WriteString(", of " + Clean(p.Class))
	}
	t.WriteString("\n\n")
}

func (t *figuresText) pages(p *honesty.Pages) {
	t.line("Pages sent", p.Sent, "")
	t.part("needed", p.Needed, "somebody acknowledged it, or closed it by hand")
	if p.UnneededShare != nil {
		t.part("unneeded", p.Unneeded, "cleared, and nobody had acknowledged it: "+share(p.UnneededShare))
	}
	t.part("still open", p.Open, "")
	t.part("lost", p.Lost, "nobody reported on it any more, so how it ended is unknown")
	t.part("merged", p.Merged, "it turned out to be a part of another incident")
	t.line("Pages withdrawn", p.Withdrawn, "it healed before its page had left")
}

func (t *figuresText) holds(h *honesty.Holds, d *honesty.Delay) {
	t.line("Held", h.Healed+h.Paged+h.Handled+h.Lost+h.Silenced+h.Muted+h.Waiting, "")
	t.part("and healed", h.Healed, "by itself: nobody was disturbed")
	t.part("and then paged", h.Paged, fmt.Sprintf("the hold cost a median of %s, at most %s for nine of ten, %s at worst, %s in all",
		seconds(d.MedianSeconds), seconds(d.P90Seconds), seconds(d.LongestSeconds), seconds(d.TotalSeconds)))
	t.part("and handled", h.Handled, "somebody took it on before it would have paged")
	t.part("and lost", h.Lost, "nobody reported on it any more, so how it ended is unknown")
	t.part("and silenced", h.Silenced, "its hold was over, and a silence kept it quiet until it healed")
	t.part("and muted", h.Muted, "its hold was over, and a rule kept it quiet until it healed")
	t.part("still", h.Waiting, "")
}

func (t *figuresText) suppression(s *honesty.Suppression) {
	if s.Rate == nil {
		t.line("False suppressions", 0, "nothing that was kept quiet can be judged")
	} else {
		t.line("False suppressions", s.False, fmt.Sprintf("of %d that quell kept quiet about: %s", s.Judged, share(s.Rate)))
	}
	t.part("came back", s.CameBack, "within the reopen window, and then needed a human")
	t.part("marked", s.Marked, "an operator says that it should have paged")
	if s.WithCritical != nil && s.Critical > 0 {
		t.line("  critical", s.Critical, "not false, but showed a critical symptom; with them it is "+share(s.WithCritical))
	}
	t.part("not known yet", s.Pending, "it may still come back, or came back and is held")
	t.part("unknown", s.Unknown, "it came back, and how that ended is unknown")
}

// review asks to judge what chance picked.
func (t *figuresText) review(v *honesty.Review) {
	if v.Rate != nil {
		t.line("Judged by chance", v.Answered, fmt.Sprintf("of %d that chance picked, %d should have paged: %s", v.Asked, v.False, share(v.Rate)))
	}
	if len(v.Open) > 0 {
		t.line("Please judge", len(v.Open), strings.Join(v.Open, ", ")+": quell incident feedback ID --should-have-paged=true (or false)")
	}
}

// share writes an estimate as people read it.
func share(e *honesty.Estimate) string { return e.String() + " with 95 % confidence" }

func seconds(s float64) string { return Span(time.Duration(s * float64(time.Second))) }
