package notify

import "quell/correlate"

const (
	maxOwnerRunes = 100
	maxNoteRunes  = 500
)

// Owner is whose the incident is, by rules, as one clean line; empty if they do not say.
func Owner(i *correlate.Incident) string {
	if i.Enrichment == nil {
		return ""
	}
	return Line(i.Enrichment.Owner, maxOwnerRunes)
}

// Notes are what rules say to whoever looks into the incident, a clean line each.
func Notes(i *correlate.Incident) []string {
	if i.Enrichment == nil {
		return nil
	}
	var notes []string
	for _, note := range i.Enrichment.Notes {
		notes = append(notes, Line(note, maxNoteRunes))
	}
	return notes
}
