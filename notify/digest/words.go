package digest

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/english"
)

// Nothing is the whole report on a period without incidents, in one line.
func (d *Digest) Nothing() string {
	s := d.title() + ", " + d.period() + ": nothing to report. No incident ended and none is open."
	if d.Past != nil && d.Past.Figures.Incidents > 0 {
		s += fmt.Sprintf(" In the previous period there were %d.", d.Past.Figures.Incidents)
	}
	return s
}

// title is what stands above a digest.
func (d *Digest) title() string {
	switch {
	case d.Title != "":
		return d.Title
	case d.Store == "":
		return "Self-heal digest"
	}
	return "Self-heal digest of " + d.Store
}

// period says what the digest is about, and whether it comes late.
func (d *Digest) period() string {
	const layout = "Mon 2 Jan 2006 15:04 MST"
	s := d.Since.Format(layout) + " to " + d.Until.Format(layout)
	if d.Matchers != "" {
		s += ", only " + d.Matchers
	}
	switch {
	case d.Missed > 0:
		s += fmt.Sprintf(" (sent late; also covers %s that could not be made)", english.Count(d.Missed, "digest"))
	case d.Late:
		s += " (sent late)"
	}
	return s
}

// summary puts the figures into a sentence. Endings that did not happen are not mentioned.
func (d *Digest) summary() string {
	f := d.Figures
	endings := listed([]counted{
		{f.SelfHealed, "self-healed"},
		{f.ClearedAfterPage, "cleared after a page"},
		{f.ResolvedByHand, "resolved by hand"},
		{f.Lost, "lost (state unknown)"},
		{f.StillOpen, "still open"},
	})
	s := fmt.Sprintf("%s of %s", english.Count(f.Incidents, "incident"), english.Count(f.Alerts, "alert"))
	if p := d.Past; p != nil {
		s += fmt.Sprintf(" (%d of %d in the previous period)", p.Figures.Incidents, p.Figures.Alerts)
	}
	if endings != "" {
		s += ": " + endings
	}
	return s + "."
}

// String says what is not listed, or nothing if there is no such thing.
func (o Others) String() string {
	if o.Classes == 0 {
		return ""
	}
	return fmt.Sprintf("others: %d in %s", o.Incidents, english.Count(o.Classes, "class"))
}

// andMore says that a list goes on, or nothing if it does not.
func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("and %d more", n)
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

// healer says what healed a class, the most frequent first; empty if nobody looked.
func (c *Class) healer() string {
	parts := make([]string, 0, len(c.Healers)+2)
	for _, h := range c.Healers {
		parts = append(parts, h.What+multiple(h.Count))
	}
	if c.MoreHealers > 0 {
		parts = append(parts, andMore(c.MoreHealers))
	}
	if c.Unexplained > 0 {
		parts = append(parts, correlate.Unexplained+multiple(c.Unexplained))
	}
	return strings.Join(parts, "; ")
}

// broken says what a class broke elsewhere.
func (c *Class) broken() string {
	parts := make([]string, 0, len(c.Broke)+1)
	for _, b := range c.Broke {
		parts = append(parts, b.Name+" on "+b.Kind+multiple(b.Count))
	}
	if c.MoreBroke > 0 {
		parts = append(parts, andMore(c.MoreBroke))
	}
	return strings.Join(parts, ", ")
}

// rootList names the roots of a class.
func (c *Class) rootList() string {
	parts := make([]string, 0, len(c.Roots)+1)
	for _, r := range c.Roots {
		parts = append(parts, r.Entity+multiple(r.Count))
	}
	if c.MoreRoots > 0 {
		parts = append(parts, andMore(c.MoreRoots))
	}
	return strings.Join(parts, ", ")
}

// multiple says how many there are of something if it is more than one.
func multiple(n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" ×%d", n)
}
