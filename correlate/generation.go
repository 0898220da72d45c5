package correlate

import (
	"slices"

	"quell/correlate/honesty"
)

// generationsMax bounds the generations that an incident keeps. What is older was counted for metrics; other figures say that it is missing.
const generationsMax = 100

// generations is what an incident keeps of its generations for figures about waiting. It is on disk: names may be added, not changed.
type generations struct {
	// List are the last ones, oldest first; Earlier counts those before.
	List     []honesty.Generation `json:"list,omitempty"`
	Earlier  int                  `json:"earlier,omitempty"`
	Feedback []Said               `json:"feedback,omitempty"`
}

// present is the generation that lasts, or the one that ended last; nil only for an incident that an older program stored.
func (h *generations) present() *honesty.Generation {
	if len(h.List) == 0 {
		return nil
	}
	return &h.List[len(h.List)-1]
}

// begunBefore notes that an incident that goes into this one may have begun earlier: its page would have come then.
func (h *generations) begunBefore(gone *generations) {
	if own, other := h.present(), gone.present(); own != nil && other != nil && other.Opened.Before(own.Opened) {
		own.Opened = other.Opened
	}
}

// live books a decision about i in its history. It is called with every one, before the caller goes on.
func (e *Engine) live(i *incident, d Decision) {
	g, now := i.generations.present(), fromNano(e.now)
	if d == Open || d == Reopen {
		e.seal(i, false)
		e.beginGeneration(i)
		return
	}
	if g == nil || g.Number != i.generation {
		return
	}
	switch {
	case d == Hold && g.Silenced.IsZero() && i.silence != nil && i.silence.Ended == 0:
		g.Silenced, g.MutedBy = now, i.silence.mute()
	case d == Escalate && g.Paged.IsZero():
		g.Paged = now
	case d == Acknowledge && g.Acknowledged.IsZero():
		g.Acknowledged = now
	case d == Withdraw && g.Withdrawn.IsZero():
		g.Withdrawn = now
	case d == SelfHeal || d == Resolve || d == Merge:
		g.End, g.Closed, g.Recovered = i.ending(), now, fromNano(i.recovered)
		g.BackUntil = now.Add(e.policy.Reopen)
		g.Critical = e.showedCritical(i, toNano(g.Opened))
	}
}

// beginGeneration adds a generation. What was split off counts from when it began itself.
func (e *Engine) beginGeneration(i *incident) {
	h := &i.generations
	if len(h.List) >= generationsMax {
		h.List = slices.Delete(h.List, 0, 1)
		h.Earlier++
	}
	began := e.now
	if i.generation == 1 {
		began = max(i.heldFrom, i.opened)
	}
	h.List = append(h.List, honesty.Generation{Number: i.generation, Opened: fromNano(began)})
}

// seal counts the last generation of i, of which no more can come; final is true if i itself can no longer be reopened.
func (e *Engine) seal(i *incident, final bool) {
	before := e.outcomes
	e.outcomes.Seal(i.generations.List, final)
	e.dirty.tally = e.dirty.tally || e.outcomes != before
}

// ending says how i, which is closed, ended.
func (i *incident) ending() honesty.End {
	switch {
	case i.state == Merged:
		return honesty.MergedAway
	case i.byHand:
		return honesty.ByHand
	case i.active == 0 && i.lost > 0:
		return honesty.LostReport
	}
	return honesty.Cleared
}

// showedCritical reports whether a symptom of i was critical and active at some time since then.
func (e *Engine) showedCritical(i *incident, since int64) bool {
	return slices.ContainsFunc(i.symptoms, func(num uint64) bool {
		s := e.symptoms.get(num)
		return s.severity == SeverityCritical && (s.active() || s.ended >= since)
	})
}

// Record returns what figures about waiting need of an incident.
func (inc *Incident) Record() honesty.Record {
	return honesty.Record{ID: inc.ID.String(), Class: inc.Class, Generations: inc.Generations, Earlier: inc.EarlierGenerations}
}

// Tally counts what waiting did in all generations that are over for good.
func (e *Engine) Tally() honesty.Tally { return e.outcomes }
