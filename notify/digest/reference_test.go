package digest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quell/correlate"
	"quell/correlate/honesty"
)

// fate is what a random incident is made to be: what the reference counts by, instead of by the incident's fields.
type fate struct {
	*correlate.Incident
	opened, closed, paged, acked time.Time // zero: did not happen
	took                         time.Duration
	how                          string // healed, cleared, by hand, lost, merged or open
}

// history makes random incidents over five weeks around the period, by day and by night.
func history(random *rand.Rand) (list []fate) {
	begin, span := since.AddDate(0, 0, -15), int64(24*24*time.Hour)
	for n := range 30 + random.IntN(120) {
		f := fate{opened: begin.Add(time.Duration(random.Int64N(span)).Round(time.Second)), took: time.Duration(1+random.IntN(7200)) * time.Second}
		i := closed(correlate.IncidentID(n+1), correlate.SelfHealed, f.opened, f.took)
		f.how, f.closed = "healed", *i.Closed
		if random.IntN(3) == 0 {
			after := time.Duration(random.Int64N(int64(f.took)))
			i, f.how, f.paged, i.State = paged(i, after), "cleared", f.opened.Add(after), correlate.Resolved
		}
		if random.IntN(4) == 0 {
			after := time.Duration(random.Int64N(int64(f.took)))
			i, f.acked = acked(i, after), f.opened.Add(after)
		}
		switch random.IntN(12) {
		case 0:
			f.how, i.State, i.ByHand, i.Recovered = "by hand", correlate.Resolved, true, nil
			lived(i)
		case 1:
			f.how = "lost"
			lost(i, 2)
		case 2:
			f.how, i.State = "merged", correlate.Merged
			lived(i)
		case 3:
			f.how, f.closed, i.State = "open", time.Time{}, correlate.Held
			open(i)
		}
		i = about(i, fmt.Sprint("Alert", random.IntN(6)), "service/shop/x")
		f.Incident = fired(i, i.Symptoms[0].Name, 1+random.IntN(3), time.Minute)
		list = append(list, f)
	}
	return list
}

// closedIn and openAt are what a reader would count on a calendar.
func (f *fate) closedIn(from, to time.Time) bool {
	return !f.closed.IsZero() && !f.closed.Before(from) && f.closed.Before(to)
}

func (f *fate) openAt(t time.Time) bool {
	return f.opened.Before(t) && (f.closed.IsZero() || !f.closed.Before(t))
}

// countedByHand are the headline figures of a period, by plain loops over fates.
func countedByHand(list []fate, from, to time.Time) (f Figures, pages honesty.Pages, holds honesty.Holds) {
	in := func(t time.Time) bool { return !t.IsZero() && !t.Before(from) && t.Before(to) }
	for k := range list {
		x := &list[k]
		if in(x.paged) {
			pages.Sent++
			switch {
			case !x.acked.IsZero() || x.how == "by hand":
				pages.Needed++
			case x.how == "lost":
				pages.Lost++
			case x.how == "merged":
				pages.Merged++
			case x.how == "open":
				pages.Open++
			default:
				pages.Unneeded++
			}
			if x.paged.After(x.opened) {
				holds.Paged++
			}
		}
		if x.how == "open" && x.paged.IsZero() && !x.acked.IsZero() && x.opened.Before(to) && to.Equal(until) {
			holds.Handled++ // goes on, and somebody is at it now; of the previous period that is not said
		}
		if x.paged.IsZero() && x.closedIn(from, to) {
			switch {
			case !x.acked.IsZero() || x.how == "by hand":
				holds.Handled++
			case x.how == "healed":
				holds.Healed++
			case x.how == "lost":
				holds.Lost++
			}
		}
		if x.how == "merged" || !x.closedIn(from, to) && !x.openAt(to) {
			continue
		}
		f.Incidents++
		f.Alerts += x.Alerts
		if in(x.opened) {
			f.Opened++
		}
		if in(x.paged) {
			f.Paged++
		} else if !x.paged.IsZero() && x.paged.Before(from) {
			f.PagedBefore++
		}
		switch {
		case x.openAt(to):
			f.StillOpen++
		case x.how == "healed":
			f.SelfHealed++
		case x.how == "cleared":
			f.ClearedAfterPage++
		case x.how == "by hand":
			f.ResolvedByHand++
		case x.how == "lost":
			f.Lost++
		}
	}
	f.PagesAvoided = holds.Healed
	return f, pages, holds
}

// sleptByHand walks the nights second by second, where all times are whole seconds.
func sleptByHand(list []fate, from, to time.Time) (s Sleep) {
	awake := make(map[int64]bool) // seconds in which somebody would have been awake
	nightOf := func(t time.Time) string {
		local := t.In(berlin)
		switch {
		case local.Hour() >= 22:
			return local.Format(time.DateOnly)
		case local.Hour() < 7:
			return local.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		return ""
	}
	disturbed, spared := make(map[string]bool), make(map[string]bool)
	for k := range list {
		if x := &list[k]; !x.paged.IsZero() {
			disturbed[nightOf(x.paged)] = true
		}
	}
	for k := range list {
		x := &list[k]
		night := nightOf(x.opened)
		if x.how != "healed" || !x.paged.IsZero() || !x.acked.IsZero() || !x.closedIn(from, to) || night == "" {
			continue
		}
		s.Pages++
		if disturbed[night] {
			continue
		}
		spared[night] = true
		for n := range int64(3600) {
			if t := x.opened.Add(time.Duration(n) * time.Second); nightOf(t) == night {
				awake[t.Unix()] = true
			}
		}
	}
	s.Nights, s.Seconds, s.From, s.To = len(spared), float64(len(awake)), "22:00", "07:00"
	return s
}

// classesByHand are counts and times to heal by class, and who came and went.
func classesByHand(list []fate, from, to time.Time) (healed map[string][]float64, all, old map[string]int) {
	healed, all, old = make(map[string][]float64), make(map[string]int), make(map[string]int)
	for k := range list {
		x := &list[k]
		if x.how == "merged" || !x.closedIn(from, to) && !x.openAt(to) {
			continue
		}
		all[x.Class]++
		if x.opened.Before(from) {
			old[x.Class]++
		}
		if x.how == "healed" && x.closedIn(from, to) {
			healed[x.Class] = append(healed[x.Class], x.took.Seconds())
		}
	}
	for _, times := range healed {
		slices.Sort(times)
	}
	return healed, all, old
}

// noiseByHand is how often each alert came back: each incident anew unless one began less than ten minutes before, and each time that its one
// series fired again.
func noiseByHand(list []fate, from, to time.Time) map[string]int {
	counts := make(map[string]int)
	last := make(map[string]time.Time)
	byTime := slices.Clone(list)
	slices.SortFunc(byTime, func(a, b fate) int { return a.opened.Compare(b.opened) })
	for k := range byTime {
		x := &byTime[k]
		if x.how == "merged" || !x.closedIn(from, to) && !x.openAt(to) {
			continue
		}
		p := x.Episodes[0]
		if t, ok := last[p.Name]; !ok || x.opened.Sub(t) >= 10*time.Minute {
			counts[p.Name]++
		}
		last[p.Name] = x.opened
		counts[p.Name] += p.Count - 1
	}
	for name, n := range counts {
		if n < 5 {
			delete(counts, name)
		}
	}
	return counts
}

// TestEachFigureIsWhatPlainLoopsCount makes random histories, and counts each section anew from how they were made.
func TestEachFigureIsWhatPlainLoopsCount(t *testing.T) {
	for seed := range uint64(150) {
		list := history(rand.New(rand.NewPCG(seed, 11)))
		incidents := make([]*correlate.Incident, len(list))
		for k := range list {
			incidents[k] = list[k].Incident
		}
		d, from := Build(incidents, since, until, options), since.AddDate(0, 0, -7)
		if d.Past == nil {
			t.Fatal("nothing is compared")
		}
		for _, p := range []Past{{since, until, d.Figures, d.Waiting, d.Sleep}, *d.Past} {
			figures, pages, holds := countedByHand(list, p.Since, p.Until)
			p.Waiting.Pages.UnneededShare, p.Waiting.Holds.Waiting = nil, 0
			got := []any{p.Figures, p.Waiting.Pages, p.Waiting.Holds, p.Sleep}
			if diff := cmp.Diff([]any{figures, pages, holds, sleptByHand(list, p.Since, p.Until)}, got); diff != "" {
				t.Fatalf("seed %d, from %v (-want +got):\n%s", seed, p.Since, diff)
			}
		}
		checkClasses(t, d, list, from)
		noise := make(map[string]int)
		for _, x := range d.Noisy {
			noise[x.Name] = x.Times
		}
		if diff := cmp.Diff(noiseByHand(list, since, until), noise); diff != "" {
			t.Fatalf("seed %d, noise (-want +got):\n%s", seed, diff)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkClasses compares what healed, and what came and went, with plain counts.
func checkClasses(t *testing.T, d *Digest, list []fate, from time.Time) {
	t.Helper()
	healed, all, old := classesByHand(list, since, until)
	earlier, before, _ := classesByHand(list, from, since)
	if len(d.Classes) != len(healed) {
		t.Errorf("%d classes, want %d", len(d.Classes), len(healed))
	}
	for _, c := range d.Classes {
		times := healed[c.Class]
		n := len(times)
		want := Class{
			Count: n, Past: len(earlier[c.Class]), MedianSeconds: (times[(n-1)/2] + times[n/2]) / 2,
			P90Seconds: times[int(math.Ceil(0.9*float64(n)-1e-9))-1], LongestSeconds: times[n-1],
		}
		got := Class{Count: c.Count, Past: c.Past, MedianSeconds: c.MedianSeconds, P90Seconds: c.P90Seconds, LongestSeconds: c.LongestSeconds}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Class, diff)
		}
	}
	var wantNew, wantGone, gotNew, gotGone []string
	for class, n := range all {
		if before[class] == 0 && old[class] == 0 {
			wantNew = append(wantNew, fmt.Sprint(class, n))
		}
	}
	for class, n := range before {
		if all[class] == 0 {
			wantGone = append(wantGone, fmt.Sprint(class, n))
		}
	}
	for _, c := range d.New {
		gotNew = append(gotNew, fmt.Sprint(c.Class, c.Count))
	}
	for _, c := range d.Gone {
		gotGone = append(gotGone, fmt.Sprint(c.Class, c.Count))
	}
	sorted := cmpopts.SortSlices(strings.Compare)
	if diff := cmp.Diff([][]string{wantNew, wantGone}, [][]string{gotNew, gotGone}, sorted); diff != "" {
		t.Errorf("new and gone (-want +got):\n%s", diff)
	}
}

// TestWhatGetsWorseIsRarelyChance: fortnights of forty classes in which nothing changed, and in which six did. Of what is called worse at most 5 %
// may be chance, on average over fortnights. Three standard errors are left for luck.
func TestWhatGetsWorseIsRarelyChance(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays 400 fortnights")
	}
	for _, changed := range []int{0, 6} {
		random, falseShare, squares, found := rand.New(rand.NewPCG(7, uint64(changed))), 0.0, 0.0, 0
		const fortnights = 400
		for range fortnights {
			share, all := fortnight(random, changed)
			falseShare += share
			squares += share * share
			found += all
		}
		mean := falseShare / fortnights
		luck := 3 * math.Sqrt(0.05/fortnights)
		t.Logf("%d classes changed: %.1f %% of what is called worse is chance, %d found", changed, 100*mean, found)
		if mean > 0.05+luck {
			t.Errorf("%d classes changed: %.1f %% of what is called worse is chance, want at most 5 %%", changed, 100*mean)
		}
		if changed > 0 && found < fortnights*changed/2 {
			t.Errorf("only %d of %d changes are found", found, fortnights*changed)
		}
	}
}

// fortnight makes two weeks in which so many of forty classes changed, and tells how much of what is called worse did not, and how many it were.
func fortnight(random *rand.Rand, changed int) (falseShare float64, found int) {
	var list []*correlate.Incident
	for class := range 40 {
		expected, mean := 1+random.IntN(14), time.Duration(1+random.IntN(10))*time.Minute
		for week := range 2 {
			n := 0
			worse := week == 1 && class < changed
			rate := float64(expected)
			if worse {
				rate = 3*rate + 12
			}
			for at := random.ExpFloat64(); at < rate; at += random.ExpFloat64() {
				n++
			}
			for range n {
				at := since.AddDate(0, 0, -7+7*week).Add(time.Duration(random.Int64N(int64(7 * 24 * time.Hour))))
				took := time.Duration(random.ExpFloat64() * float64(mean)).Round(30 * time.Second)
				i := closed(correlate.IncidentID(len(list)+1), correlate.SelfHealed, at, took)
				i.Class = fmt.Sprint("class ", class)
				list = append(list, i)
			}
		}
	}
	worse := Build(list, since, until, options).Worse
	wrong := 0
	for _, w := range worse {
		var class int
		if _, err := fmt.Sscanf(w.Class, "class %d", &class); err != nil || class >= changed || w.Kind == WorseTime {
			wrong++
		}
	}
	return float64(wrong) / float64(max(1, len(worse))), len(worse) - wrong
}
