package correlate

import (
	"slices"
	"time"

	"quell/correlate/topology"
)

// Explanation says why an incident has the root that it has: with which numbers that one leads, what trouble took which way to
// which symptom, who else might be the root, and what would have made them.
type Explanation struct {
	// Incident is what is known about it without its members and labels. Its symptoms are there only if Live is false; the others are
	// explained by Symptoms.
	Incident *Incident `json:"incident"`
	// Live is false if nothing but the stored incident is left: then there are no numbers beside those of its roots.
	Live bool `json:"live"`
	// Ranked is when the verdict was reached. What began or ended later does not count.
	Ranked *time.Time `json:"ranked,omitempty"`
	// Root is the verdict; if Live is false, its entity, score, silence and sentence only.
	Root Candidate `json:"root"`
	// Lead is the root's score divided by the next one's; 0 if there is no next one.
	Lead float64 `json:"lead"`
	// Explained and Entities say that the root explains so many of the ill entities that have a voice in the ranking.
	Explained int `json:"explained"`
	Entities  int `json:"entities"`
	// RunnersUp are the next candidates by their own scores, at most five.
	RunnersUp []Candidate `json:"runners_up"`
	// Symptoms are explained one by one, oldest first; Incident.Alerts counts all. If there is a limit, those by which entities speak
	// come before the others.
	Symptoms []ExplainedSymptom `json:"symptoms"`
	// Counterfactuals are rankings with one thing changed: all that were tried.
	Counterfactuals []Counterfactual `json:"counterfactuals"`
	// Notes say which bounds the ranking met, and in what this explanation differs from it.
	Notes []string `json:"notes,omitempty"`
}

// Candidate is an entity that is the root, or might have been. Its score is the product of its four factors, at most 1.
type Candidate struct {
	Entity topology.Entity `json:"entity"`
	Score  float64         `json:"score"`
	Silent bool            `json:"silent"`
	// Why is, for the root, why it leads; for others, why not they: one sentence without a subject.
	Why string `json:"why"`
	// Explains counts the ill entities that it explains, Coverage is their share of the strength of all, each by the weight of the way
	// that trouble took to it and by how well the times fit.
	Explains int     `json:"explains"`
	Coverage float64 `json:"coverage"`
	// Evidence is what its strongest symptom Shows: one of Aspect. For a silent one it grows with Ill of Dependents, those next to it.
	Evidence   float64 `json:"evidence"`
	Shows      string  `json:"shows,omitempty"`
	Aspect     Aspect  `json:"aspect,omitempty"`
	Ill        int     `json:"ill,omitempty"`
	Dependents int     `json:"dependents,omitempty"`
	// Prior is how readily an entity of its kind is believed to be a root.
	Prior float64 `json:"prior"`
	// Change is the bonus of a recent change, 1 if there was none, and Changed what it was.
	Change  float64        `json:"change"`
	Changed *CountedChange `json:"changed,omitempty"`
}

// CountedChange is a change that speaks for a candidate: of itself or of one of its parts.
type CountedChange struct {
	Entity topology.Entity `json:"entity"`
	// At is when quell heard of it, BeforeSeconds how long it was before the first trouble after it.
	At            time.Time `json:"t"`
	BeforeSeconds float64   `json:"before_seconds"`
	Text          string    `json:"text"`
}

// ExplainedSymptom is a symptom with the way that trouble took to it. An entity has one voice, that of its strongest symptom.
type ExplainedSymptom struct {
	Entity   topology.Entity `json:"entity"`
	Name     string          `json:"name"`
	State    string          `json:"state"` // active, cleared or lost
	Aspect   Aspect          `json:"aspect"`
	Strength Strength        `json:"strength"`
	// Chain leads from the entity to the root, both included; empty if the root does not explain it.
	Chain []ChainStep `json:"chain,omitempty"`
	// Weight is the chance that trouble travels the chain, Timing how well the times fit, with the reason in TimingWhy if they do not
	// fit well, and Unclaimed what entities that are ill themselves leave of it to a silent root; each from 0 to 1.
	Weight    float64 `json:"weight"`
	Timing    float64 `json:"timing"`
	TimingWhy string  `json:"timing_why,omitempty"`
	Unclaimed float64 `json:"unclaimed"`
	// Counts is what the symptom contributes: strength × weight × timing × unclaimed, 0 if another of its entity is stronger.
	Counts float64 `json:"counts"`
	// Others are the runners-up that explain it as well, best first.
	Others []OtherRoot `json:"others,omitempty"`
	// Note says what is special: that nothing explains it, or why it counts nothing.
	Note string `json:"note,omitempty"`
	// Rules are what the rules in force say about it. What it says nothing of is built in, or in the policy's defaults.
	Rules []Ruling `json:"rules,omitempty"`
}

// Strength is how much a symptom weighs: the product of its parts.
type Strength struct {
	Value float64 `json:"value"`
	// Severity is the part of the severity named by Of, Event that of being one observation only, 1 for alerts; it
	// is halved for an event that was over five minutes before, if others go on.
	Severity float64  `json:"severity"`
	Of       Severity `json:"of"`
	Event    float64  `json:"event"`
	// Rarity is what the Spells of late, in which symptoms of its name began on entities of its kind, leave of it.
	Rarity float64 `json:"rarity"`
	Spells float64 `json:"spells"`
}

// ChainStep is an entity and how trouble came from it to the one before it in the chain. The first step has nothing but the entity.
type ChainStep struct {
	Entity topology.Entity `json:"entity"`
	// Type is that of the dependency between the two, Sources are those who told of it.
	Type    string   `json:"type,omitempty"`
	Sources []string `json:"sources,omitempty"`
	// Weight is the chance that trouble travels the step. It is lower than that of the type where trouble passed an entity without a
	// guess being seen there, and where an owner has many parts.
	Weight float64 `json:"weight,omitempty"`
	// Rules say that there is the dependency, or what its type means, or that one symptom causes the other.
	Rules []Ruling `json:"rules,omitempty"`
}

// OtherRoot is another candidate that explains a symptom, and how well: from 0 to 1, the symptom's strength not counted.
type OtherRoot struct {
	Entity   topology.Entity `json:"entity"`
	Explains float64         `json:"explains"`
}

// Counterfactual is the ranking with one thing changed.
type Counterfactual struct {
	// If says what is changed: a clause in the past perfect.
	If string `json:"if"`
	// Flips is true if Rival were the root then.
	Flips bool `json:"flips"`
	// Score is what the root would score then, Rival the best other candidate with RivalScore; empty if there were none.
	Score      float64         `json:"score"`
	Rival      topology.Entity `json:"rival,omitempty"`
	RivalScore float64         `json:"rival_score"`
}

// Decisive returns the counterfactuals that would have made another the root; if there are none, nearest is the one in which the
// root's lead is the smallest, or nil if nothing could be tried.
func (x *Explanation) Decisive() (flips []Counterfactual, nearest *Counterfactual) {
	for k := range x.Counterfactuals {
		c := &x.Counterfactuals[k]
		if c.Flips {
			flips = append(flips, *c)
		} else if nearest == nil || c.RivalScore*nearest.Score > nearest.RivalScore*c.Score {
			nearest = c
		}
	}
	if len(flips) > 0 {
		nearest = nil
	}
	return flips, nearest
}

// ExplainStored explains an incident of which nothing but the read model is left: by the roots and the timeline that were stored.
func ExplainStored(inc *Incident) *Explanation {
	x := &Explanation{Incident: inc, Notes: []string{"only what was stored of it is left: no factors, and no other rankings"}}
	if inc.State == Merged {
		x.Notes[0] = "it was merged into " + inc.MergedInto.String() + ", which explains its symptoms"
	}
	for k, r := range inc.Roots {
		c := Candidate{Entity: r.Entity, Score: r.Score, Silent: r.Silent, Why: r.Why}
		if k == 0 {
			x.Root = c
		} else {
			x.RunnersUp = append(x.RunnersUp, c)
		}
	}
	if len(x.RunnersUp) > 0 && x.RunnersUp[0].Score > 0 {
		x.Lead = x.Root.Score / x.RunnersUp[0].Score
	}
	x.RunnersUp = slices.Clip(x.RunnersUp)
	return x
}
