package picture

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/english"
)

// shownRunnersUp is how many candidates beside the root a story names.
const shownRunnersUp = 3

// Story tells an incident for people: headline, root and why, cascade, timeline, and how it ended. The times of day are UTC, as
// the headline's date is. It ends with a newline.
func Story(inc *correlate.Incident, o Options) string {
	o = o.withDefaults()
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", inc.ID, Clean(inc.Title))
	row(&b, "state", Clean(State(inc)))
	row(&b, "opened", inc.Opened.UTC().Format("2006-01-02 15:04:05 MST"))
	roots(&b, inc)
	row(&b, "symptoms", fmt.Sprintf("%d, %d active, on %d %s", inc.Alerts, inc.Active, inc.MemberCount, entities(inc.MemberCount)))
	if inc.HoldReason != "" {
		row(&b, "hold", Clean(inc.HoldReason))
	}
	if did := Waited(inc); did != "" {
		row(&b, "waiting", did)
	}
	silenced(&b, inc)
	enriched(&b, inc.Enrichment)
	for k := range inc.Chronic {
		row(&b, "chronic", Clean(chronicText(&inc.Chronic[k])))
	}
	if inc.CloseReason != "" {
		row(&b, "end", Clean(inc.CloseReason))
	}
	o.Width -= 2
	indented(&b, "\n", Cascade(inc, o))
	if len(inc.Timeline) > 0 {
		b.WriteByte('\n')
	}
	timeline(&b, inc)
	if inc.Escalation != nil {
		b.WriteString("\n  Who was told\n")
		escalation(&b, inc)
	}
	return b.String()
}

func entities(n int) string {
	if n == 1 {
		return "entity"
	}
	return "entities"
}

func row(b *strings.Builder, name, text string) { fmt.Fprintf(b, "  %-9s %s\n", name, text) }

func roots(b *strings.Builder, inc *correlate.Incident) {
	for k, r := range inc.Roots {
		if k > shownRunnersUp {
			break
		}
		name := ""
		if k == 0 {
			name = "root"
		} else if k == 1 {
			name = "or"
		}
		silent := ""
		if r.Silent {
			silent = ", silent"
		}
		row(b, name, fmt.Sprintf("%s (score %.2f%s): %s", Clean(string(r.Entity)), r.Score, silent, Clean(r.Why)))
	}
}

// silenced tells what silences the incident, and until when.
func silenced(b *strings.Builder, inc *correlate.Incident) {
	if inc.Silenced == nil {
		return
	}
	share := "all of it"
	if !inc.Silenced.All {
		share = fmt.Sprintf("%d of %d symptoms that go on", inc.Silenced.Symptoms, inc.Active+inc.Lost)
	}
	row(b, cmp.Or(inc.Silenced.How, "silenced"), share+lasts(inc.Silenced.Until))
	for k := range inc.Silenced.Muted {
		by := &inc.Silenced.Muted[k]
		if by.Until != nil {
			row(b, "", Clean(by.String()+lasts(*by.Until)))
		} else {
			row(b, "", Clean(by.String()))
		}
	}
	for _, by := range inc.Silenced.By {
		text := "by " + by.ID
		if !by.Maintenance {
			text = fmt.Sprintf("by %s (silence %s)", by.By, by.ID)
		}
		if by.Comment != "" {
			text += ": " + by.Comment
		}
		row(b, "", Clean(fmt.Sprintf("%s, until %s", text, by.Until.UTC().Format(time.DateTime))))
	}
}

// enriched tells what rules add for whoever looks into it.
func enriched(b *strings.Builder, x *correlate.Enrichment) {
	if x == nil {
		return
	}
	if x.Owner != "" {
		row(b, "owner", Clean(x.Owner))
	}
	if x.Runbook != "" {
		row(b, "runbook", Clean(x.Runbook))
	}
	for _, l := range x.Links {
		row(b, "link", Clean(l.Name+": "+l.URL))
	}
	for _, note := range x.Notes {
		row(b, "note", Clean(note))
	}
}

// lasts says until when; nothing if nobody knows.
func lasts(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return ", until " + until.UTC().Format(time.DateTime)
}

// timeline lists decisions by the time of day, with the date where the day changes.
func timeline(b *strings.Builder, inc *correlate.Incident) {
	const layout = "2006-01-02"
	day := inc.Opened.UTC().Format(layout)
	for _, t := range inc.Timeline {
		at := t.At.UTC()
		if d := at.Format(layout); d != day {
			day = d
			fmt.Fprintf(b, "  %s\n", day)
		}
		word := ""
		if t.Decision != 0 {
			word = fmt.Sprintf("%-11s ", t.Decision)
		}
		fmt.Fprintf(b, "  %s  %s%s\n", at.Format(time.TimeOnly), word, Clean(t.Reason))
	}
}

// indented writes text with two blanks before each line, and before it what is given, unless there is no text.
func indented(b *strings.Builder, before, text string) {
	if text == "" {
		return
	}
	b.WriteString(before)
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
}

// State tells an incident's state with its times in a few words: "escalated, paged after 5m".
func State(inc *correlate.Incident) string {
	words := []string{inc.State.String()}
	began := inc.Opened
	if g := last(inc); g != nil {
		began = g.Opened // earlier generations are over
	}
	if inc.Escalated != nil && inc.Escalated.Before(began) {
		words = append(words, "paged in an earlier generation")
	} else if inc.Escalated != nil {
		words = append(words, "paged after "+Span(inc.Escalated.Sub(began)))
	}
	switch {
	case inc.Silenced != nil && inc.Silenced.All:
		words = append(words, cmp.Or(inc.Silenced.How, "silenced")+strings.TrimPrefix(lasts(inc.Silenced.Until), ","))
	case inc.SettlesAt != nil:
		words = append(words, "well, and over at "+inc.SettlesAt.UTC().Format("15:04:05")+" if it stays so")
	case inc.State == correlate.Held && inc.HeldUntil != nil:
		words = append(words, "pages at "+inc.HeldUntil.UTC().Format("15:04:05"))
	}
	if inc.Acknowledged != nil {
		words = append(words, "acknowledged by "+inc.AckedBy)
	}
	if inc.Closed != nil {
		words = append(words, "over after "+Span(inc.Closed.Sub(began)))
	}
	return strings.Join(words, ", ")
}

// Span writes a duration for people, to the second.
func Span(d time.Duration) string { return model.Duration(d.Round(time.Second)).String() }

// last is the present generation of an incident, or the one that ended last; nil if none is known.
func last(inc *correlate.Incident) *honesty.Generation {
	if len(inc.Generations) == 0 {
		return nil
	}
	return &inc.Generations[len(inc.Generations)-1]
}

// Waited says what came of waiting in an incident's last generation; nothing while nobody can know.
func Waited(inc *correlate.Incident) string {
	g := last(inc)
	if g == nil {
		return ""
	}
	var parts []string
	if before := len(inc.Generations) + inc.EarlierGenerations - 1; before > 0 {
		parts = append(parts, fmt.Sprintf("it came back %s", english.Times(before)))
	}
	switch g.HoldFate() {
	case honesty.HoldHealed:
		parts = append(parts, "it healed, and nobody was disturbed")
	case honesty.HoldSilenced:
		parts = append(parts, "its hold was over, and a silence kept it quiet until it healed")
	case honesty.HoldPaged:
		parts = append(parts, "the hold put the page off by "+Span(g.Delay()))
	case honesty.HoldHandled:
		parts = append(parts, "somebody took it on before it would have paged")
	case honesty.HoldLost:
		parts = append(parts, "how it ended is unknown")
	}
	switch g.PageFate() {
	case honesty.PageUnneeded:
		parts = append(parts, "the page was not needed: nobody acknowledged it")
	case honesty.PageWithdrawn:
		parts = append(parts, "the page was withdrawn before it had left")
	}
	if word := g.ShouldHavePaged; word != nil && *word {
		parts = append(parts, "an operator says that it should have paged")
	} else if word != nil {
		parts = append(parts, "an operator says that it need not have paged")
	}
	return strings.Join(parts, "; ")
}
