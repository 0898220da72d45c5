package digest

import (
	"fmt"
	"math"

	"quell/correlate"
	"quell/internal/english"
)

// Unseen sums up alerts of one name that Alertmanager did not send to quell.
type Unseen struct {
	Name string `json:"name"`
	// Reason is why, as far as Alertmanager's event recorder tells.
	Reason string `json:"reason"`
	Count  uint64 `json:"count"`
	// MeanSeconds is how long they fired on average, LongestSeconds the longest of them.
	MeanSeconds    float64 `json:"mean_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
}

// addUnseen takes over what the engine counted.
func (d *Digest) addUnseen(views []correlate.UnseenView) {
	list := make([]Unseen, 0, len(views))
	for i := range views {
		v := &views[i]
		d.UnseenCount += v.Count
		list = append(list, Unseen{line(v.Name, maxNameRunes), v.Reason.String(), v.Count, v.TotalSeconds / float64(max(v.Count, 1)), v.LongestSeconds})
	}
	d.Unseen, d.MoreUnseen = cut(list)
}

// unseen is the section about them.
func (d *Digest) unseen() section {
	s := section{
		title: "Never sent here", few: 5, more: left(d.MoreUnseen),
		intro:  fmt.Sprintf("%s: too short, silenced or inhibited in Alertmanager, or sent elsewhere.", english.Count(int(min(d.UnseenCount, math.MaxInt32)), "alert")),
		inLine: []int{0, 4, 3, 1, 2}, columns: []column{
			{"COUNT", true, "%s×"}, {"MEAN", true, ", mean %s"}, {"LONGEST", true, ", longest %s"}, {"REASON", false, ": %s"}, {"ALERT", false, " %s"},
		},
	}
	for _, u := range d.Unseen {
		s.rows = append(s.rows, row{cells: cells(fmt.Sprint(u.Count), span(u.MeanSeconds), span(u.LongestSeconds), u.Reason, u.Name)})
	}
	return s
}
