// Package honesty counts what waiting achieved: which pages were sent and which of them nobody needed, in which holds things healed and which
// only cost time, and how often quell kept quiet about something that turned out to need a human. Each of these is defined here and
// nowhere else, so that metrics, digest, replay and API cannot disagree.
//
// Everything is computed from [Generation]s, which are part of incidents and kept as long as they are. The package knows no clock: the same
// generations give the same figures, in any order. Nothing in them may change while they are counted.
package honesty

import (
	"cmp"
	"time"
)

// Generation is one life of an incident: from when it was opened, or reopened, until it was over. It is what is kept for figures;
// zero times are what did not happen. Its JSON names are on disk: names may be added, not changed.
type Generation struct {
	// Number counts the lives of an incident from 1.
	Number int `json:"generation"`
	// Opened is when a page would have been sent if quell never held anything. Of incidents that were merged, the first one counts.
	Opened time.Time `json:"opened"`
	// Paged is when the page was decided, and Withdrawn when it was taken back before it had left.
	Paged     time.Time `json:"paged,omitzero"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
	// Silenced is since when nothing but an operator's silence, or a rule, kept it from paging: its hold was over. MutedBy says in which
	// way a rule did, "inhibited", "suppressed" or "expected", or "muted" for several; it is empty if that was a silence.
	Silenced time.Time `json:"silenced,omitzero"`
	MutedBy  string    `json:"muted_by,omitempty"`
	// Acknowledged is when somebody took it on first.
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	// Recovered is when the last symptom cleared, if all did.
	Recovered time.Time `json:"recovered,omitzero"`
	Closed    time.Time `json:"closed,omitzero"`
	// End says what Closed means. It is empty while the generation lasts.
	End End `json:"end,omitempty"`
	// BackUntil is until when the trouble's return is a new generation of the same incident.
	BackUntil time.Time `json:"back_until,omitzero"`
	// Critical is true if it showed a critical symptom. It is known at the end.
	Critical bool `json:"critical,omitempty"`
	// ShouldHavePaged is what an operator said afterwards; nil if nobody did.
	ShouldHavePaged *bool `json:"should_have_paged,omitempty"`
}

// End is how a generation ended.
type End string

// Ends of generations.
const (
	Cleared    End = "cleared"    // all symptoms cleared, and stayed clear
	ByHand     End = "by hand"    // an operator closed it
	LostReport End = "lost"       // nobody reported on it any more: its state is unknown
	MergedAway End = "merged"     // another incident took its symptoms
	stillOpen  End = "still open" // for those that have none yet
)

// PageFate is what became of a page. The zero value means that there was none.
type PageFate uint8

// Fates of pages.
const (
	// NoPage was decided, or none yet.
	NoPage PageFate = iota
	// PageOpen waits for somebody.
	PageOpen
	// PageNeeded was acknowledged, or its incident closed by hand, or an operator says that it was right.
	PageNeeded
	// PageUnneeded cleared without anybody having acknowledged it, or an operator says that it was not needed.
	PageUnneeded
	// PageWithdrawn never left.
	PageWithdrawn
	// PageLost was sent for something of which nobody knows how it ended.
	PageLost
	// PageMerged turned out to be about a part of another incident.
	PageMerged
)

// PageFate judges the page of a generation.
func (g *Generation) PageFate() PageFate {
	switch {
	case g.Paged.IsZero():
		return NoPage
	case !g.Withdrawn.IsZero():
		return PageWithdrawn
	case g.ShouldHavePaged != nil && *g.ShouldHavePaged:
		return PageNeeded
	case g.ShouldHavePaged != nil:
		return PageUnneeded
	case !g.Acknowledged.IsZero():
		return PageNeeded
	}
	switch cmp.Or(g.End, stillOpen) {
	case ByHand:
		return PageNeeded
	case Cleared:
		return PageUnneeded
	case LostReport:
		return PageLost
	case MergedAway:
		return PageMerged
	}
	return PageOpen
}

// HoldFate is what became of a hold. The zero value means that there was none to speak of.
type HoldFate uint8

// Fates of holds.
const (
	// NoHold: it was paged at once, or went into another incident before anything came of it.
	NoHold HoldFate = iota
	// HoldWaits: it is held now.
	HoldWaits
	// HoldHealed: it healed, and nobody was disturbed.
	HoldHealed
	// HoldHandled: somebody took it on, or closed it, before it would have paged.
	HoldHandled
	// HoldLost: nobody knows how it ended.
	HoldLost
	// HoldPaged: it was paged in the end; see [Generation.Delay].
	HoldPaged
	// HoldSilenced: it healed when its hold was over, and a silence kept it from paging. That is the silence's doing.
	HoldSilenced
	// HoldMuted: likewise, and a rule kept it from paging.
	HoldMuted
)

// HoldFate judges the hold of a generation. A page that never left did not end it.
func (g *Generation) HoldFate() HoldFate {
	switch page := g.PageFate(); {
	case page != NoPage && page != PageWithdrawn:
		if g.Delay() > 0 {
			return HoldPaged
		}
		return NoHold
	case !g.Acknowledged.IsZero():
		return HoldHandled
	}
	switch cmp.Or(g.End, stillOpen) {
	case Cleared:
		switch {
		case g.MutedBy != "":
			return HoldMuted
		case !g.Silenced.IsZero():
			return HoldSilenced
		}
		return HoldHealed
	case ByHand:
		return HoldHandled
	case LostReport:
		return HoldLost
	case MergedAway:
		return NoHold
	}
	return HoldWaits
}

// Delay is by how much the hold put the page off; 0 if there was none. What a silence or a rule put it off by does not count, nor does the
// time in which somebody had it, and let it lapse.
func (g *Generation) Delay() time.Duration {
	end := g.Paged
	for _, other := range [...]time.Time{g.Silenced, g.Acknowledged} {
		if !other.IsZero() && other.Before(end) {
			end = other
		}
	}
	return max(0, end.Sub(g.Opened)) // 0 if there was no page
}

// Quiet reports whether it healed without disturbing anybody.
func (g *Generation) Quiet() bool { return g.HoldFate() == HoldHealed }

// moment is the time by which a generation belongs to a period: that of its page, else of its end. It is zero if neither came yet.
func (g *Generation) moment() time.Time {
	if g.Paged.IsZero() {
		return g.Closed
	}
	return g.Paged
}
