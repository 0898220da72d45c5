package correlate

import (
	"slices"

	"quell/correlate/topology"
)

// Enrichment is what rules add to an incident for those who look into it. It follows from labels and rules alone, so a replay shows the same.
type Enrichment struct {
	// Owner is whose it is, Runbook an https address; either may be empty.
	Owner   string `json:"owner,omitempty"`
	Runbook string `json:"runbook,omitempty"`
	// Links lead to dashboards and the like, at most [MaxEnrichmentLinks]. Read only, like Notes, of which there are at most
	// [MaxEnrichmentNotes].
	Links []EnrichmentLink `json:"links,omitempty"`
	Notes []string         `json:"notes,omitempty"`
}

// EnrichmentLink is an https address and what it leads to.
type EnrichmentLink struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Bounds of an [Enrichment].
const (
	MaxEnrichmentLinks = 6
	MaxEnrichmentNotes = 5
)

// IsZero reports whether rules say nothing.
func (x *Enrichment) IsZero() bool {
	return x.Owner == "" && x.Runbook == "" && len(x.Links)+len(x.Notes) == 0
}

// Add takes over what another says where x says nothing, and its links and notes, within their bounds.
func (x *Enrichment) Add(more Enrichment) {
	if x.Owner == "" {
		x.Owner = more.Owner
	}
	if x.Runbook == "" {
		x.Runbook = more.Runbook
	}
	for _, l := range more.Links {
		if len(x.Links) < MaxEnrichmentLinks && !slices.ContainsFunc(x.Links, func(y EnrichmentLink) bool { return y.URL == l.URL }) {
			x.Links = append(x.Links, l)
		}
	}
	for _, note := range more.Notes {
		if len(x.Notes) < MaxEnrichmentNotes && !slices.Contains(x.Notes, note) {
			x.Notes = append(x.Notes, note)
		}
	}
}

// enrichedMax bounds the symptoms of an incident that rules are asked about.
const enrichedMax = 50

// enrichment is what rules add to i: for its root first, then for its other symptoms, those that go on before those that ended. Nil if they say nothing.
func (e *Engine) enrichment(i *incident) *Enrichment {
	if !e.rules.HasEnrichments() {
		return nil
	}
	var x Enrichment
	asked := 0
	for _, wanted := range [...]struct{ root, active bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		for _, num := range i.sorted() {
			s := e.symptoms.get(num)
			if (s.node == i.root) != wanted.root || s.active() != wanted.active || asked == enrichedMax {
				continue
			}
			asked++
			x.Add(e.rules.Enrich(s.labels, e.graph.Entity(s.node)))
		}
	}
	if x.IsZero() {
		return nil
	}
	return &x
}

// Enricher is the part of [Rules] that adds what helps people.
type Enricher interface {
	// Enrich says what helps people with a symptom with these labels on an entity.
	Enrich(Labels, topology.Entity) Enrichment
	// HasEnrichments reports whether any rule does.
	HasEnrichments() bool
}
