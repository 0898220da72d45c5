package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/english"
	"quell/internal/picture"
	"quell/notify/digest"
)

// welcome says what will be seen.
func (p *player) welcome(c *cluster) {
	s := p.screen
	s.say(bold, "quell demo: a bad morning in a shop of %d services on %d nodes", c.services(), len(c.nodes))
	s.say(plain, "")
	for _, l := range wrap(fmt.Sprintf("1 s of the demo is %d s of real life, and times are those of real life, as minutes and seconds since "+
		"the beginning. quell is the real one, with its own rules and its store on disk, and gets what Alertmanager, Prometheus and Kubernetes "+
		"would send. Only PagerDuty and Slack are played. Nothing leaves this machine.", p.rate), columns-2) {
		s.say(plain, "  %s", l)
	}
	s.say(faint, "  quell listens on %s until the demo is over; Ctrl-C ends it at once.", strings.TrimPrefix(p.client.root, "http://"))
}

// outcome asks quell for all that it knows, while it still runs.
func (p *player) outcome(ctx context.Context) (*outcome, error) {
	list, err := p.client.incidents(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	out := &outcome{
		alerts: p.alerts, events: p.events, began: p.began, ended: time.Now(),
		pages: p.theatre.pager.Incidents(), calls: p.theatre.pager.Events(),
	}
	for _, brief := range list {
		inc, err := p.client.incident(ctx, brief.ID)
		if err != nil {
			return nil, err
		}
		out.incidents = append(out.incidents, inc)
	}
	return out, nil
}

// report shows what the morning came to.
func (p *player) report(out *outcome) error {
	s := p.screen
	healed := 0
	for _, inc := range out.incidents {
		if inc.State == correlate.SelfHealed {
			healed++
		}
	}
	s.heading(fmt.Sprintf("What these %.0f minutes came to", storyLength.Minutes()))
	s.say(plain, "  %4d alerts and %d events  →  %d incidents  →  %d self-healed  →  %s",
		out.alerts, out.events, len(out.incidents), healed, english.Count(len(out.pages), "page"))
	for _, inc := range out.incidents {
		p.chapter(out, inc)
	}
	if biggest := biggest(out.incidents); biggest != nil {
		s.heading(fmt.Sprintf("How %d symptoms hang together", biggest.Alerts))
		s.block(indent(picture.Cascade(biggest, picture.Options{Width: columns - 2, Lines: 24, Siblings: 5})))
	}
	if err := p.digest(out); err != nil {
		return err
	}
	s.heading("What next")
	s.say(plain, "  quell replay FILE.jsonl   see what quell would have made of a night that you recorded")
	s.say(plain, "  quell serve -c quell.yml  run it, and let Alertmanager post to /api/v1/alertmanager")
	return s.err()
}

// chapter tells one incident in a few lines.
func (p *player) chapter(out *outcome, inc *correlate.Incident) {
	s := p.screen
	st := good
	if inc.Escalated != nil {
		st = alarm
	}
	root := inc.Roots[0]
	s.say(plain, "")
	s.say(st, "  %-6s  %s", inc.ID, inc.Title)
	s.say(plain, "          saw   %s on %s", english.Count(inc.Alerts, "symptom"), english.Count(inc.MemberCount, "entity"))
	lines := wrap(string(root.Entity)+": "+root.Why, columns-18)
	for i, l := range lines {
		s.say(plain, "          %-5s %s", map[bool]string{true: "root"}[i == 0], l)
	}
	s.say(plain, "          did   %s", p.deeds(out, inc))
	if h := inc.HealedBy; h != nil {
		for i, l := range wrap(h.String(), columns-18) {
			s.say(plain, "          %-5s %s", map[bool]string{true: "heal"}[i == 0], l)
		}
	}
}

// deeds is what quell did about an incident, in times of real life.
func (p *player) deeds(out *outcome, inc *correlate.Incident) string {
	if inc.Escalated == nil {
		return "held it, and it healed by itself after " + p.span(inc.Opened, *inc.Recovered) + ": nobody was called"
	}
	updates := 0
	for _, e := range out.calls {
		if e.Action == "trigger" && !e.Opened && strings.Contains(e.DedupKey, "/"+inc.ID.String()+"/") {
			updates++
		}
	}
	did := fmt.Sprintf("held it for %s, then paged once", p.span(inc.Opened, *inc.Escalated))
	if updates > 0 {
		did += fmt.Sprintf(" and updated that page %s", english.Times(updates))
	}
	if inc.Closed != nil {
		return did + "; resolved after " + p.span(inc.Opened, *inc.Closed)
	}
	return did + "; still open"
}

func biggest(list []*correlate.Incident) *correlate.Incident {
	var most *correlate.Incident
	for _, inc := range list {
		if most == nil || inc.Alerts > most.Alerts {
			most = inc
		}
	}
	return most
}

// digest shows the report that a team would get of that morning, with its times stretched to those of real life.
func (p *player) digest(out *outcome) error {
	p.screen.heading("The digest, which otherwise comes once a week")
	var incidents []*correlate.Incident
	for _, inc := range out.incidents {
		incidents = append(incidents, p.stretched(inc))
	}
	var b strings.Builder
	d := digest.Build(incidents, p.began, p.began.Add(p.at(out.ended)).Add(time.Second), digest.Options{})
	if err := d.Text(&b); err != nil {
		return err
	}
	p.screen.block(b.String())
	return nil
}

// stretched is a copy of an incident with the times that it would have had in real life.
func (p *player) stretched(inc *correlate.Incident) *correlate.Incident {
	long := *inc
	actual := func(t *time.Time) *time.Time {
		if t == nil {
			return nil
		}
		at := p.began.Add(p.at(*t))
		return &at
	}
	long.Opened = *actual(&inc.Opened)
	long.HeldUntil, long.Escalated, long.Closed, long.Recovered = actual(inc.HeldUntil), actual(inc.Escalated), actual(inc.Closed), actual(inc.Recovered)
	long.Generations = slices.Clone(inc.Generations)
	for k := range long.Generations {
		g := &long.Generations[k]
		for _, t := range []*time.Time{&g.Opened, &g.Paged, &g.Withdrawn, &g.Silenced, &g.Acknowledged, &g.Recovered, &g.Closed, &g.BackUntil} {
			if !t.IsZero() {
				*t = *actual(t)
			}
		}
	}
	return &long
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
