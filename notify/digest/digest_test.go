package digest

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/fake/golden"
)

func TestRenderingsAreAsTheGoldenFilesSay(t *testing.T) {
	late, alone := options, options
	late.Late, late.ExternalURL, late.Missed = true, "", 2
	alone.KnownSince, alone.Title, alone.Matchers = time.Time{}, "Shop: what healed", `team="shop"`
	unseen := options
	unseen.Unseen = []correlate.UnseenView{{Name: "Flappy", Reason: correlate.NotSent, Count: 40, TotalSeconds: 480, LongestSeconds: 42}}
	for name, d := range map[string]*Digest{
		"week":     Build(week(), since, until, unseen),
		"late":     Build(week()[:1], since, until, late),
		"quiet":    Build(append(trends()[20:22], open(closed(1, correlate.Held, until.Add(-time.Minute), 0))), since, until, options),
		"oneclass": Build(oneClass(), since, until, alone),
		"hostile":  Build(hostile(), since, until, alone),
		"empty":    Build(nil, since, until, Options{}),
	} {
		for ext, render := range map[string]func(io.Writer) error{
			"txt": d.Text, "md": d.Markdown, "json": d.JSON,
			"slack": func(w io.Writer) error { return indent(w, d.Slack()) },
		} {
			var got bytes.Buffer
			if err := render(&got); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+"."+ext+".golden", got.Bytes())
		}
	}
}

// indent makes JSON that people can compare.
func indent(w io.Writer, raw json.RawMessage) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	return e.Encode(v)
}

// An incident counts as it was at the end of the period, whatever became of it later, and has one ending.
func TestEveryIncidentHasOneEnding(t *testing.T) {
	at := since.Add(time.Hour)
	noSettle := closed(1, correlate.SelfHealed, at, time.Minute)
	noSettle.Recovered = nil
	healedAndLost := closed(1, correlate.SelfHealed, at, time.Minute)
	healedAndLost.Lost = 1
	byHandWhileLost := lost(closed(1, correlate.Resolved, at, time.Hour), 2)
	byHandWhileLost.Active = 1
	for name, c := range map[string]struct {
		incident *correlate.Incident
		want     Figures
	}{
		"healed":               {closed(1, correlate.SelfHealed, at, time.Minute), Figures{Opened: 1, SelfHealed: 1}},
		"healed, settle gone":  {noSettle, Figures{Opened: 1, SelfHealed: 1}},
		"healed after page":    {paged(closed(1, correlate.SelfHealed, at, time.Hour), time.Minute), Figures{Opened: 1, SelfHealed: 1, Paged: 1}},
		"healed, some lost":    {healedAndLost, Figures{Opened: 1, Lost: 1}},
		"given up":             {lost(closed(1, correlate.Resolved, at, time.Hour), 2), Figures{Opened: 1, Lost: 1, Alerts: 1}},
		"by hand, some lost":   {byHandWhileLost, Figures{Opened: 1, ResolvedByHand: 1, Alerts: 1}},
		"by hand":              {closed(1, correlate.Resolved, at, time.Hour), Figures{Opened: 1, ResolvedByHand: 1}},
		"cleared after page":   {paged(closed(1, correlate.Resolved, at, time.Hour), time.Minute), Figures{Opened: 1, ClearedAfterPage: 1, Paged: 1}},
		"paged before":         {paged(closed(1, correlate.Resolved, since.Add(-time.Hour), 2*time.Hour), time.Minute), Figures{ClearedAfterPage: 1, PagedBefore: 1}},
		"closed at the end":    {closed(1, correlate.SelfHealed, until.Add(-2*time.Minute), time.Minute), Figures{Opened: 1, StillOpen: 1}},
		"paged at the end":     {open(paged(closed(1, correlate.Escalated, until.Add(-time.Minute), 0), time.Minute)), Figures{Opened: 1, StillOpen: 1}},
		"closed at the start":  {closed(1, correlate.SelfHealed, since.Add(-2*time.Minute), time.Minute), Figures{SelfHealed: 1}},
		"opened at the start":  {open(closed(1, correlate.Held, since, 0)), Figures{Opened: 1, StillOpen: 1}},
		"closed before":        {closed(1, correlate.SelfHealed, since.Add(-time.Hour), time.Minute), Figures{}},
		"opened after the end": {open(closed(1, correlate.Held, until, 0)), Figures{}},
		"merged":               {closed(1, correlate.Merged, at, time.Minute), Figures{}},
	} {
		if c.want != (Figures{}) {
			c.want.Incidents, c.want.Alerts = 1, c.want.Alerts+1
		}
		c.incident.Generations = nil // pages are counted by these
		if diff := cmp.Diff(c.want, Build([]*correlate.Incident{c.incident}, since, until, options).Figures); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTimeToHealLeavesOutTheSettleTimeIfItIsKnown(t *testing.T) {
	known := closed(1, correlate.SelfHealed, since, time.Minute)
	unknown := closed(2, correlate.SelfHealed, since, time.Minute)
	unknown.Recovered = nil
	for _, c := range []struct {
		incident *correlate.Incident
		want     float64
	}{{known, 60}, {unknown, 120}} {
		d := Build([]*correlate.Incident{c.incident}, since, until, options)
		if got := d.Classes[0].LongestSeconds; got != c.want {
			t.Errorf("%s: time to heal %v s, want %v", c.incident.ID, got, c.want)
		}
	}
}

func TestSpansShowTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 45 * time.Second: "45s", 59600 * time.Millisecond: "1m 00s", 270 * time.Second: "4m 30s",
		time.Hour - time.Millisecond: "1h 00m", 65 * time.Minute: "1h 05m", 24*time.Hour - time.Second: "1d 00h", 51 * time.Hour: "2d 03h",
	} {
		if got := span(d.Seconds()); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}

// Whatever is not listed is counted, and what is listed does not depend on the order of the incidents. Method: random
// incidents of many classes, in two orders.
func TestNothingIsHiddenAndOrderDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		list := randomIncidents(random, 1+random.IntN(300))
		d := Build(list, since, until, options)
		f := d.Figures
		if sum := f.SelfHealed + f.ClearedAfterPage + f.ResolvedByHand + f.Lost + f.StillOpen; sum != f.Incidents {
			t.Fatalf("endings add up to %d, want %d incidents", sum, f.Incidents)
		}
		healed := d.Others.Incidents
		for _, c := range d.Classes {
			healed += c.Count
			roots := c.MoreRoots
			for _, r := range c.Roots {
				roots += r.Count
			}
			if roots > c.Count || c.MedianSeconds > c.P90Seconds || c.P90Seconds > c.LongestSeconds {
				t.Fatalf("class %+v cannot be", c)
			}
		}
		if healed != f.SelfHealed || len(d.Paged)+d.MorePaged != f.Paged+f.PagedBefore || len(d.Lost)+d.MoreLost != f.Lost {
			t.Fatalf("lists hold %d healed, %d paged, %d lost; figures %+v", healed, len(d.Paged)+d.MorePaged, len(d.Lost)+d.MoreLost, f)
		}
		random.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		if diff := cmp.Diff(d, Build(list, since, until, options)); diff != "" {
			t.Fatalf("another order makes another digest (-want +got):\n%s", diff)
		}
	}
}

func TestListsSayWhatTheyLeaveOut(t *testing.T) {
	d := Build(randomIncidents(rand.New(rand.NewPCG(3, 4)), 900), since, until, options)
	if d.Others.Classes == 0 || d.MorePaged == 0 || d.MoreLost == 0 {
		t.Fatalf("others %+v, %d more paged, %d more lost: want some of each", d.Others, d.MorePaged, d.MoreLost)
	}
	for name, write := range map[string]func(io.Writer) error{"text": d.Text, "Markdown": d.Markdown} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{d.Others.String(), andMore(d.MorePaged), andMore(d.MoreLost)} {
			if !strings.Contains(b.String(), want+"\n") {
				t.Errorf("%s says nowhere %q", name, want)
			}
		}
	}
}

func randomIncidents(random *rand.Rand, n int) (list []*correlate.Incident) {
	states := []correlate.State{correlate.SelfHealed, correlate.SelfHealed, correlate.Resolved, correlate.Merged}
	for k := range n {
		// Few different times, so that many tie.
		opened := since.Add(time.Duration(random.IntN(10)-1) * 20 * time.Hour)
		i := closed(correlate.IncidentID(k+1), states[random.IntN(len(states))], opened, time.Duration(random.IntN(4))*time.Minute)
		i.Class = "class " + strconv.Itoa(random.IntN(40))
		i.Roots[0].Entity = topology.Entity("pod/a/" + strconv.Itoa(random.IntN(8)))
		if random.IntN(4) == 0 {
			i = paged(i, time.Duration(random.IntN(3))*time.Hour)
		}
		if random.IntN(5) == 0 {
			i = lost(i, 1)
		}
		if random.IntN(6) == 0 {
			i = open(i)
		}
		list = append(list, i)
	}
	return list
}
