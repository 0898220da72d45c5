package replay

import (
	"bufio"
	"fmt"
	"slices"
	"text/tabwriter"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/picture"
)

// textPrinter tells the story of each incident and why it has its root, and then the figures. Decisions show in the timelines of their incidents.
type textPrinter struct {
	out     *bufio.Writer
	verbose bool
	// only are the incidents that are told; empty is all.
	only  []correlate.IncidentID
	notes []string
}

// maxRefused bounds the commands that are told as refused.
const maxRefused = 1000

func (p *textPrinter) decision(*correlate.Effect) {}

func (p *textPrinter) refused(where string, c *correlate.Command, why error) {
	if len(p.notes) < maxRefused {
		p.notes = append(p.notes, fmt.Sprintf("%s: %s %s was refused: %s", where, c.Action, c.Incident, why))
	}
}

func (p *textPrinter) incident(found page, _ []topology.Entity) {
	if len(p.only) > 0 && !slices.Contains(p.only, found.incident.ID) {
		return
	}
	_, _ = p.out.WriteString(picture.Story(found.incident, picture.Options{}) + "\n") // a write error comes back from Flush
	_, _ = p.out.WriteString(picture.Why(found.why, picture.Options{Brief: !p.verbose}) + "\n")
}

func (p *textPrinter) summary(s *summary) {
	for _, n := range p.notes {
		_, _ = fmt.Fprintln(p.out, picture.Clean(n))
	}
	if len(p.notes) > 0 {
		_, _ = fmt.Fprintln(p.out)
	}
	if len(p.only) > 0 {
		return
	}
	_, _ = fmt.Fprintln(p.out, picture.Figures(&s.Figures))
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "inputs\talerts\tincidents\tpages\tself-healed\tseconds\t")
	_, _ = fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%.3f\t\n", s.Inputs, s.Alerts, s.Incidents, s.Pages, s.SelfHealed, s.Seconds)
	_ = table.Flush()
}
