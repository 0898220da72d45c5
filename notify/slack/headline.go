package slack

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
	"quell/notify"
	"quell/routing"
)

const (
	shownMembers = 6
	shownKinds   = 4
	shownSayings = 3
)

// headline is state, title and severity, for the eye and for screen readers.
func headline(d *routing.Delivery) string {
	sign, words := badge(d)
	head := fmt.Sprintf("%s %s: ", sign, words)
	tail := fmt.Sprintf(" [%s]", d.Incident.Severity)
	return head + escape(d.Incident.Title, maxHeaderRunes-utf8.RuneCountInString(head+tail)) + tail
}

// emoji shows how an incident stands at a glance.
func emoji(standing string) string {
	switch standing {
	case "Silenced", "Muted":
		return "🔕"
	case "Held":
		return "⏳"
	case "Acknowledged":
		return "👀"
	case "Healed", "Resolved":
		return "✅"
	case "Lost":
		return "❔"
	case "Merged":
		return "🔗"
	}
	return "🔴"
}

// badge is how an incident stands after a delivery; one that is over says after how long.
func badge(d *routing.Delivery) (sign, words string) {
	standing := notify.Standing(d)
	words = standing
	switch standing {
	case "Healed", "Resolved", "Lost":
		if lasted, over := notify.Lasted(d.Incident); over {
			words += " after " + picture.Span(lasted)
		}
	}
	return emoji(standing), words
}

// factsText is what else people want to know, in small print.
func (in *integration) factsText(d *routing.Delivery) string {
	i := d.Incident
	facts := []string{in.linkTo(i), "since " + date(notify.Began(i))}
	if i.Generation > 1 && i.Opened.Before(notify.Began(i)) {
		facts = append(facts, fmt.Sprintf("generation %d, first seen %s", i.Generation, date(i.Opened)))
	}
	if i.Withdrawn != nil {
		facts = append(facts, "page taken back before it left")
	} else if i.Escalated != nil && !i.Escalated.Before(notify.Began(i)) {
		if waited := i.Escalated.Sub(notify.Began(i)); waited < time.Second {
			facts = append(facts, "paged at once")
		} else {
			facts = append(facts, "paged after "+picture.Span(waited))
		}
	}
	if i.Acknowledged != nil {
		by := ""
		if i.AckedBy != "" {
			by = " by " + escape(i.AckedBy, maxNameRunes)
		}
		facts = append(facts, "👀 acknowledged"+by+" at "+timeOfDay(*i.Acknowledged))
	}
	if i.Closed != nil {
		facts = append(facts, "over at "+timeOfDay(*i.Closed))
	}
	return strings.Join(facts, " · ")
}

// linkTo is an incident's id, and leads to it.
func (in *integration) linkTo(i *correlate.Incident) string {
	for _, l := range notify.Links(i, in.env.ExternalURL) {
		if l.Text == i.ID.String() {
			return link(l)
		}
	}
	return i.ID.String()
}

// affectedText says how much is ill: in numbers, and in names of what people use before names of what runs it.
func affectedText(d *routing.Delivery) string {
	i := d.Incident
	text := "*Affected:* " + affectedCounts(d)
	names := slices.Clone(i.Members)
	if len(i.Roots) > 0 {
		names = slices.DeleteFunc(names, func(e topology.Entity) bool { return e == i.Roots[0].Entity })
	}
	slices.SortStableFunc(names, func(a, b topology.Entity) int { return cmp.Compare(distance(a), distance(b)) })
	hidden := i.MemberCount - (len(i.Members) - len(names)) - min(len(names), shownMembers)
	if len(names) == 0 {
		return text
	}
	shown := make([]string, 0, shownMembers)
	for _, e := range names[:min(len(names), shownMembers)] {
		shown = append(shown, entity(e))
	}
	text += "\n" + strings.Join(shown, ", ")
	if hidden > 0 {
		text += fmt.Sprintf(" and %d more", hidden)
	}
	return text
}

// distance orders entities by how near they are to those who use the system.
func distance(e topology.Entity) int {
	switch e.Kind() {
	case "ingress", "service", "external", "slo":
		return 0
	case "deployment", "statefulset", "daemonset", "cronjob", "job":
		return 1
	case "pod", "replicaset", "container", "endpointslice", "poddisruptionbudget":
		return 3
	}
	return 2
}

// affectedCounts is "55 entities (31 pods, 12 services), 102 of 103 alerts active".
func affectedCounts(d *routing.Delivery) string {
	i := d.Incident
	total := i.MemberCount
	text := amount(total, "entity")
	if kinds := kindCounts(i, total); kinds != "" {
		text += " (" + kinds + ")"
	}
	if !notify.StateAfter(d).Open() {
		return text + ", " + amount(i.Alerts, "alert")
	}
	return text + fmt.Sprintf(", %d of %s active", i.Active, amount(i.Alerts, "alert"))
}

// kindCounts counts members by kind, the most frequent first.
func kindCounts(i *correlate.Incident, total int) string {
	counts := maps.Clone(i.MemberKinds)
	if len(counts) == 0 {
		counts = make(map[string]int)
		for _, e := range i.Members {
			counts[e.Kind()]++
		}
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	if total < 2 || len(kinds) == 0 {
		return ""
	}
	var parts []string
	for _, k := range kinds[:min(len(kinds), shownKinds)] {
		parts = append(parts, amount(counts[k], escape(k, 40)))
		total -= counts[k]
	}
	if total > 0 {
		parts = append(parts, fmt.Sprintf("%d more", total))
	}
	return strings.Join(parts, ", ")
}

// amount is "1 pod" or "3 pods".
func amount(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	case strings.HasSuffix(what, "ty"), strings.HasSuffix(what, "cy"):
		return fmt.Sprintf("%d %sies", n, what[:len(what)-1])
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// saidText is what the symptoms say, or empty if they say nothing.
func saidText(i *correlate.Incident, most int) string {
	var lines []string
	said := notify.Said(i)
	for _, s := range said[:min(len(said), most)] {
		line := "• " + escape(s.Text, maxSaidRunes)
		if s.Times > 1 {
			line += fmt.Sprintf(" (%d times)", s.Times)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return ""
	}
	return "*Symptoms say:*\n" + strings.Join(lines, "\n")
}
