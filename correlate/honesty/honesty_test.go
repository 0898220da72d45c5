package honesty

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	start   = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	yes, no = true, false
)

func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// randomRecord makes the generations of an incident, of any kind that there is.
func randomRecord(r *rand.Rand) Record {
	var rec Record
	minute := r.IntN(1000)
	for n := range 1 + r.IntN(5) {
		g := Generation{Number: n + 1, Opened: at(minute)}
		if r.IntN(2) == 0 {
			g.Paged = at(minute + r.IntN(3)*5)
		}
		if r.IntN(4) == 0 {
			g.Acknowledged = at(minute + 6)
		}
		if !g.Paged.IsZero() && r.IntN(8) == 0 {
			g.Withdrawn = at(minute + 12)
		}
		if r.IntN(6) == 0 {
			g.Silenced, g.MutedBy = at(minute+2), []string{"", "inhibited"}[r.IntN(2)]
		}
		if r.IntN(8) == 0 {
			g.ShouldHavePaged = []*bool{&yes, &no}[r.IntN(2)]
		}
		g.Critical = r.IntN(3) == 0
		minute += 12 + r.IntN(60)
		g.End, g.Closed, g.BackUntil = []End{Cleared, Cleared, Cleared, ByHand, LostReport, MergedAway}[r.IntN(6)], at(minute), at(minute+30)
		rec.Generations = append(rec.Generations, g)
		if g.End == MergedAway {
			break
		}
		minute += r.IntN(30)
	}
	if last := &rec.Generations[len(rec.Generations)-1]; r.IntN(6) == 0 && last.Withdrawn.IsZero() {
		last.End, last.Closed, last.BackUntil, last.Critical = "", time.Time{}, time.Time{}, false
	}
	return rec
}

func randomRecords(r *rand.Rand) []Record {
	records := make([]Record, 1+r.IntN(30))
	for k := range records {
		records[k] = randomRecord(r)
	}
	return records
}

// Every generation has one fate: pages and holds add up, over any list, and over periods that share no moment.
func TestFiguresAddUp(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		records := randomRecords(r)
		all := Count(records, Period{At: at(5000)})
		pages, held, paged := 0, 0, 0
		for _, rec := range records {
			for _, g := range rec.Generations {
				if !g.Paged.IsZero() {
					pages++
				}
				if g.HoldFate() != NoHold {
					held++
				}
				if g.PageFate() == NoPage && g.HoldFate() == NoHold && g.End != MergedAway {
					t.Fatalf("seed %d: it has no fate at all: %+v", seed, g)
				}
				if g.HoldFate() == HoldPaged && g.PageFate() == NoPage {
					paged++
				}
			}
		}
		p, h, s := all.Pages, all.Holds, all.Suppression
		if p.Sent+p.Withdrawn != pages || p.Sent != p.Needed+p.Unneeded+p.Open+p.Lost+p.Merged || paged > 0 {
			t.Fatalf("seed %d: %d pages: %+v", seed, pages, p)
		}
		if h.Healed+h.Paged+h.Handled+h.Lost+h.Silenced+h.Muted+h.Waiting != held || h.Paged != all.Delay.Pages {
			t.Fatalf("seed %d: %d holds: %+v", seed, held, h)
		}
		if s.False != s.CameBack+s.Marked || s.False+s.Critical > s.Judged {
			t.Fatalf("seed %d: %+v", seed, s)
		}
		cut := at(r.IntN(1500))
		before, after := Count(records, Period{Until: cut, At: at(5000)}), Count(records, Period{Since: cut, At: at(5000)})
		if got := before.Pages.Sent + after.Pages.Sent; got != p.Sent {
			t.Fatalf("seed %d: %d pages in parts, %d in all", seed, got, p.Sent)
		}
		if got := before.Holds.Healed + after.Holds.Healed; got != h.Healed {
			t.Fatalf("seed %d: %d healed in parts, %d in all", seed, got, h.Healed)
		}
		if got := before.Suppression.Judged + after.Suppression.Judged; got != s.Judged {
			t.Fatalf("seed %d: %d judged in parts, %d in all", seed, got, s.Judged)
		}
	}
}

// What is sealed generation by generation, as the engine does, is what is counted of all at once when everything is over.
func TestTallyCountsTheSame(t *testing.T) {
	for seed := range uint64(300) {
		records := randomRecords(rand.New(rand.NewPCG(seed, 2)))
		var tally Tally
		for k := range records {
			list := records[k].Generations
			if last := &list[len(list)-1]; last.End == "" {
				last.End, last.Closed = ByHand, at(4000)
			}
			for n := range list {
				tally.Seal(list[:n+1], n == len(list)-1)
			}
		}
		f := Count(records, Period{})
		f.Pages.UnneededShare, f.Suppression.Rate, f.Suppression.WithCritical = nil, nil, nil
		if d := cmp.Diff(f.Pages, tally.Pages) + cmp.Diff(f.Holds, tally.Holds) + cmp.Diff(f.Suppression, tally.Suppression); d != "" {
			t.Fatalf("seed %d (-counted +sealed):\n%s", seed, d)
		}
		held := 0
		for _, n := range tally.Delays {
			held += n
		}
		if held != f.Delay.Pages || math.Abs(tally.DelaySeconds-f.Delay.TotalSeconds) > 1e-6 {
			t.Fatalf("seed %d: %d delays of %v s, want %+v", seed, held, tally.DelaySeconds, f.Delay)
		}
	}
}

// Each case is what follows a generation that healed in silence, and what that says about the silence.
func TestVerdicts(t *testing.T) {
	quiet := Generation{Opened: at(0), End: Cleared, Closed: at(5), BackUntil: at(35)}
	marked, cleared := quiet, quiet
	marked.ShouldHavePaged, cleared.ShouldHavePaged = &yes, &no
	paged := Generation{Opened: at(20), Paged: at(25)}
	withdrawn := Generation{Opened: at(20), Paged: at(25), Withdrawn: at(26), End: Cleared, Closed: at(26), BackUntil: at(56)}
	for _, c := range []struct {
		name string
		list []Generation
		at   time.Time
		want Verdict
	}{
		{"still in time to come back", []Generation{quiet}, at(34), Pending},
		{"too late to come back", []Generation{quiet}, at(35), Right},
		{"nothing more will come", []Generation{quiet}, time.Time{}, Right},
		{"came back and paged", []Generation{quiet, paged}, at(99), CameBack},
		{"came back and healed twice, and then paged", []Generation{quiet, quiet, quiet, paged}, at(99), CameBack},
		{"came back, and its page never left", []Generation{quiet, withdrawn}, at(99), Right},
		{"came back and was taken on", []Generation{quiet, {Opened: at(20), Acknowledged: at(21)}}, at(99), CameBack},
		{"came back and is held", []Generation{quiet, {Opened: at(20)}}, at(21), Pending},
		{"came back and was lost", []Generation{quiet, {Opened: at(20), End: LostReport, Closed: at(90)}}, at(99), Unknown},
		{"came back in another incident", []Generation{quiet, {Opened: at(20), End: MergedAway, Closed: at(21)}}, at(99), Unknown},
		{"an operator says that it should have paged", []Generation{marked}, at(6), Marked},
		{"an operator says that it need not have paged", []Generation{cleared, paged}, at(99), Right},
		{"of two words the one against silence counts", []Generation{cleared, marked}, at(99), Marked},
	} {
		n := 0
		for r := range runs(c.list) {
			if n++; r.verdict(c.at) != c.want {
				t.Errorf("%s: got %d, want %d", c.name, r.verdict(c.at), c.want)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d runs", c.name, n)
		}
	}
}

// Published values: Wilson's interval for 0 of 30, 1 of 10, 10 of 100 and 15 of 148 (Newcombe, Statistics in Medicine 17, 1998, has the
// last: 0.0624 to 0.1605), to their digits.
func TestWilsonAgreesWithTheLiterature(t *testing.T) {
	for _, c := range []struct {
		hits, of  int
		low, high float64
	}{{0, 30, 0, 0.1135}, {1, 10, 0.0179, 0.4042}, {10, 100, 0.0552, 0.1744}, {15, 148, 0.0624, 0.1605}, {20, 20, 0.8389, 1}} {
		e := Wilson(c.hits, c.of)
		if math.Abs(e.Low-c.low) > 5e-5 || math.Abs(e.High-c.high) > 5e-5 || e.Share != float64(c.hits)/float64(c.of) {
			t.Errorf("%d of %d: got %+v, want %v to %v", c.hits, c.of, *e, c.low, c.high)
		}
	}
	if Wilson(0, 0) != nil {
		t.Error("nothing is known of none")
	}
}

// Over many samples the interval holds the true share about as often as it says, for small shares and few cases too.
func TestWilsonCoversTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, p := range []float64{0.02, 0.1, 0.5} {
		covered := 0
		const samples = 4000
		for range samples {
			hits := 0
			for range 60 {
				if r.Float64() < p {
					hits++
				}
			}
			if e := Wilson(hits, 60); e.Low <= p && p <= e.High {
				covered++
			}
		}
		if share := float64(covered) / samples; share < 0.92 {
			t.Errorf("share %v: covered in %v of samples", p, share)
		}
	}
}

// What a silence, or somebody who had it and let that lapse, put a page off by is not the hold's doing.
func TestDelaysAreThoseOfTheHold(t *testing.T) {
	for _, c := range []struct {
		what string
		of   Generation
		want time.Duration
	}{
		{"held", Generation{Opened: at(0), Paged: at(5)}, 5 * time.Minute},
		{"acknowledged after the page", Generation{Opened: at(0), Paged: at(5), Acknowledged: at(20)}, 5 * time.Minute},
		{"silenced", Generation{Opened: at(0), Silenced: at(4), Paged: at(60)}, 4 * time.Minute},
		{"acknowledged while held, and handed back", Generation{Opened: at(0), Acknowledged: at(1), Paged: at(240)}, time.Minute},
		{"never paged", Generation{Opened: at(0), Acknowledged: at(1)}, 0},
	} {
		if got := c.of.Delay(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

func TestFiguresOfAClass(t *testing.T) {
	records := []Record{
		{Class: "a", Generations: []Generation{{Opened: at(0), End: Cleared, Closed: at(1)}}, Earlier: 3},
		{Class: "b", Generations: []Generation{{Opened: at(0), Paged: at(0)}}},
	}
	f := Count(records, Period{Class: "a"})
	if f.Holds.Healed != 1 || f.Pages.Sent != 0 || f.LeftOut != 3 {
		t.Errorf("got %+v", f)
	}
}

func TestQuantilesAreOfTheNearestRank(t *testing.T) {
	for _, c := range []struct {
		n           int
		median, p90 float64
	}{{0, 0, 0}, {1, 1, 1}, {2, 1.5, 2}, {3, 2, 3}, {4, 2.5, 4}, {9, 5, 9}, {10, 5.5, 9}, {11, 6, 10}, {20, 10.5, 18}, {100, 50.5, 90}} {
		var list []time.Duration
		for k := c.n; k > 0; k-- {
			list = append(list, time.Duration(k)*time.Second)
		}
		want := Spread{TotalSeconds: float64(c.n*(c.n+1)) / 2, MedianSeconds: c.median, P90Seconds: c.p90, LongestSeconds: float64(c.n)}
		if got := SpreadOf(list); got != want {
			t.Errorf("of 1s…%ds: got %+v, want %+v", c.n, got, want)
		}
	}
}

// TestLastRunIsTheLastOfAllRuns compares it with the last of those that a walk over the whole history finds, if that reaches the end.
func TestLastRunIsTheLastOfAllRuns(t *testing.T) {
	found := 0
	for seed := range uint64(2000) {
		rec := randomRecord(rand.New(rand.NewPCG(seed, 5)))
		var want *run
		for r := range runs(rec.Generations) {
			if last := &rec.Generations[len(rec.Generations)-1]; r.next == last || r.last() == last {
				want = &r
			}
		}
		got, ok := lastRun(rec.Generations)
		if ok != (want != nil) || ok && (got.next != want.next || len(got.quiet) != len(want.quiet) || got.last() != want.last()) {
			t.Errorf("seed %d: the last run is %+v, %v, want %+v", seed, got, ok, want)
		}
		if ok {
			found++
		}
	}
	if _, ok := lastRun(nil); ok || found < 200 {
		t.Errorf("%d runs, and %v for no history at all", found, ok)
	}
}
