package digest

import (
	"fmt"
	"strings"
)

// section is a part of a digest that each rendering writes in its own markup: a table on a terminal, lines in a chat.
type section struct {
	title, intro string
	columns      []column
	// inLine is the order of the columns where a row is a line of prose; nil is their own.
	inLine []int
	rows   []row
	// more says what is left out; empty if nothing is. leaves counts left-out rows besides, for renderings with less room.
	more func(left int) string
	// few is how many rows a chat shows.
	few int
}

// column is one of a section. Its head is empty in sections that are no tables; prose puts a cell into a line, with one %s.
type column struct {
	head  string
	right bool
	prose string
}

// row is one line, and what there is to say below it.
type row struct {
	cells   []cell
	details []detail
}

// cell is a text, which leads to an incident if ref is not nil.
type cell struct {
	text string
	ref  *Reference
}

type detail struct {
	label string
	cell
}

func cells(texts ...string) []cell {
	list := make([]cell, len(texts))
	for n, t := range texts {
		list[n].text = t
	}
	return list
}

// link is a cell with an incident's id.
func link(r *Reference) cell { return cell{r.ID.String(), r} }

// tabular reports whether the section is a table without anything below its rows.
func (s *section) tabular() bool {
	for _, r := range s.rows {
		if len(r.details) > 0 {
			return false
		}
	}
	return len(s.columns) > 1
}

// line puts a row into prose; show writes a cell in the markup of the rendering.
func (s *section) line(r *row, show func(cell) string) string {
	var b strings.Builder
	write := func(n int) {
		if r.cells[n].text != "" {
			fmt.Fprintf(&b, s.columns[n].prose, show(r.cells[n]))
		}
	}
	if s.inLine == nil {
		for n := range r.cells {
			write(n)
		}
	}
	for _, n := range s.inLine {
		write(n)
	}
	return b.String()
}

// tail says what a rendering leaves out that has no room for so many more rows; empty if nothing.
func (s *section) tail(left int) string {
	if s.more == nil {
		return andMore(left)
	}
	return s.more(left)
}

// left makes the tail of a list that is cut already.
func left(cut int) func(int) string { return func(more int) string { return andMore(cut + more) } }

// sections are the parts of the digest that say anything, in their order.
func (d *Digest) sections() (list []section) {
	for _, part := range [...]func() section{
		d.worse, d.healed, d.unneeded, d.heldInVain, d.chronic, d.noisy, d.pagedSection, d.lost, d.unseen, d.waiting,
		func() section { return novel("New in this period", d.New, d.MoreNew) },
		func() section { return novel("Gone since the previous period", d.Gone, d.MoreGone) },
	} {
		if s := part(); len(s.rows) > 0 {
			list = append(list, s)
		}
	}
	return list
}

func (d *Digest) worse() section {
	s := section{
		title: "Getting worse", columns: []column{{prose: "%s"}}, more: left(d.MoreWorse), few: 5,
		intro: "Compared with the previous period. On average, at most 5 % of such lines are due to chance.",
	}
	for _, w := range d.Worse {
		s.rows = append(s.rows, row{cells: cells(w.Text)})
	}
	return s
}

func (d *Digest) healed() section {
	s := section{title: "Healed by itself", few: 8, inLine: []int{0, 5, 1, 2, 3, 4}, columns: []column{
		{"COUNT", true, "%s×"},
		{"BEFORE", true, " (%s before)"},
		{"MEDIAN", true, ": median %s"},
		{"P90", true, ", p90 %s"},
		{"LONGEST", true, ", longest %s"},
		{"CLASS", false, " %s"},
	}}
	for n := range d.Classes {
		c := &d.Classes[n]
		past := ""
		if d.Past != nil {
			past = fmt.Sprint(c.Past)
		}
		r := row{cells: cells(fmt.Sprint(c.Count), past, span(c.MedianSeconds), span(c.P90Seconds), span(c.LongestSeconds), c.Class)}
		add := func(label, text string) {
			if text != "" {
				r.details = append(r.details, detail{label, cell{text: text}})
			}
		}
		add("healer", c.healer())
		add("broke", c.broken())
		add("roots", c.rootList())
		add("cause", c.Cause)
		r.details = append(r.details, detail{"e.g.", cell{c.Example.ID.String() + " " + c.Example.named(), &c.Example}})
		s.rows = append(s.rows, r)
	}
	s.more = func(left int) string {
		o := d.Others
		for _, c := range d.Classes[len(d.Classes)-left:] {
			o.Incidents += c.Count
			o.Classes++
		}
		return o.String()
	}
	return s
}

func (d *Digest) unneeded() section {
	s := section{title: "Paged though it healed", few: 5, more: left(d.MoreUnneeded), intro: "These recovered before anybody acknowledged them.", columns: []column{
		{"INCIDENT", false, "%s"}, {"PAGED", false, ", paged %s"}, {"HEALED AFTER", true, ", healed %s later"}, {"TITLE", false, ": %s"},
	}}
	for n := range d.Unneeded {
		j := &d.Unneeded[n]
		s.rows = append(s.rows, row{cells: []cell{link(&j.Reference), {text: moment(j.Paged)}, {text: span(j.AfterSeconds)}, {text: j.named()}}})
	}
	return s
}

func (d *Digest) heldInVain() section {
	s := section{title: "Held though it did not heal", few: 5, more: left(d.MoreHeldInVain), intro: "What holding cost: how much earlier these could have paged.", columns: []column{
		{"INCIDENT", false, "%s"}, {"PAGED", false, ", paged %s"}, {"LATER BY", true, ", %s later than without a hold"}, {"PAGE", false, ", %s"}, {"TITLE", false, ": %s"},
	}}
	for n := range d.HeldInVain {
		j := &d.HeldInVain[n]
		s.rows = append(s.rows, row{cells: []cell{
			link(&j.Reference), {text: moment(j.Paged)}, {text: span(j.DelaySeconds)}, {text: j.Fate}, {text: j.named()},
		}})
	}
	return s
}

func (d *Digest) chronic() section {
	s := section{title: "Flapping and chronic", few: 5, more: left(d.MoreChronic), columns: []column{
		{"INCIDENT", false, "%s"}, {"KIND", false, ", %s"}, {"SINCE", false, " since %s"}, {"TROUBLE", false, ": %s"},
	}}
	for n := range d.Chronic {
		c := &d.Chronic[n]
		s.rows = append(s.rows, row{
			cells:   []cell{link(&c.Reference), {text: c.Kind}, {text: moment(c.Since)}, {text: c.Subject}},
			details: []detail{{"why", cell{text: c.Reason}}},
		})
	}
	return s
}

func (d *Digest) noisy() section {
	s := section{title: "Noisiest alerts", few: 5, more: left(d.MoreNoisy), inLine: []int{6, 0, 1, 2, 3, 4, 5}, columns: []column{
		{"TIMES", true, ": %s times"}, {"FIRED", true, ", fired %s"}, {"MEAN", true, ", for %s on average"}, {"LONGEST", true, ", %s at most"}, {"PAGES", true, ", pages %s"}, {"NEEDED", true, ", needed %s"}, {"ALERT", false, "%s"},
	}}
	for n := range d.Noisy {
		x := &d.Noisy[n]
		s.rows = append(s.rows, row{
			cells:   cells(fmt.Sprint(x.Times), fmt.Sprint(x.Count), span(x.MeanSeconds), span(x.LongestSeconds), fmt.Sprint(x.Pages), fmt.Sprint(x.Needed), x.Name),
			details: []detail{{"do", cell{text: x.Suggestion}}},
		})
	}
	return s
}

func (d *Digest) pagedSection() section {
	s := section{title: "Paged", few: 10, more: left(d.MorePaged), columns: []column{
		{"INCIDENT", false, "%s"}, {"PAGED", false, ", paged %s"}, {"LASTED", true, ", lasted %s"}, {"ENDING", false, ", %s"}, {"TITLE", false, ": %s"},
	}}
	for n := range d.Paged {
		p := &d.Paged[n]
		s.rows = append(s.rows, row{cells: []cell{
			link(&p.Reference), {text: moment(p.Paged)}, {text: span(p.LastedSeconds)}, {text: string(p.Ending)}, {text: p.named()},
		}})
	}
	return s
}

func (d *Digest) lost() section {
	s := section{title: "Lost", few: 5, more: left(d.MoreLost), intro: "Reports about these stopped, so whether they healed is unknown.", columns: []column{
		{"INCIDENT", false, "%s"}, {"OPENED", false, ", opened %s"}, {"GIVEN UP", false, ", given up %s"}, {"ALERTS", true, ", alerts %s"}, {"TITLE", false, ": %s"},
	}}
	for n := range d.Lost {
		l := &d.Lost[n]
		s.rows = append(s.rows, row{cells: []cell{
			link(&l.Reference), {text: moment(l.Opened)}, {text: moment(l.Closed)}, {text: fmt.Sprint(l.Alerts)}, {text: l.named()},
		}})
	}
	return s
}

func novel(title string, list []ClassCount, more int) section {
	s := section{title: title, few: 5, more: left(more), inLine: []int{1, 0}, columns: []column{{"COUNT", true, ", %s×"}, {"CLASS", false, "%s"}}}
	for _, c := range list {
		s.rows = append(s.rows, row{cells: cells(fmt.Sprint(c.Count), c.Class)})
	}
	return s
}
