package slack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
	"quell/routing"
)

// How much of an incident its thread tells at once.
const (
	shownCandidates = 4
	shownDecisions  = 12
	shownNews       = 6
	// These keep the details together far below what Slack takes, some 12,000 runes (msg_blocks_too_long; undocumented).
	treeRunes      = 2000
	conditionRunes = 2200
	candidateRunes = 1200
	decisionRunes  = 1800
	decisionLine   = 300
)

// newsMessage is what a delivery adds to the thread of a message that was there already. An edited message makes no sound, so a page of
// what has a message already shows in the channel, too. since is until when the thread told what was decided; zero if that is not known.
func newsMessage(d *routing.Delivery, since time.Time) message {
	emoji, word := badge(d)
	switch d.Action {
	case routing.Update:
		emoji, word = "🔄", "Update"
	case routing.Notice:
		emoji, word = "📣", "Notice"
	case routing.Trigger:
		emoji, word = "🔔", "Paged"
	}
	said, reason := "", d.Reason
	switch d.Action {
	case routing.Acknowledge:
		if by := d.Incident.AckedBy; by != "" {
			said = " by " + escape(by, maxNameRunes)
			reason = strings.TrimPrefix(strings.TrimPrefix(reason, "acknowledged by "+by), "; ")
		}
	case routing.Trigger:
		// The channel and the phone show it without its thread.
		said = ": " + escape(d.Incident.Title, maxNameRunes) + fmt.Sprintf(" [%s]", d.Incident.Severity)
	}
	if reason != "" {
		said += ": " + escape(reason, maxReasonRunes)
	}
	news := newsLines(d, since)
	if d.Reason == "" && len(news) == 0 && d.Action == routing.Update {
		return message{} // the message itself was edited, and there is nothing to add
	}
	m := message{text: emoji + " " + word + said, broadcast: d.Action == routing.Trigger}
	m.fallback = joined(append([]string{emoji + " *" + word + "*" + said}, news...), maxSectionRunes)
	m.blocks = []api.Block{section(m.fallback)}
	return m
}

// newsLines is what was decided since the thread was last told, but what the delivery itself says. Deliveries that a later one
// superseded before they left are told here.
func newsLines(d *routing.Delivery, since time.Time) []string {
	if since.IsZero() {
		return nil
	}
	var fresh []correlate.TimelineEntry
	joins := 0
	for _, e := range d.Incident.Timeline {
		switch {
		case !e.At.After(since), !tellable(&e), e.Reason == "", strings.HasPrefix(d.Reason, e.Reason):
		case e.Decision == correlate.Join:
			joins++
		default:
			fresh = append(fresh, e)
		}
	}
	var lines []string
	if joins > 0 {
		lines = append(lines, "• "+amount(joins, "symptom")+" joined")
	}
	if more := len(fresh) - shownNews; more > 0 {
		lines = append(lines, fmt.Sprintf("• … %d decisions in between", more))
		fresh = fresh[more:]
	}
	for n := range fresh {
		lines = append(lines, decisionText(&fresh[n]))
	}
	return lines
}

// tellable reports whether a decision is news for people. How deliveries went is not: they read one.
func tellable(e *correlate.TimelineEntry) bool {
	return e.Decision != correlate.Notice && e.Decision != correlate.Leave
}

func decisionText(e *correlate.TimelineEntry) string {
	return fmt.Sprintf("• %s %s: %s", timeOfDay(e.At), e.Decision, escape(e.Reason, decisionLine))
}

// detailMessage is the first one in a thread: the cascade as text, who is ill with what, who else might have been the root, and what was
// decided so far.
func detailMessage(i *correlate.Incident) message {
	m := message{text: "Details of " + i.ID.String() + ": " + escape(i.Title, maxNameRunes)}
	var lines []string
	add := func(heading, body string) {
		if body != "" {
			m.blocks = append(m.blocks, section(heading+"\n"+body))
			lines = append(lines, heading)
			lines = append(lines, strings.Split(body, "\n")...)
		}
	}
	if tree := picture.Cascade(i, picture.Options{Width: 72, Lines: 20, Siblings: 4}); strings.Count(tree, "\n") > 1 {
		m.blocks = append(m.blocks, section("*Cascade:*\n"+fixedWidth(tree, treeRunes)))
	}
	listed := ""
	if i.Alerts > len(i.Symptoms) {
		listed = fmt.Sprintf(", of which the oldest %d are listed", len(i.Symptoms))
	}
	add(fmt.Sprintf("*Symptoms* (%d%s):", max(i.Alerts, len(i.Symptoms)), listed), conditionsText(i))
	add("*Candidates for the root cause:*", candidatesText(i))
	add("*Timeline:*", timelineText(i))
	m.fallback = joined(lines, maxFallbackRunes)
	return m
}

// condition is what several entities have: the same alert in the same state.
type condition struct {
	name, state string
	severity    correlate.Severity
	since       time.Time
	on          []topology.Entity
}

// conditionsText sums up the symptoms by name and state: active ones first, then what most entities have.
func conditionsText(i *correlate.Incident) string {
	var all []*condition
	for n := range i.Symptoms {
		s := &i.Symptoms[n]
		k := slices.IndexFunc(all, func(c *condition) bool { return c.name == s.Name && c.state == s.State && c.severity == s.Severity })
		if k < 0 {
			all = append(all, &condition{name: s.Name, state: s.State, severity: s.Severity, since: s.Since})
			k = len(all) - 1
		}
		if s.Since.Before(all[k].since) {
			all[k].since = s.Since
		}
		if !slices.Contains(all[k].on, s.Entity) {
			all[k].on = append(all[k].on, s.Entity)
		}
	}
	order := map[string]int{"active": 0, "lost": 1}
	rank := func(c *condition) int {
		if r, ok := order[c.state]; ok {
			return r
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(a, b *condition) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(b.on), len(a.on)))
	})
	lines := make([]string, 0, len(all))
	for _, c := range all {
		lines = append(lines, c.text())
	}
	return joined(lines, conditionRunes)
}

// text is one line: "KubePodNotReady (warning, active, began 03:12:05) on `pod/shop/cart-1` and 7 more".
func (c *condition) text() string {
	text := fmt.Sprintf("• %s (%s, %s, began %s) on %s", escape(c.name, 100), c.severity, escape(c.state, 20), timeOfDay(c.since), entity(c.on[0]))
	if more := len(c.on) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func candidatesText(i *correlate.Incident) string {
	if len(i.Roots) < 2 {
		return ""
	}
	lines := []string{fmt.Sprintf("• %s (score %.2f) leads", entity(i.Roots[0].Entity), i.Roots[0].Score)}
	for _, r := range i.Roots[1:min(len(i.Roots), shownCandidates)] {
		line := fmt.Sprintf("• %s (score %.2f)", entity(r.Entity), r.Score)
		if r.Why != "" {
			line += ": " + escape(r.Why, decisionLine)
		}
		lines = append(lines, line)
	}
	return joined(lines, candidateRunes)
}

// timelineText is what was decided so far: the beginning, and the latest.
func timelineText(i *correlate.Incident) string {
	entries := slices.DeleteFunc(slices.Clone(i.Timeline), func(e correlate.TimelineEntry) bool {
		return !tellable(&e) || e.Decision == correlate.Join
	})
	var lines []string
	for n := range entries {
		if n+1 < len(entries) && strings.HasPrefix(entries[n+1].Reason, entries[n].Reason) {
			continue // the next one says it again, and more
		}
		lines = append(lines, decisionText(&entries[n]))
	}
	if more := len(lines) - shownDecisions; more > 0 {
		middle := fmt.Sprintf("• … %d more in between", more)
		lines = slices.Concat(lines[:shownDecisions/3], []string{middle}, lines[len(lines)-shownDecisions*2/3:])
	}
	return joined(lines, decisionRunes)
}
