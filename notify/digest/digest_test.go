package digest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A week in which the clocks go back.
var (
	berlin = mustLoad("Europe/Berlin")
	since  = time.Date(2026, 10, 19, 9, 0, 0, 0, berlin)
	until  = time.Date(2026, 10, 26, 9, 0, 0, 0, berlin)
)

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

// closed is an incident that was held, and recovered after a while and closed a minute later.
func closed(id correlate.IncidentID, state correlate.State, opened time.Time, took time.Duration) *correlate.Incident {
	opened = opened.UTC()
	recovered, end := opened.Add(took), opened.Add(took+time.Minute)
	return &correlate.Incident{
		ID: id, Generation: 1, State: state, Opened: opened, Recovered: &recovered, Closed: &end, Alerts: 1, HoldReason: "held 5m",
		Title: "KubePodNotReady on pod/shop/cart-" + strconv.Itoa(int(id)), Class: "KubePodNotReady on pod",
		Roots: []correlate.Root{{Entity: topology.Entity("pod/shop/cart-" + strconv.Itoa(int(id))), Why: "nothing that it depends on is ill"}},
	}
}

// paged marks an incident as escalated.
func paged(i *correlate.Incident, after time.Duration) *correlate.Incident {
	at := i.Opened.Add(after)
	i.Escalated, i.Paged = &at, true
	return i
}

// open makes an incident one that goes on.
func open(i *correlate.Incident) *correlate.Incident {
	i.Closed, i.Recovered, i.Active = nil, nil, 1
	return i
}

// lost makes an incident one that was given up.
func lost(i *correlate.Incident, alerts int) *correlate.Incident {
	i.State, i.Recovered, i.Lost, i.Alerts = correlate.Resolved, nil, alerts, alerts
	return i
}

// week is a period in which everything happened that a digest knows.
func week() []*correlate.Incident {
	at := func(d time.Duration) time.Time { return since.Add(d) }
	var list []*correlate.Incident
	for n := range 9 {
		i := closed(correlate.IncidentID(n+1), correlate.SelfHealed, at(time.Duration(n)*7*time.Hour), time.Duration(20+40*n)*time.Second)
		i.Roots[0].Entity = topology.Entity("pod/shop/cart-" + strconv.Itoa(n%5))
		i.HealedBy = &correlate.Healing{What: "ready on node n2 after 2 restarts of container app by the kubelet", Entity: i.Roots[0].Entity}
		if n%4 == 1 {
			i.HealedBy.What = correlate.Unexplained
		}
		list = append(list, i)
	}
	node := closed(20, correlate.SelfHealed, at(30*time.Hour), 65*time.Minute)
	node.Title, node.Class, node.Alerts = "KubePodNotReady below node/n3, which is silent itself", "KubePodNotReady below node", 37
	node.Roots = []correlate.Root{{Entity: "node/n3", Silent: true, Why: "8 of 8 pods on it fail, and nothing else does"}, {Entity: "pod/shop/cart-1"}}
	node.HealedBy = &correlate.Healing{What: "kubelet reports again", Entity: "node/n3"}
	merged := closed(21, correlate.Merged, at(time.Hour), time.Minute)
	again := paged(closed(22, correlate.SelfHealed, at(40*time.Hour), 27*time.Hour), 5*time.Minute)
	again.Generation, again.Paged, again.Class = 2, false, "etcdSlow on pod"
	old := paged(closed(23, correlate.Resolved, at(-50*time.Hour), 52*time.Hour), 10*time.Minute)
	old.Title = "DiskFull on persistentvolumeclaim/shop/db"
	return append(
		list, node, merged, again, old,
		paged(closed(24, correlate.Resolved, at(100*time.Hour), 42*time.Minute), 5*time.Minute),
		open(paged(closed(25, correlate.Escalated, at(140*time.Hour), 0), 5*time.Minute)),
		closed(26, correlate.Resolved, at(10*time.Hour), 5*time.Minute),
		lost(closed(27, correlate.Resolved, at(11*time.Hour), 24*time.Hour), 3),
		open(closed(1028, correlate.Held, until.Add(-time.Minute), 0)),
	)
}

var options = Options{StoreName: "prod-eu", Location: berlin, ExternalURL: "https://quell.example/"}

func TestRenderingsAreAsTheGoldenFilesSay(t *testing.T) {
	late := options
	late.Late, late.ExternalURL = true, ""
	for name, d := range map[string]*Digest{
		"week":  Build(week(), since, until, options),
		"late":  Build(week()[:1], since, until, late),
		"empty": Build(nil, since, until, Options{}),
	} {
		for ext, render := range map[string]func(io.Writer) error{
			"txt": d.Text, "md": d.Markdown, "json": d.JSON,
			"slack": func(w io.Writer) error { return indent(w, d.Slack()) },
		} {
			var got bytes.Buffer
			if err := render(&got); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", name+"."+ext+".golden"), got.Bytes())
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

func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; run with -update and read the diff):\n%s", file, diff)
	}
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
	direct := closed(1, correlate.SelfHealed, at, time.Minute)
	direct.HoldReason = ""
	for name, c := range map[string]struct {
		incident *correlate.Incident
		want     Figures
	}{
		"healed":               {closed(1, correlate.SelfHealed, at, time.Minute), Figures{Opened: 1, SelfHealed: 1, PagesAvoided: 1}},
		"healed, never held":   {direct, Figures{Opened: 1, SelfHealed: 1}},
		"healed, settle gone":  {noSettle, Figures{Opened: 1, SelfHealed: 1, PagesAvoided: 1}},
		"healed after page":    {paged(closed(1, correlate.SelfHealed, at, time.Hour), time.Minute), Figures{Opened: 1, SelfHealed: 1, Paged: 1}},
		"healed, some lost":    {healedAndLost, Figures{Opened: 1, Lost: 1}},
		"given up":             {lost(closed(1, correlate.Resolved, at, time.Hour), 2), Figures{Opened: 1, Lost: 1, Alerts: 1}},
		"by hand, some lost":   {byHandWhileLost, Figures{Opened: 1, ResolvedByHand: 1, Alerts: 1}},
		"by hand":              {closed(1, correlate.Resolved, at, time.Hour), Figures{Opened: 1, ResolvedByHand: 1}},
		"cleared after page":   {paged(closed(1, correlate.Resolved, at, time.Hour), time.Minute), Figures{Opened: 1, ClearedAfterPage: 1, Paged: 1}},
		"paged before":         {paged(closed(1, correlate.Resolved, since.Add(-time.Hour), 2*time.Hour), time.Minute), Figures{ClearedAfterPage: 1, PagedBefore: 1}},
		"closed at the end":    {closed(1, correlate.SelfHealed, until.Add(-2*time.Minute), time.Minute), Figures{Opened: 1, StillOpen: 1}},
		"paged at the end":     {open(paged(closed(1, correlate.Escalated, until.Add(-time.Minute), 0), time.Minute)), Figures{Opened: 1, StillOpen: 1}},
		"closed at the start":  {closed(1, correlate.SelfHealed, since.Add(-2*time.Minute), time.Minute), Figures{SelfHealed: 1, PagesAvoided: 1}},
		"opened at the start":  {open(closed(1, correlate.Held, since, 0)), Figures{Opened: 1, StillOpen: 1}},
		"closed before":        {closed(1, correlate.SelfHealed, since.Add(-time.Hour), time.Minute), Figures{}},
		"opened after the end": {open(closed(1, correlate.Held, until, 0)), Figures{}},
		"merged":               {closed(1, correlate.Merged, at, time.Minute), Figures{}},
	} {
		if c.want != (Figures{}) {
			c.want.Incidents, c.want.Alerts = 1, c.want.Alerts+1
		}
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

func TestQuantilesAreOfTheNearestRank(t *testing.T) {
	upTo := func(n int) (list []time.Duration) {
		for k := range n {
			list = append(list, time.Duration(k+1)*time.Second)
		}
		return list
	}
	for _, c := range []struct{ n, medianMillis, p90Seconds int }{
		{1, 1000, 1}, {2, 1500, 2}, {3, 2000, 3}, {4, 2500, 4}, {9, 5000, 9}, {10, 5500, 9}, {11, 6000, 10}, {20, 10500, 18}, {100, 50500, 90},
	} {
		list := upTo(c.n)
		if got, want := median(list), time.Duration(c.medianMillis)*time.Millisecond; got != want {
			t.Errorf("median of 1s…%ds is %s, want %s", c.n, got, want)
		}
		if got, want := p90(list), time.Duration(c.p90Seconds)*time.Second; got != want {
			t.Errorf("p90 of 1s…%ds is %s, want %s", c.n, got, want)
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

func TestPluralsAreEnglish(t *testing.T) {
	for _, c := range []struct {
		n         int
		one, want string
	}{{0, "page", "0 pages"}, {1, "page", "1 page"}, {1, "class", "1 class"}, {2, "class", "2 classes"}, {3, "entity", "3 entities"}} {
		if got := plural(c.n, c.one); got != c.want {
			t.Errorf("%d of %q is %q, want %q", c.n, c.one, got, c.want)
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
