package backtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// moment shows a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// span shows a time that passed for people.
func span(d time.Duration) string {
	d = d.Abs()
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	if d >= 24*time.Hour {
		d = d.Round(time.Hour)
	}
	return model.Duration(d.Round(time.Second)).String()
}

// kindWords are how kinds are called in reports: one of them, and several.
var kindWords = map[Kind][2]string{
	Missed:        {"page removed that somebody took on", "pages removed that somebody took on"},
	Added:         {"page added", "pages added"},
	Removed:       {"page removed", "pages removed"},
	Later:         {"page later", "pages later"},
	Earlier:       {"page earlier", "pages earlier"},
	Readdressed:   {"page goes to others", "pages go to others"},
	Rerooted:      {"page has another root", "pages have another root"},
	NoticeAdded:   {"notice added", "notices added"},
	NoticeRemoved: {"notice removed", "notices removed"},
}

// words names a number of differences.
func (k Kind) words(n int) string {
	if n == 1 {
		return "1 " + kindWords[k][0]
	}
	return fmt.Sprintf("%d %s", n, kindWords[k][1])
}

// headline is a difference in one sentence.
func (d *Difference) headline() string {
	c := d.Old
	if d.New != nil {
		c = d.New
	}
	name := c.Title
	if name == "" {
		name = string(d.Entity)
	}
	switch d.Kind {
	case Missed:
		return name + ": nobody is paged any more, and " + d.need()
	case Added:
		return name + ": pages now, and " + d.need()
	case Removed:
		return name + ": does not page any more, and " + d.need()
	case Later:
		return fmt.Sprintf("%s: pages %s later, and %s", name, span(seconds(d.Seconds)), d.need())
	case Earlier:
		return fmt.Sprintf("%s: pages %s earlier, and %s", name, span(seconds(d.Seconds)), d.need())
	case Readdressed:
		return fmt.Sprintf("%s: pages %s instead of %s", name, d.New.receivers(), d.Old.receivers())
	case Rerooted:
		return fmt.Sprintf("%s: the root is %s instead of %s", name, d.New.roots(), d.Old.roots())
	case NoticeAdded:
		return name + ": is told without waking anybody"
	}
	return name + ": is not told any more"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// roots are the root at the page and, if it changed since, the one at the end.
func (c *Case) roots() string {
	if c.PagedRoot == "" || c.PagedRoot == c.Root {
		return string(c.Root)
	}
	return fmt.Sprintf("%s (in the end %s)", c.PagedRoot, c.Root)
}

// need says whether trouble needed a human, for the end of a sentence.
func (d *Difference) need() string {
	switch d.Truth {
	case Real:
		for _, c := range [...]*Case{d.Old, d.New} {
			if c != nil && !c.Acknowledged.IsZero() {
				return fmt.Sprintf("it was real: %s took it on after %s", orSomebody(c.By), span(c.Acknowledged.Sub(c.Opened)))
			}
		}
		return "it was real: it was closed by hand, or somebody said so"
	case Healed:
		for _, c := range [...]*Case{d.New, d.Old} {
			if c != nil && !c.Recovered.IsZero() {
				return fmt.Sprintf("it healed by itself after %s", span(c.Recovered.Sub(c.Opened)))
			}
		}
		return "it needed nobody"
	}
	return "nobody knows whether it had to"
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}

// story tells what happened to a case in one run, in one line.
func (c *Case) story() string {
	if c == nil {
		return "no incident of its own"
	}
	parts := []string{fmt.Sprintf("%s, opened %s", c.Incident, moment(c.Opened))}
	if c.Generation > 1 {
		parts[0] += fmt.Sprintf(" (its life %d)", c.Generation)
	}
	if page := c.page(); !page.IsZero() {
		told := "paged after " + span(page.Sub(c.Opened))
		if len(c.Told) > 0 {
			told += " (" + c.receivers() + ")"
		}
		parts = append(parts, told)
	} else {
		parts = append(parts, "paged nobody")
	}
	if !c.Acknowledged.IsZero() {
		parts = append(parts, fmt.Sprintf("%s took it on %s", orSomebody(c.By), moment(c.Acknowledged)))
	}
	if c.Closed.IsZero() {
		parts = append(parts, "not over")
	} else {
		parts = append(parts, fmt.Sprintf("%s %s", endWords[string(c.End)], moment(c.Closed)))
	}
	return strings.Join(parts, "; ")
}

var endWords = map[string]string{"cleared": "over", "by hand": "closed by hand", "lost": "given up as lost", "merged": "continued elsewhere", "": "over"}

// reasons are why a case waited, and why it paged or ended.
func (c *Case) reasons() []string {
	if c == nil {
		return nil
	}
	var list []string
	if c.Hold != "" {
		list = append(list, "held: "+strings.TrimPrefix(c.Hold, "held "))
	}
	if c.Why != "" {
		verb := "ended: "
		if !c.page().IsZero() {
			verb = "paged: "
		}
		list = append(list, verb+c.Why)
	}
	return list
}
