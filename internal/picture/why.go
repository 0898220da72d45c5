package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// patience are the decisions that tell how long quell waited, and why.
var patience = []correlate.Decision{
	correlate.Hold, correlate.Escalate, correlate.Acknowledge, correlate.Reopen, correlate.Withdraw, correlate.Lost,
}

const (
	// shownReasons bounds the symptoms of a stored incident that Why explains one by one.
	shownReasons = 100
	// shownOthers bounds the other candidates that are named for one symptom.
	shownOthers = 2
	// A brief explanation names so many runners-up, draws so many entities, and so many below one other.
	briefRivals, briefLines, briefSiblings = 2, 10, 4
	// notable is the factor from which on a brief explanation says nothing about it.
	notable = 0.95
)

// Why explains an incident: the numbers by which its root leads, the way that trouble took to each symptom, the other candidates, what
// would have made another the root, why quell waited, and what ended it. A brief one follows a [Story] and tells nothing that the
// story tells. It ends with a newline.
func Why(x *correlate.Explanation, o Options) string {
	o = o.withDefaults()
	w := &whyText{Options: o, strokes: o.strokes(), x: x}
	if !o.Brief {
		w.line("%s  %s", x.Incident.ID, Clean(x.Incident.Title))
		w.line("")
	}
	w.root()
	w.symptoms()
	w.counterfactuals()
	if len(x.Notes) > 0 {
		w.line("")
		w.line("To bear in mind")
		for _, n := range x.Notes {
			w.wrapped("  - ", "    ", n)
		}
	}
	if !o.Brief {
		w.rules()
		w.life()
	}
	return w.String()
}

// whyText is an explanation while it is written.
type whyText struct {
	strings.Builder
	Options
	strokes
	x *correlate.Explanation
}

func (w *whyText) line(format string, args ...any) {
	w.WriteString(strings.TrimRight(cut(fmt.Sprintf(format, args...), w.Width, w.more), " ") + "\n")
}

// wrapped writes text over as many lines as it needs, the first after one indent, the others after another.
func (w *whyText) wrapped(first, others, text string) {
	for _, l := range wrap(strings.Fields(Clean(text)), " ", w.Width-length(first)) {
		w.line("%s%s", first, l)
		first = others
	}
}

// root writes why the root leads, and why the others do not.
func (w *whyText) root() {
	at := ""
	if w.x.Ranked != nil {
		at = ", by what was known at " + w.x.Ranked.UTC().Format(time.TimeOnly)
	}
	w.line("Why %s%s", Clean(string(w.x.Root.Entity)), at)
	if !w.Brief {
		w.wrapped("  It ", "  ", strings.TrimPrefix(w.x.Root.Why, "it "))
		w.line("")
	}
	if w.Brief && !w.x.Live {
		return
	}
	if w.x.Live {
		w.line("  score = coverage %[1]s evidence %[1]s prior %[1]s change", w.times)
	}
	w.candidate("root", &w.x.Root)
	rivals := w.x.RunnersUp
	if w.Brief {
		rivals = rivals[:min(len(rivals), briefRivals)]
	}
	for k := range rivals {
		w.candidate("not", &rivals[k])
	}
}

// candidate writes the factors of a candidate, and what speaks for or against it below them.
func (w *whyText) candidate(word string, c *correlate.Candidate) {
	margin := fmt.Sprintf("  %.2f", c.Score)
	if w.x.Live {
		margin += w.factors(c.Coverage, c.Evidence, c.Prior, c.Change)
	}
	margin += fmt.Sprintf("  %-5s", word)
	silent := ""
	if c.Silent {
		silent = ", silent"
	}
	w.line("%s%s", margin, Clean(string(c.Entity))+silent)
	indent := strings.Repeat(" ", length(margin))
	if word != "root" {
		w.wrapped(indent, indent, c.Why)
	} else if w.x.Live {
		w.wrapped(indent, indent, evidence(c))
	}
	if c.Changed != nil {
		before := time.Duration(c.Changed.BeforeSeconds * float64(time.Second))
		w.wrapped(indent, indent, fmt.Sprintf("%s changed %s before: %s", c.Changed.Entity, Span(before), c.Changed.Text))
	}
}

// factors writes " = 0.75 × 1.00".
func (w *whyText) factors(list ...float64) string {
	text, sign := "", " = "
	for _, f := range list {
		text += fmt.Sprintf("%s%.2f", sign, f)
		sign = " " + w.times + " "
	}
	return text
}

// evidence says where the evidence for the root comes from.
func evidence(c *correlate.Candidate) string {
	switch {
	case c.Silent:
		return fmt.Sprintf("%d of the %d next to it are ill", c.Ill, c.Dependents)
	case c.Aspect == correlate.AspectState:
		return c.Shows + " is trouble of its own"
	case c.Aspect == correlate.AspectEffect:
		return c.Shows + " may come from below"
	}
	return "no rule knows " + c.Shows
}

// symptoms draws the way that trouble took, with what each entity contributes on the left.
func (w *whyText) symptoms() {
	if w.Brief && (!w.x.Live || w.x.Entities == 1) {
		return
	}
	w.line("")
	if !w.x.Live {
		w.line("Why these symptoms")
		reasons(&w.Builder, w.x.Incident, w.Options)
		return
	}
	w.line("How trouble reached each symptom")
	claimed := slices.ContainsFunc(w.x.Symptoms, func(s correlate.ExplainedSymptom) bool { return s.Unclaimed < notable })
	head := fmt.Sprintf("  counts = strength %[1]s weight %[1]s timing", w.times)
	blank := "  0.00" + w.factors(1, 1, 1) + "  "
	if claimed {
		head += " " + w.times + " unclaimed"
		blank += w.factors(1)
	}
	blank = strings.Repeat(" ", length(blank))
	w.line("%s", head)
	t, voices := w.tree()
	o := w.Options
	o.Width -= length(blank)
	o.Lines, o.Siblings = max(o.Lines, len(t.nodes)), max(o.Siblings, len(t.nodes))
	if w.Brief {
		o.Lines, o.Siblings = briefLines, briefSiblings
	}
	t.choose(o)
	d := drawing{Options: o, strokes: w.strokes}
	d.margin = func(n *node) string {
		if n == nil || voices[n.entity] == nil || len(voices[n.entity].Chain) == 0 {
			return blank
		}
		v := voices[n.entity]
		factors := []float64{v.Strength.Value, v.Weight, v.Timing}
		if claimed {
			factors = append(factors, v.Unclaimed)
		}
		return fmt.Sprintf("  %.2f%s  ", v.Counts, w.factors(factors...))
	}
	d.below = func(n *node) string { return Clean(w.details(voices[n.entity])) }
	d.line("", "", t.root)
	d.children("", t.root)
	w.WriteString(d.out.String())
	if more := w.x.Incident.Alerts - len(w.x.Symptoms); more > 0 {
		w.line("  %s and %d more symptoms, which are not explained one by one", w.more, more)
	}
}

// tree lays the chains over each other, and finds the symptom by which each entity speaks: its strongest.
func (w *whyText) tree() (*tree, map[topology.Entity]*correlate.ExplainedSymptom) {
	inc := &correlate.Incident{Roots: []correlate.Root{{Entity: w.x.Root.Entity}}}
	voices := make(map[topology.Entity]*correlate.ExplainedSymptom)
	for k := range w.x.Symptoms {
		s := &w.x.Symptoms[k]
		v := correlate.SymptomView{Entity: s.Entity, Name: s.Name, State: s.State}
		for _, step := range s.Chain {
			p := correlate.PathStep{Entity: step.Entity}
			if step.Type != "" {
				p.Type = fmt.Sprintf("%s %.2f", step.Type, step.Weight)
			}
			p.Type += toldBy(step.Sources)
			v.Path = append(v.Path, p)
		}
		inc.Symptoms = append(inc.Symptoms, v)
		if old := voices[s.Entity]; old == nil || s.Counts > old.Counts {
			voices[s.Entity] = s
		}
	}
	return newTree(inc), voices
}

// toldBy says who tells of a dependency, if anybody is known to.
func toldBy(sources []string) string {
	if len(sources) == 0 {
		return ""
	}
	return " (from " + strings.Join(sources, ", ") + ")"
}

// details says what is behind the numbers of a symptom; if brief, only what costs it something.
func (w *whyText) details(s *correlate.ExplainedSymptom) string {
	if s == nil {
		return ""
	}
	var parts []string
	if s.Note != "" {
		parts = append(parts, s.Note)
	}
	if s.TimingWhy != "" {
		parts = append(parts, s.TimingWhy)
	}
	if !w.Brief || s.Strength.Rarity < notable {
		parts = append(parts, w.strength(&s.Strength))
	}
	if !w.Brief && len(s.Others) > 0 {
		text := "also explained by"
		for k, other := range s.Others[:min(len(s.Others), shownOthers)] {
			text += fmt.Sprintf("%s %s (%.2f)", [...]string{"", ","}[min(k, 1)], other.Entity, other.Explains)
		}
		if more := len(s.Others) - shownOthers; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// strength takes a strength apart.
func (w *whyText) strength(s *correlate.Strength) string {
	text := fmt.Sprintf("%s %.2f", s.Of, s.Severity)
	if s.Of == correlate.SeverityUnset {
		text = fmt.Sprintf("no severity %.2f", s.Severity)
	}
	if s.Event < 1 {
		text += fmt.Sprintf(" %s an event only %.2f", w.times, s.Event)
	}
	if s.Rarity < 1 {
		text += fmt.Sprintf(" %s rarity %.2f, seen in %.0f spells of late", w.times, s.Rarity, s.Spells)
	}
	return text
}

// counterfactuals writes what would have made another the root, or what comes nearest to it.
func (w *whyText) counterfactuals() {
	flips, nearest := w.x.Decisive()
	if nearest == nil && len(flips) == 0 || w.Brief && len(w.x.RunnersUp) == 0 {
		return
	}
	w.line("")
	w.line("What would have made another the root")
	scores := func(c *correlate.Counterfactual) string {
		return fmt.Sprintf("%s %.2f against %.2f", c.Rival, c.RivalScore, c.Score)
	}
	for k := range flips {
		w.wrapped("  - ", "    ", fmt.Sprintf("if %s: %s", flips[k].If, scores(&flips[k])))
	}
	switch {
	case nearest == nil:
	case nearest.Rival == "":
		w.line("  - nothing: there is no other candidate")
	default:
		w.wrapped("  - ", "    ", fmt.Sprintf("nothing of the %d that were tried; nearest, if %s: %s", len(w.x.Counterfactuals), nearest.If, scores(nearest)))
	}
}

// life writes how long quell waited and what ended it.
func (w *whyText) life() {
	w.changes()
	w.outlook()
	w.line("")
	w.line("Why it was held or paged")
	brief := *w.x.Incident
	brief.Timeline = slices.DeleteFunc(slices.Clone(brief.Timeline), func(t correlate.TimelineEntry) bool {
		return !slices.Contains(patience, t.Decision)
	})
	timeline(&w.Builder, &brief)
	silenced(&w.Builder, &brief)
	if brief.Escalation != nil {
		w.line("")
		w.line("Who was told, and who is next")
		escalation(&w.Builder, &brief)
	}
	w.chronic()
	w.line("")
	w.line("What ended it")
	w.line("  %s", Clean(cmp.Or(brief.CloseReason, "nothing yet: "+stillActive(&brief))))
	if h := brief.HealedBy; h != nil && h.What != correlate.Unexplained {
		w.wrapped("  "+h.At.UTC().Format(time.TimeOnly)+"  ", "            ", h.String())
	}
}

// chronic writes in which ways the trouble is chronic, if it is.
func (w *whyText) chronic() {
	if len(w.x.Incident.Chronic) == 0 {
		return
	}
	w.line("")
	w.line("Why it is chronic (%s)", Clean(w.x.Incident.Chronic[0].Subject))
	for _, c := range w.x.Incident.Chronic {
		w.wrapped("  - ", "    ", chronicText(&c))
	}
}

// chronicText says in which way trouble is chronic, since when that is known, and what was done.
func chronicText(c *correlate.Chronic) string {
	did := "told to nobody"
	switch c.Action {
	case correlate.ChronicNotice:
		did = "told by a notice"
	case correlate.ChronicPage:
		did = "paged"
	}
	return fmt.Sprintf("%s: it %s; %s at %s", c.Kind, c.Reason, did, c.Since.UTC().Format("2006-01-02 15:04:05"))
}

// changes writes what was changed on or near the root, if anything was.
func (w *whyText) changes() {
	changed := *w.x.Incident
	changed.Timeline = slices.DeleteFunc(slices.Clone(changed.Timeline), func(t correlate.TimelineEntry) bool { return t.Decision != correlate.Changed })
	if len(changed.Timeline) > 0 {
		w.line("")
		w.line("What was changed")
		timeline(&w.Builder, &changed)
	}
}

func stillActive(inc *correlate.Incident) string {
	switch {
	case inc.SettlesAt != nil:
		return "all symptoms cleared, but it flaps, and stays open until " + inc.SettlesAt.UTC().Format(time.TimeOnly)
	case inc.Active == 0:
		return "all symptoms cleared, and must stay clear for a while"
	}
	return fmt.Sprintf("%d of %d symptoms are active", inc.Active, inc.Alerts)
}

// reasons lists the symptoms, those on the root first, with the way that trouble took.
func reasons(b *strings.Builder, inc *correlate.Incident, o Options) {
	strokes := o.strokes()
	list := make([]*correlate.SymptomView, len(inc.Symptoms))
	for i := range inc.Symptoms {
		list[i] = &inc.Symptoms[i]
	}
	slices.SortStableFunc(list, func(x, y *correlate.SymptomView) int {
		// No path comes after the longest one.
		return cmp.Compare(uint(len(x.Path)-1), uint(len(y.Path)-1))
	})
	for _, s := range list[:min(len(list), shownReasons)] {
		fmt.Fprintf(b, "  %s on %s, %s: %s\n", Clean(s.Name), Clean(string(s.Entity)), s.State, Clean(s.Why))
		if len(s.Path) < 2 {
			continue
		}
		b.WriteString("      " + Clean(string(s.Path[0].Entity)))
		for _, step := range s.Path[1:] {
			fmt.Fprintf(b, "%s%s%s%s", strokes.arc, Clean(step.Type+toldBy(step.Sources)), strokes.arc, Clean(string(step.Entity)))
		}
		b.WriteByte('\n')
	}
	if more := len(list) - shownReasons; more > 0 {
		fmt.Fprintf(b, "  %s and %d more (-o json shows all)\n", strokes.more, more)
	}
}
