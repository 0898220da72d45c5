package picture

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"quell/correlate"
)

// Neighbourhood lists what the topology knows next to an entity: each dependency with its type, who tells of it, for how long already,
// and how soon it ends unless it is told again. It ends with a newline.
func Neighbourhood(h *correlate.Neighbourhood, now time.Time) string {
	var b strings.Builder
	b.WriteString(Clean(string(h.Entity)) + "\n")
	for _, d := range h.Declared {
		fmt.Fprintf(&b, "  declared by %s\n", claim(d, now))
	}
	side(&b, now, edges{"Depends on", h.DependsOn, h.DependsOnTotal})
	side(&b, now, edges{"Depended on by", h.Dependents, h.DependentsTotal})
	return b.String()
}

// edges are those on one side of an entity.
type edges struct {
	title string
	list  []correlate.Neighbour
	total int
}

func side(b *strings.Builder, now time.Time, e edges) {
	if e.total == 0 {
		fmt.Fprintf(b, "\n%s nothing\n", e.title)
		return
	}
	noun := "entities"
	if e.total == 1 {
		noun = "entity"
	}
	fmt.Fprintf(b, "\n%s %d %s\n", e.title, e.total, noun)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	shown, last := 0, correlate.Neighbour{}
	for i, n := range e.list {
		if i == 0 || n.Entity != last.Entity {
			shown++
		}
		last = n
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\n", Clean(n.Type), Clean(string(n.Entity)), claim(n.ToldBy, now)) // strings.Builder takes all
	}
	_ = w.Flush()
	if more := e.total - shown; more > 0 {
		fmt.Fprintf(b, "  … and %d more\n", more)
	}
}

// claim is "kubernetes/prod-eu, for 3h, ends in 12m".
func claim(t correlate.ToldBy, now time.Time) string {
	text := Clean(t.Source)
	if t.Since != nil {
		text += ", for " + Span(max(now.Sub(*t.Since), 0))
	}
	if t.Until != nil {
		text += ", ends in " + Span(max(t.Until.Sub(now), 0)) + " unless told again"
	}
	return text
}
