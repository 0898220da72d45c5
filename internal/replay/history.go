package replay

import (
	"context"
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// History is what a replay leaves behind for reports. Nobody may change the incidents.
type History struct {
	// Incidents are all that were not merged away, by their ids, with everything that is known: as they ended, or as they are at the end.
	Incidents []*correlate.Incident
	// Paged holds the incidents that paged somebody as they were when the first page of each was decided.
	Paged map[correlate.IncidentID]*correlate.Incident
	// Begin and End are the times of the first line and of the last.
	Begin, End time.Time
	// Engine is what decided, after all that.
	Engine *correlate.Engine
}

// Play replays the files as [Run] does, and returns what happened instead of printing it. Of the options, Out, Format, Only and Verbose
// do not count. Commands that the engine does not allow are told to Progress.
func Play(ctx context.Context, o Options) (*History, error) {
	p, err := newPlayer(o)
	if err != nil {
		return nil, err
	}
	h := &historian{player: p, History: History{Paged: make(map[correlate.IncidentID]*correlate.Incident), Engine: p.engine}}
	p.printer, p.book = h, newBook(0, 0)
	if err := p.play(ctx); err != nil {
		return nil, err
	}
	p.finish(time.Now()) // the summary is for printers that show it
	h.Begin, h.End = p.first, p.instant
	return &h.History, nil
}

// historian keeps what it is told.
type historian struct {
	History
	player *player
}

// decision keeps an incident whose page was decided. The engine was stepped already, and within one step hardly more happens to it.
func (h *historian) decision(f *correlate.Effect) {
	if f.Decision != correlate.Escalate || h.Paged[f.Incident] != nil {
		return
	}
	if inc, ok := h.player.engine.Incident(f.Incident, correlate.MaxShown); ok {
		h.Paged[f.Incident] = inc
	}
}

func (h *historian) refused(where string, c *correlate.Command, why error) {
	if progress := h.player.options.Progress; progress != nil {
		_, _ = fmt.Fprintf(progress, "%s: %s %s was refused: %s\n", where, c.Action, c.Incident, why) // it is only a note
	}
}

func (h *historian) incident(found page, _ []topology.Entity) {
	h.Incidents = append(h.Incidents, found.incident)
}

func (h *historian) summary(*summary) {}
