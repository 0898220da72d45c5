package digest

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// nothing is the whole report on a period without incidents.
const nothing = "Nothing to report: no incident closed in this period, and none is open."

// title is what stands above a digest.
func (d *Digest) title() string {
	if d.Store == "" {
		return "Self-heal digest"
	}
	return "Self-heal digest of " + d.Store
}

// period says what the digest is about, and whether it comes late.
func (d *Digest) period() string {
	const layout = "Mon 2 Jan 2006 15:04 MST"
	s := d.Since.Format(layout) + " to " + d.Until.Format(layout)
	if d.Late {
		s += " (sent late)"
	}
	return s
}

// avoided is the sentence that the digest is sent for.
func (d *Digest) avoided() string { return plural(d.Figures.PagesAvoided, "page") + " avoided" }

// summary puts the other figures into sentences. Endings that did not happen are not mentioned.
func (d *Digest) summary() string {
	f := d.Figures
	var endings []string
	for _, e := range []struct {
		n    int
		what string
	}{
		{f.SelfHealed, "healed by itself"},
		{f.ClearedAfterPage, "cleared after a page"},
		{f.ResolvedByHand, "resolved by hand"},
		{f.Lost, "lost (state unknown)"},
		{f.StillOpen, "still open"},
	} {
		if e.n > 0 {
			endings = append(endings, fmt.Sprintf("%d %s", e.n, e.what))
		}
	}
	return fmt.Sprintf("%s in %s, of which %d opened in this period: %s. %s.",
		plural(f.Alerts, "alert"), plural(f.Incidents, "incident"), f.Opened, strings.Join(endings, ", "), d.pages())
}

// pages says how many incidents paged somebody, and when.
func (d *Digest) pages() string {
	s := "None paged anybody"
	if n := d.Figures.Paged; n > 0 {
		s = fmt.Sprintf("%d paged", n)
	}
	if n := d.Figures.PagedBefore; n > 0 {
		s += fmt.Sprintf(" in this period, %d before it", n)
	}
	return s
}

// String says what is not listed, or nothing if there is no such thing.
func (o Others) String() string {
	if o.Classes == 0 {
		return ""
	}
	return fmt.Sprintf("others: %d in %s", o.Incidents, plural(o.Classes, "class"))
}

// andMore says that a list goes on, or nothing if it does not.
func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("and %d more", n)
}

// plural counts things by their English name.
func plural(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "s"):
		return fmt.Sprintf("%d %ses", n, one)
	case strings.HasSuffix(one, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(one, "y"))
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// span writes a duration with its two largest units, such as "45s", "4m 05s", "1h 05m" or "2d 03h". It rounds at the
// smaller one, so that nothing reads "60s".
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	if d >= 24*time.Hour {
		d = d.Round(time.Hour)
	}
	s := int64(d / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", s)
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", s/60, s%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd %02dh", s/86400, s/3600%24)
}

// moment writes when something in the period happened. The zone stands above, at the period.
func moment(t time.Time) string { return t.Format("Mon 2 Jan 15:04") }

// named returns a title, or what stands for one that is empty.
func (r *Reference) named() string { return cmp.Or(r.Title, "without title") }

// healer says what healed the example of a class, and of how many it is known; empty if nobody looked.
func (c *Class) healer() string {
	if c.HealedBy == "" || c.Unexplained == 0 || c.Count == 1 {
		return c.HealedBy
	}
	return fmt.Sprintf("known of %d of %d, here %s", c.Count-c.Unexplained, c.Count, c.HealedBy)
}

// rootList names the roots of a class; show writes one entity in the markup of the rendering.
func (c *Class) rootList(show func(entity string) string) string {
	var b strings.Builder
	for n, r := range c.Roots {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(r.Entity))
		if r.Count > 1 {
			fmt.Fprintf(&b, " ×%d", r.Count)
		}
	}
	if c.MoreRoots > 0 {
		b.WriteString(" " + andMore(c.MoreRoots))
	}
	return b.String()
}
