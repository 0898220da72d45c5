package digest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
)

// TestSleepIsCountedByItsRule: an hour for each page that did not come by night, what overlaps once, until the night ends, and nothing in
// nights in which somebody was paged. The clock went back in the last night.
func TestSleepIsCountedByItsRule(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 10, day, hour, minute, 0, 0, berlin) }
	healed := func(at time.Time) *correlate.Incident {
		return closed(correlate.IncidentID(at.Unix()), correlate.SelfHealed, at, 2*time.Minute)
	}
	cases := []struct {
		name      string
		incidents []*correlate.Incident
		want      Sleep
	}{
		{"by day", []*correlate.Incident{healed(at(20, 21, 59)), healed(at(21, 7, 0))}, Sleep{}},
		{"one", []*correlate.Incident{healed(at(20, 22, 0))}, Sleep{Pages: 1, Nights: 1, Seconds: 3600}},
		{"overlapping", []*correlate.Incident{healed(at(20, 23, 0)), healed(at(20, 23, 30)), healed(at(20, 23, 10))}, Sleep{Pages: 3, Nights: 1, Seconds: 5400}},
		{"until the night ends", []*correlate.Incident{healed(at(21, 6, 45))}, Sleep{Pages: 1, Nights: 1, Seconds: 900}},
		{"two nights", []*correlate.Incident{healed(at(21, 3, 0)), healed(at(21, 23, 0))}, Sleep{Pages: 2, Nights: 2, Seconds: 7200}},
		{"paged after all", []*correlate.Incident{healed(at(20, 23, 0)), paged(closed(1, correlate.Resolved, at(21, 5, 0), time.Hour), time.Minute)}, Sleep{Pages: 1}},
		{"paged by day", []*correlate.Incident{healed(at(20, 23, 0)), paged(closed(1, correlate.Resolved, at(21, 8, 0), time.Hour), time.Minute)}, Sleep{Pages: 1, Nights: 1, Seconds: 3600}},
		{"clock goes back", []*correlate.Incident{healed(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)), healed(time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC))}, Sleep{Pages: 2, Nights: 1, Seconds: 7200}},
		{"of another period", []*correlate.Incident{healed(at(12, 23, 0))}, Sleep{}},
	}
	for _, c := range cases {
		c.want.From, c.want.To = "22:00", "07:00"
		if diff := cmp.Diff(c.want, Build(c.incidents, since, until, options).Sleep); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	early := options
	early.Night = Night{From: 13 * 60, To: 14 * 60}
	if got := Build([]*correlate.Incident{healed(at(20, 13, 30))}, since, until, early).Sleep; got != (Sleep{Pages: 1, Nights: 1, Seconds: 1800, From: "13:00", To: "14:00"}) {
		t.Errorf("a nap: %+v", got)
	}
}

// TestWhatGetsWorseIsToldBeyondChance compares with a week before in which the same happened, and with one in which it was better.
func TestWhatGetsWorseIsToldBeyondChance(t *testing.T) {
	d := Build(week(), since, until, options)
	var got []string
	for _, w := range d.Worse {
		got = append(got, w.Kind+" "+w.Text)
	}
	want := []string{
		"time to heal CertExpires on ingress: takes longer to heal (median 4m 30s, 1m 05s in the previous period; p = 0.00093)",
		"rate CheckoutLatency on service: 14 times, 2 in the previous period (p = 0.0022)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unknown := options
	unknown.KnownSince = since.AddDate(0, 0, -6)
	if d := Build(week(), since, until, unknown); d.Past != nil || d.Worse != nil || d.New != nil || d.Gone != nil {
		t.Error("a period that is known in part is compared")
	}
}

// TestChanceIsNotCalledWorse: forty classes of which nothing changed, in sixty fortnights. Of what is found at most 5 % may be false, and
// here all would be, so few fortnights may find anything.
func TestChanceIsNotCalledWorse(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 60 {
		var list []*correlate.Incident
		for class := range 40 {
			for range random.IntN(12) {
				at := since.AddDate(0, 0, -7).Add(time.Duration(random.Int64N(int64(14 * 24 * time.Hour))))
				i := closed(correlate.IncidentID(len(list)+1), correlate.SelfHealed, at, time.Duration(random.ExpFloat64()*float64(3*time.Minute)))
				i.Class = fmt.Sprint("class ", class)
				list = append(list, i)
			}
		}
		if len(Build(list, since, until, options).Worse) > 0 {
			found++
		}
	}
	if found > 6 {
		t.Errorf("%d of 60 fortnights get worse by chance, want at most 5 %% and luck", found)
	}
}

// TestAStormCountsOnce: incidents of one class that begin together are one occasion, for the test of rates.
func TestAStormCountsOnce(t *testing.T) {
	var list []*correlate.Incident
	for n := range 30 {
		list = append(list, closed(correlate.IncidentID(n+1), correlate.SelfHealed, since.Add(50*time.Hour+time.Duration(n)*time.Minute), time.Minute))
	}
	list = append(list, closed(99, correlate.SelfHealed, since.Add(-50*time.Hour), time.Minute))
	if got := Build(list, since, until, options).Worse; got != nil {
		t.Errorf("a storm: %+v", got)
	}
}

// TestNoiseComesWithAdvice: what would have been spared decides, and what people did about it.
func TestNoiseComesWithAdvice(t *testing.T) {
	id := 0
	var list []*correlate.Incident
	each := func(name string, n int, within time.Duration, change func(*correlate.Incident)) {
		for range n {
			id++
			i := about(closed(correlate.IncidentID(id), correlate.SelfHealed, since.Add(time.Duration(id)*time.Hour), time.Minute), name, "service/shop/x")
			change(i)
			list = append(list, fired(i, name, 1, within))
		}
	}
	healed := func(*correlate.Incident) {}
	unneeded := func(i *correlate.Incident) { i.State = correlate.Resolved; paged(i, time.Minute) }
	needed := func(i *correlate.Incident) { unneeded(i); acked(i, 2*time.Minute) }
	each("Short", 8, 5*time.Minute, healed)
	each("Short", 2, 2*time.Hour, healed)
	each("Needed", 8, 2*time.Minute, healed)
	each("Needed", 1, 2*time.Minute, needed)
	each("Long", 8, time.Hour, healed)
	each("Handled", 6, time.Hour, healed)
	each("Handled", 1, time.Hour, func(i *correlate.Incident) { acked(i, time.Minute) })
	each("Pointless", 6, 2*time.Hour, unneeded)
	each("Unclear", 5, 2*time.Hour, healed)
	each("Unclear", 1, 2*time.Hour, func(i *correlate.Incident) { open(paged(i, time.Minute)) })
	each("Critical", 6, time.Hour, func(i *correlate.Incident) { i.Symptoms[0].Severity = correlate.SeverityCritical })
	each("Decays", 6, time.Minute, func(i *correlate.Incident) {
		i.Chronic = []correlate.Chronic{{Kind: correlate.Slower, Since: i.Opened, Subject: "Decays on service: service/shop/x"}}
	})
	each("Rare", 4, time.Minute, healed)
	want := []string{
		`Short 10 for: raise its "for" by 5m: 8 of 10 firings were over by then, and no page for it was needed`,
		`Needed 9 fix: fix the cause: 1 page needed somebody (9 of 9 firings were over within 2m, but a longer "for" would delay such pages)`,
		`Long 8 delete: delete it, or make it info: it was never part of a page`,
		`Handled 7 fix: fix the cause: somebody took it on once before it would have paged`,
		`Critical 6 fix: fix the cause, or lower its severity: it is critical, and no page for it was needed`,
		`Decays 6 fix: fix the cause: it is chronic (slower), and waiting longer would only hide that`,
		`Pointless 6 delete: delete it, or make it info: 6 pages, none of them needed`,
		`Unclear 6 fix: look into the cause: it is not known yet whether anybody needed 1 page`,
	}
	var got []string
	for _, n := range Build(list, since, until, Options{}).Noisy {
		got = append(got, fmt.Sprintf("%s %d %s: %s", n.Name, n.Times, n.Action, n.Suggestion))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNoiseIsWhatComesBack: a storm of one cause is none, however many alerts it has, in one incident or in several that begin together. What
// flaps within one incident is, even on a few entities.
func TestNoiseIsWhatComesBack(t *testing.T) {
	at := since.Add(30 * time.Hour)
	incident := func(id int, opened time.Time, name string, symptoms, count int) *correlate.Incident {
		i := about(closed(correlate.IncidentID(id), correlate.SelfHealed, opened, time.Minute), name, "service/shop/x")
		for n := 1; n < symptoms; n++ {
			i.Symptoms = append(i.Symptoms, correlate.SymptomView{Entity: topology.Entity(fmt.Sprint("pod/shop/x-", n)), Name: name})
		}
		return fired(i, name, count, 10*time.Minute)
	}
	list := []*correlate.Incident{
		incident(1, at, "Storm", 54, 54), incident(2, at.Add(5*time.Hour), "Storm", 40, 40),
		incident(3, at, "Flaps", 2, 12), incident(4, at, correlate.OtherAlerts, 1, 300),
	}
	for n := range 20 {
		list = append(list, incident(10+n, at.Add(time.Duration(n)*time.Minute), "Uncollapsed", 1, 1))
	}
	noisy := Build(list, since, until, options).Noisy
	if len(noisy) != 1 || noisy[0].Name != "Flaps" || noisy[0].Times != 6 || noisy[0].Count != 12 {
		t.Errorf("%+v", noisy)
	}
}

// TestWhatGetsWorseIsNotToWaitFor: its alerts are short, but there are more and more of them.
func TestWhatGetsWorseIsNotToWaitFor(t *testing.T) {
	for _, n := range Build(trends(), since, until, options).Noisy {
		if n.Action != ActionFix || !strings.Contains(n.Suggestion, "getting worse") {
			t.Errorf("%s: %s", n.Name, n.Suggestion)
		}
	}
}

// TestHealersThatDifferInNamesAreOne groups by what is left of a text without names and numbers.
func TestHealersThatDifferInNamesAreOne(t *testing.T) {
	var list []*correlate.Incident
	for n, what := range []string{
		"ready on node n1 after 2 restarts of container app by the kubelet", "ready on node node-7.eu after 13 restarts of container app by the kubelet",
		"kubelet reports again", "rescheduled: pod/shop/a-1 is ready on node/n3 in place of pod/shop/a-2", "rescheduled: pod/x/y-1 is ready on node/n4 in place of pod/x/y-2",
		correlate.Unexplained,
	} {
		list = append(list, healedBy(closed(correlate.IncidentID(n+1), correlate.SelfHealed, since.Add(time.Duration(n)*time.Hour), time.Minute), what))
	}
	c := Build(list, since, until, options).Classes[0]
	const want = "ready on node n1 after 2 restarts of container app by the kubelet ×2; " +
		"rescheduled: pod/shop/a-1 is ready on node/n3 in place of pod/shop/a-2 ×2; kubelet reports again; unexplained"
	if got := c.healer(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPastIsTheSameTimeByTheCalendar, whatever the clocks did.
func TestPastIsTheSameTimeByTheCalendar(t *testing.T) {
	day := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, berlin)
	}
	for _, c := range []struct{ since, until, want time.Time }{
		{day(10, 19, 9), day(10, 26, 9), day(10, 12, 9)}, // 169 hours
		{day(10, 26, 9), day(11, 2, 9), day(10, 19, 9)},
		{day(3, 23, 9), day(3, 30, 9), day(3, 16, 9)},
		{day(10, 26, 9), day(10, 26, 15), day(10, 26, 3)},
		{day(10, 25, 0), day(10, 25, 12), day(10, 24, 11)}, // 13 hours
	} {
		if got := PastSince(c.since, c.until); !got.Equal(c.want) {
			t.Errorf("before %v to %v: got %v, want %v", c.since, c.until, got, c.want)
		}
	}
}

// TestDigestsReadBackAsTheyWere: all renderings of what was read are those of what was written.
func TestDigestsReadBackAsTheyWere(t *testing.T) {
	d := Build(week(), since, until, options)
	var b bytes.Buffer
	if err := d.JSON(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var want, got strings.Builder
	for d, to := range map[*Digest]*strings.Builder{d: &want, again: &got} {
		if err := d.Text(to); err != nil {
			t.Fatal(err)
		}
		if err := d.Markdown(to); err != nil {
			t.Fatal(err)
		}
		to.Write(d.Slack())
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Parse([]byte("{")); err == nil {
		t.Error("half a digest is read")
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("incidents=%d", n), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var list []*correlate.Incident
			for k := range n {
				i := closed(correlate.IncidentID(k+1), correlate.SelfHealed, since.Add(time.Duration(random.Int64N(int64(14*24*time.Hour)))-7*24*time.Hour), time.Duration(random.IntN(600))*time.Second)
				i.Class = fmt.Sprint("class ", random.IntN(200))
				for m := range 10 {
					i.Symptoms = append(i.Symptoms, correlate.SymptomView{Entity: topology.Entity(fmt.Sprintf("pod/shop/x-%d", m)), Name: "KubePodNotReady"})
				}
				list = append(list, fired(healedBy(i, fmt.Sprintf("ready on node n%d after %d restarts by the kubelet", k, k%7)), fmt.Sprint("Alert", k%100), 3, time.Minute))
			}
			b.ReportAllocs()
			for b.Loop() {
				Build(list, since, until, options)
			}
		})
	}
}
