package digest

import (
	"fmt"
	"strconv"

	"quell/internal/english"
)

// Row is a headline figure: its name, its value in the period and in the one before; Past is empty if nothing is compared.
type Row struct{ Name, Value, Past string }

// Headline returns the figures that stand above everything else.
func (d *Digest) Headline() []Row {
	rows := []Row{
		d.row("Alerts", func(p *Past) int { return p.Figures.Alerts }),
		d.row("Incidents", func(p *Past) int { return p.Figures.Incidents }),
		d.row("Healed by itself", func(p *Past) int { return p.Figures.SelfHealed }),
		d.row("Pages avoided", func(p *Past) int { return p.Figures.PagesAvoided }),
		d.row("Pages sent", func(p *Past) int { return p.Waiting.Pages.Sent }),
		d.row("Pages nobody needed", func(p *Past) int { return p.Waiting.Pages.Unneeded }),
		{Name: "Sleep not interrupted", Value: span(d.Sleep.Seconds)},
	}
	if d.Past != nil {
		rows[len(rows)-1].Past = span(d.Past.Sleep.Seconds)
	}
	return rows
}

// row reads a figure from both periods.
func (d *Digest) row(name string, figure func(*Past) int) Row {
	r := Row{Name: name, Value: strconv.Itoa(figure(&Past{Figures: d.Figures, Waiting: d.Waiting}))}
	if d.Past != nil {
		r.Past = strconv.Itoa(figure(d.Past))
	}
	return r
}

// highlights are the sentences that say it all: what was avoided, what happened, sleep, what gets worse, what to do.
func (d *Digest) highlights() []string {
	if d.Empty() {
		return []string{d.Nothing()}
	}
	list := []string{d.avoided(), d.summary()}
	if s := d.Sleep.String(); s != "" {
		list = append(list, s)
	}
	if n := len(d.Worse); n > 0 {
		list = append(list, "Getting worse: "+d.Worse[0].Text+others(n-1+d.MoreWorse)+".")
	}
	return append(list, d.todo()...)
}

// avoided is the sentence that the digest is sent for.
func (d *Digest) avoided() string {
	w := &d.Waiting.Pages
	s := english.Count(d.Figures.PagesAvoided, "page") + " avoided"
	if d.Past != nil {
		s += fmt.Sprintf(" (%d in the previous period)", d.Past.Figures.PagesAvoided)
	}
	s += fmt.Sprintf(", %d sent", w.Sent)
	if d.Past != nil {
		s += fmt.Sprintf(" (%d before)", d.Past.Waiting.Pages.Sent)
	}
	if w.Unneeded > 0 {
		s += fmt.Sprintf(", %d of them unneeded", w.Unneeded)
	}
	return s + "."
}

// todo is the most useful thing that somebody can do; nothing if there is none.
func (d *Digest) todo() []string {
	if len(d.Noisy) > 0 {
		x := &d.Noisy[0]
		return []string{fmt.Sprintf("To do: %s came %s; %s.", x.Name, english.Times(x.Times), x.Suggestion)}
	}
	if n := len(d.Chronic); n > 0 {
		c := &d.Chronic[0]
		return []string{fmt.Sprintf("To do: %s is chronic (%s)%s.", c.Subject, c.Kind, others(n-1+d.MoreChronic))}
	}
	return nil
}

// others says that there are more of a kind, or nothing.
func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}
