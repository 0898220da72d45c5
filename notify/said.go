package notify

import (
	"cmp"
	"slices"

	"quell/correlate"
)

// MaxSaid bounds what of the symptoms' own words one message shows.
const MaxSaid = 5

// maxSaidRunes cuts one text: as long as an alert's description usually is.
const maxSaidRunes = 300

// Saying is what symptoms say in their own words: which image is missing, how much of what a node lacks.
type Saying struct {
	// Text is one line, cleaned as [Line] does.
	Text string
	// Times is how many symptoms say just that, 1 or more.
	Times int
}

// Said returns the different texts of an incident's symptoms, at most [MaxSaid]: those of active symptoms before those that are
// over, those on the root before others, then what most of them say. Symptoms without a text say nothing.
func Said(i *correlate.Incident) []Saying {
	type ranked struct {
		Saying
		active, onRoot bool
	}
	var all []ranked
	at := make(map[string]int)
	for n := range i.Symptoms {
		s := &i.Symptoms[n]
		text := Line(Words(s.Annotations), maxSaidRunes)
		if text == "" {
			continue
		}
		k, known := at[text]
		if !known {
			k = len(all)
			at[text] = k
			all = append(all, ranked{Saying: Saying{Text: text}})
		}
		r := &all[k]
		r.Times++
		r.active = r.active || s.Ended == nil
		r.onRoot = r.onRoot || len(i.Roots) > 0 && s.Entity == i.Roots[0].Entity
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(first(a.active, b.active), first(a.onRoot, b.onRoot), cmp.Compare(b.Times, a.Times))
	})
	said := make([]Saying, 0, min(len(all), MaxSaid))
	for _, r := range all[:min(len(all), MaxSaid)] {
		said = append(said, r.Saying)
	}
	return said
}

// Words returns the text of a symptom that tells most, as it came: of events the last message that named something, of alerts what their
// rule's author wrote for people. Empty if there is none.
func Words(annotations correlate.Labels) string {
	for _, name := range [...]string{"evidence", "summary", "description", "message"} {
		if text := annotations.Get(name); text != "" {
			return text
		}
	}
	return ""
}

// first orders what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
