package digest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/english"
)

// Noise is an alert that keeps coming back, and what to do about it.
type Noise struct {
	Name string `json:"name"`
	// Times is how often it came back: on many entities at once it counts once, and so do incidents that begin within ten minutes. Count is
	// how often it fired and cleared in all, in how many Incidents. Pages of these were sent, of which Needed were right.
	Times     int `json:"times"`
	Count     int `json:"count"`
	Incidents int `json:"incidents"`
	Pages     int `json:"pages"`
	Needed    int `json:"needed"`
	// MeanSeconds and LongestSeconds are how long it fired.
	MeanSeconds    float64 `json:"mean_seconds"`
	LongestSeconds float64 `json:"longest_seconds"`
	// Action is one of the actions; Suggestion says it in a clause, with the numbers.
	Action     string `json:"action"`
	Suggestion string `json:"suggestion"`
}

// Actions against noise.
const (
	ActionFor    = "for"    // the rule should wait for longer
	ActionFix    = "fix"    // its cause needs people, over and over
	ActionDelete = "delete" // it never told anybody anything
)

const (
	// noisyFrom is from how many times on an alert is noise.
	noisyFrom = 5
	// sparedShare of the firings have to be spared before a longer `for` is suggested.
	sparedShare = 0.8
	// longestFor is the longest wait that is suggested on top of the present one: who waits longer does not want to know.
	longestFor = 30 * time.Minute
)

// din is what one alert did.
type din struct {
	correlate.Episodes
	incidents int
	// opened are the beginnings of its incidents, again counts how often it came back within one of them.
	opened []time.Time
	again  int
	verdicts
	severity correlate.Severity
	// decay says how its trouble gets worse; empty if it does not.
	decay string
}

// verdicts count what became of pages and holds in a period: pages of which so many were needed and not needed; how many holds somebody
// took on before they would have paged.
type verdicts struct{ pages, needed, unneeded, handled int }

// addNoise lists the alerts that came back most often.
func (d *Digest) addNoise(now *stretch) {
	dins := make(map[string]*din)
	for _, i := range now.spells {
		if len(i.Episodes) == 0 {
			continue
		}
		v := verdictsOn(i.Incident, now)
		for k := range i.Episodes {
			p := &i.Episodes[k]
			if p.Name == correlate.OtherAlerts {
				continue // nobody can do anything about these
			}
			x := dins[p.Name]
			if x == nil {
				x = &din{Episodes: correlate.Episodes{Name: p.Name}}
				dins[p.Name] = x
			}
			x.Add(p)
			x.incidents++
			x.opened = append(x.opened, i.Opened)
			series, severity := seriesOf(i.Symptoms, p.Name)
			if series > 0 {
				x.again += (p.Count+series-1)/series - 1
			}
			x.severity = max(x.severity, severity)
			x.verdicts.add(v)
			x.decay = cmp.Or(x.decay, decayOf(i.Incident, p.Name))
		}
	}
	for _, x := range dins {
		if times := occasions(x.opened) + x.again; times >= noisyFrom {
			x.decay = cmp.Or(x.decay, d.worsens(x.Name))
			d.Noisy = append(d.Noisy, x.noise(times))
		}
	}
	slices.SortFunc(d.Noisy, func(a, b Noise) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	d.Noisy, d.MoreNoisy = cut(d.Noisy)
}

// seriesOf counts the symptoms of a name, and tells the worst severity of them. What clears and fires again is still one.
func seriesOf(symptoms []correlate.SymptomView, name string) (n int, worst correlate.Severity) {
	for k := range symptoms {
		if v := &symptoms[k]; v.Name == name {
			n++
			worst = max(worst, v.Severity)
		}
	}
	return n, worst
}

// decayOf says in which way the trouble of an alert is chronic. What flaps is not meant: a longer `for` is what ends that.
func decayOf(i *correlate.Incident, name string) string {
	for _, c := range i.Chronic {
		if c.Kind != correlate.Flapping && strings.HasPrefix(c.Subject, name+" ") {
			return "is chronic (" + c.Kind.String() + ")"
		}
	}
	return ""
}

// worsens says that a class of an alert gets worse.
func (d *Digest) worsens(name string) string {
	for k := range d.Worse {
		if strings.HasPrefix(d.Worse[k].Class, line(name, maxNameRunes)+" ") {
			return "is getting worse"
		}
	}
	return ""
}

// verdictsOn are those on an incident in a period.
func verdictsOn(i *correlate.Incident, x *stretch) (v verdicts) {
	within := func(t time.Time) bool { return !t.Before(x.since) && t.Before(x.until) }
	for k := range i.Generations {
		g := &i.Generations[k]
		switch fate := g.PageFate(); fate {
		case honesty.NoPage, honesty.PageWithdrawn:
			if g.HoldFate() == honesty.HoldHandled && (g.Closed.IsZero() || within(g.Closed)) {
				v.handled++
			}
			continue
		default:
			if !within(g.Paged) {
				continue
			}
			v.pages++
			switch fate {
			case honesty.PageNeeded:
				v.needed++
			case honesty.PageUnneeded:
				v.unneeded++
			}
		}
	}
	return v
}

func (v *verdicts) add(o verdicts) {
	v.pages += o.pages
	v.needed += o.needed
	v.unneeded += o.unneeded
	v.handled += o.handled
}

// noise puts an alert that came back so many times into words.
func (x *din) noise(times int) Noise {
	n := Noise{
		Name: cmp.Or(line(x.Name, maxNameRunes), "?"), Times: times, Count: x.Count, Incidents: x.incidents, Pages: x.pages, Needed: x.needed,
		MeanSeconds: x.TotalSeconds / float64(x.Count), LongestSeconds: x.LongestSeconds,
	}
	n.Action, n.Suggestion = x.advice()
	return n
}

// advice says what to do about an alert. To be rid of it is the last resort: only where all is known, and nobody ever did anything about it.
func (x *din) advice() (action, text string) {
	wait, spared := x.longerFor()
	unknown := x.pages - x.needed - x.unneeded
	switch {
	case x.needed > 0:
		text = fmt.Sprintf("fix the cause: %s needed somebody", english.Count(x.needed, "page"))
		if wait > 0 {
			text += fmt.Sprintf(" (%d of %d firings were over within %s, but a longer \"for\" would delay such pages)", spared, x.Count, minutes(wait))
		}
		return ActionFix, text
	case x.handled > 0:
		return ActionFix, fmt.Sprintf("fix the cause: somebody took it on %s before it would have paged", english.Times(x.handled))
	case x.decay != "":
		return ActionFix, "fix the cause: it " + x.decay + ", and waiting longer would only hide that"
	case unknown > 0:
		return ActionFix, fmt.Sprintf("look into the cause: it is not known yet whether anybody needed %s", english.Count(unknown, "page"))
	case wait > 0:
		return ActionFor, fmt.Sprintf("raise its \"for\" by %s: %d of %d firings were over by then, and no page for it was needed", minutes(wait), spared, x.Count)
	case x.severity >= correlate.SeverityCritical:
		return ActionFix, "fix the cause, or lower its severity: it is critical, and no page for it was needed"
	case x.pages > 0:
		return ActionDelete, fmt.Sprintf("delete it, or make it info: %s, none of them needed", english.Count(x.pages, "page"))
	}
	return ActionDelete, "delete it, or make it info: it was never part of a page"
}

// minutes writes a wait as rules do.
func minutes(d time.Duration) string { return fmt.Sprintf("%dm", d/time.Minute) }

// longerFor is the shortest further wait that would have spared most firings, and how many; 0 if none would that is worth suggesting.
func (x *din) longerFor() (wait time.Duration, spared int) {
	for k, bound := range correlate.EpisodeBounds {
		spared += x.Within[k]
		if bound <= longestFor && float64(spared) >= sparedShare*float64(x.Count) {
			return bound, spared
		}
	}
	return 0, 0
}
