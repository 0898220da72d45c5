package correlate

import (
	"quell/correlate/topology"
)

// incidentRow is an incident as it is stored: names may be added, not changed.
type incidentRow struct {
	ID              IncidentID      `json:"id"`
	Generation      int             `json:"gen"`
	State           State           `json:"state"`
	Root            topology.Entity `json:"root"`
	RootWhy         string          `json:"why,omitempty"`
	Roots           []Root          `json:"roots,omitempty"`
	Opened          int64           `json:"opened"`
	HeldUntil       int64           `json:"held,omitempty"`
	HoldReason      string          `json:"hold,omitempty"`
	Escalated       int64           `json:"escalated,omitempty"`
	Acknowledged    int64           `json:"acked,omitempty"`
	AckedBy         string          `json:"by,omitempty"`
	Recovered       int64           `json:"recovered,omitempty"`
	SettleAt        int64           `json:"settle,omitempty"`
	Closed          int64           `json:"closed,omitempty"`
	CloseReason     string          `json:"close,omitempty"`
	MergedInto      IncidentID      `json:"merged,omitzero"`
	Title           string          `json:"title"`
	Class           string          `json:"class"`
	ByHand          bool            `json:"hand,omitempty"`
	Timeline        []TimelineEntry `json:"timeline,omitempty"`
	Skipped         int             `json:"skipped,omitempty"`
	PagedGeneration int             `json:"paged,omitempty"`
	ToldAlerts      int             `json:"told,omitempty"`
	ToldSeverity    Severity        `json:"told_severity"`
	Ranked          int             `json:"ranked,omitempty"`
	Parent          topology.Entity `json:"parent,omitempty"`
	ParentGone      int64           `json:"parent_gone,omitempty"`
	RankedAt        int64           `json:"ranked_at,omitempty"`
	Late            bool            `json:"late,omitempty"`

	RankDue  int64             `json:"rank_due,omitempty"`
	Gathers  []topology.Entity `json:"gathers,omitempty"`
	HeldFrom int64             `json:"held_from,omitempty"`
	Healed   *Healing          `json:"healed,omitempty"`

	Generations generations      `json:"generations,omitzero"`
	Silence     *silenceWait     `json:"silence,omitempty"`
	Relapse     string           `json:"relapse,omitempty"`
	Foreseen    bool             `json:"foreseen,omitempty"`
	Ruled       bool             `json:"ruled,omitempty"`
	Outlook     *Outlook         `json:"outlook,omitempty"`
	Watched     int64            `json:"watched,omitempty"`
	Trouble     trouble          `json:"trouble,omitzero"`
	Storm       string           `json:"storm,omitempty"`
	Taken       *acknowledgement `json:"taken,omitempty"`
	Withdrawn   int64            `json:"withdrawn,omitempty"`
	CalmAt      int64            `json:"calm,omitempty"`
	IllSince    int64            `json:"ill_since,omitempty"`
	ChronicDue  int64            `json:"chronic_due,omitempty"`
	Overdrawn   bool             `json:"overdrawn,omitempty"`
	Chronic     []Chronic        `json:"chronic,omitempty"`
	Episodes    []Episodes       `json:"episodes,omitempty"`
	HoldRule    *RuleID          `json:"hold_rule,omitempty"`
	Excused     int64            `json:"excused,omitempty"`
}

func (e *Engine) incidentRow(i *incident) []byte {
	return mustJSON(incidentRow{
		i.id, i.generation, i.state, e.graph.Entity(i.root), i.rootWhy, i.roots, i.opened, i.heldUntil, i.holdReason, i.escalated,
		i.acknowledged, i.ackedBy, i.recovered, i.settleAt, i.closed, i.closeReason, i.mergedInto, i.title, i.class, i.byHand, i.timeline,
		i.skipped, i.pagedGeneration, i.toldAlerts, i.toldSeverity, i.ranked, i.parent, i.parentGone, i.rankedAt, i.late,
		i.rankDue, i.gathers,
		i.heldFrom, i.healed, i.generations, i.silence, i.relapse, i.foreseen, i.ruled, i.outlook, i.watched, i.trouble, i.storm,
		i.taken, i.withdrawn, i.calmAt, i.illSince, i.chronicDue, i.overdrawn, i.chronic, i.episodes, i.holdRule, i.excused,
	})
}

func (e *Engine) fromRow(r *incidentRow) *incident {
	return &incident{
		id: r.ID, generation: r.Generation, state: r.State, root: e.graph.Intern(r.Root), rootWhy: r.RootWhy, roots: r.Roots, opened: r.Opened,
		heldUntil: r.HeldUntil, holdReason: r.HoldReason, escalated: r.Escalated, acknowledged: r.Acknowledged, ackedBy: r.AckedBy,
		recovered: r.Recovered, settleAt: r.SettleAt, closed: r.Closed, closeReason: r.CloseReason, mergedInto: r.MergedInto, title: r.Title,
		class: r.Class, byHand: r.ByHand, timeline: r.Timeline, skipped: r.Skipped, pagedGeneration: r.PagedGeneration,
		toldAlerts: r.ToldAlerts, toldSeverity: r.ToldSeverity, ranked: r.Ranked, rankedAt: r.RankedAt,
		parent: r.Parent, parentGone: r.ParentGone, late: r.Late, rankDue: r.RankDue, gathers: r.Gathers,
		heldFrom: cmp0(r.HeldFrom, r.Opened), healed: r.Healed, relapse: r.Relapse, foreseen: r.Foreseen, ruled: r.Ruled, outlook: r.Outlook, watched: r.Watched, trouble: r.Trouble,
		storm: r.Storm, generations: r.Generations, silence: r.Silence, taken: r.Taken, withdrawn: r.Withdrawn,
		calmAt: r.CalmAt, illSince: r.IllSince, chronicDue: r.ChronicDue, overdrawn: r.Overdrawn, chronic: r.Chronic, episodes: r.Episodes, holdRule: r.HoldRule, excused: r.Excused, uncounted: true,
	}
}
