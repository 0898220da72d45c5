package digest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/english"
)

// Night is when people sleep, in minutes after midnight where they are. It may go past midnight. Its zero value stands for [DefaultNight].
type Night struct{ From, To int }

// DefaultNight is from ten in the evening until seven in the morning.
var DefaultNight = Night{From: 22 * 60, To: 7 * 60}

func (n Night) orDefault() Night {
	if n == (Night{}) {
		return DefaultNight
	}
	return n
}

// of returns the end of the night that a moment is part of, by the clock on the wall there; ok is false by day.
func (n Night) of(t time.Time) (end time.Time, ok bool) {
	y, m, d := t.Date()
	minute := t.Hour()*60 + t.Minute()
	switch {
	case n.From <= n.To:
		ok = minute >= n.From && minute < n.To
	case minute >= n.From:
		d, ok = d+1, true
	default:
		ok = minute < n.To
	}
	return time.Date(y, m, d, n.To/60, n.To%60, 0, 0, t.Location()), ok
}

// Sleep is the sleep that quell did not interrupt. The rule: a page by night costs whoever is on call an hour, or what is left of the night.
// That hour is a convention: to wake, to look, to fall asleep again. How slow the mind is after being woken alone takes minutes to hours,
// and is worst in the middle of the night (L. M. Trotti, Waking up is the hardest thing I do all day, Sleep Medicine Reviews 35, 2017). Hours
// that overlap count once, and nights in which somebody was paged after all do not count.
type Sleep struct {
	// Pages were avoided that would have come at night, had quell held nothing.
	Pages int `json:"pages"`
	// Nights are those in which at least one was avoided and none was sent, and Seconds the sleep that this saved.
	Nights  int     `json:"nights"`
	Seconds float64 `json:"seconds"`
	// From and To are the night on the clock, as "22:00".
	From string `json:"from"`
	To   string `json:"to"`
}

// wake is the part of a night that a page would have taken.
type wake struct{ from, to, night time.Time }

// wakeFor is how long a page keeps somebody awake.
const wakeFor = time.Hour

// sleepOf applies the rule to the period from since to until, in their time zone.
func sleepOf(incidents []*correlate.Incident, since, until time.Time, night Night) Sleep {
	s := Sleep{From: clock(night.From), To: clock(night.To)}
	disturbed := make(map[time.Time]bool)
	var spared []wake
	for _, i := range incidents {
		for k := range i.Generations {
			g := &i.Generations[k]
			if fate := g.PageFate(); fate != honesty.NoPage && fate != honesty.PageWithdrawn {
				if end, ok := night.of(g.Paged.In(since.Location())); ok {
					disturbed[end] = true
				}
			}
			if g.HoldFate() != honesty.HoldHealed || g.Closed.Before(since) || !g.Closed.Before(until) {
				continue
			}
			if end, ok := night.of(g.Opened.In(since.Location())); ok {
				s.Pages++
				to := g.Opened.Add(wakeFor)
				if to.After(end) {
					to = end
				}
				spared = append(spared, wake{g.Opened, to, end})
			}
		}
	}
	slices.SortFunc(spared, func(a, b wake) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	var awake, last time.Time
	for _, w := range spared {
		if disturbed[w.night] {
			continue
		}
		if !w.night.Equal(last) {
			s.Nights++
			last = w.night
		}
		if w.from.Before(awake) {
			w.from = awake
		}
		if w.to.After(w.from) {
			s.Seconds += w.to.Sub(w.from).Seconds()
			awake = w.to
		}
	}
	return s
}

// clock writes minutes after midnight as people do.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// String puts it into a sentence, with the rule.
func (s *Sleep) String() string {
	if s.Pages == 0 {
		return ""
	}
	text := fmt.Sprintf("%s would have come at night (%s to %s)", english.Count(s.Pages, "page"), s.From, s.To)
	if s.Nights == 0 {
		return text + ", but others came."
	}
	return fmt.Sprintf("%s: %s of sleep not interrupted, in %s in which nobody was paged (an hour for each page; overlaps count once).",
		text, span(s.Seconds), english.Count(s.Nights, "night"))
}
