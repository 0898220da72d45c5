package correlate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRecordCountsNoLessThanItsWindow compares the buckets of random episodes with the list of all of them: what is within the window counts,
// what is older than the window and one bucket does not.
func TestRecordCountsNoLessThanItsWindow(t *testing.T) {
	type ended struct {
		at, hidden int64
		counts     bool
	}
	r := rand.New(rand.NewPCG(1, 41))
	for round := range 200 {
		window := time.Duration(1+r.IntN(96)) * time.Hour
		var record chronicRecord
		var list []ended
		now := toNano(start)
		for range 100 {
			now += r.Int64N(int64(window) / 10)
			x := ended{now, r.Int64N(int64(window) / 20), r.IntN(5) > 0}
			list = append(list, x)
			record.ended(x.at, x.hidden, x.counts, window)
			asked := now + r.Int64N(int64(window)/5)
			hidden, count := record.within(asked, window)
			least, leastCount, most, mostCount := int64(0), 0, int64(0), 0
			for _, x := range list {
				n := 0
				if x.counts {
					n = 1
				}
				if x.at > asked-int64(window) {
					least, leastCount = least+x.hidden, leastCount+n
				}
				if x.at > asked-int64(window)-int64(window)/chronicSpans {
					most, mostCount = most+x.hidden, mostCount+n
				}
			}
			if hidden < least || hidden > most || count < leastCount || count > mostCount {
				t.Fatalf("round %d, window %v: hidden %v in %d, want between %v in %d and %v in %d", round, window, time.Duration(hidden), count,
					time.Duration(least), leastCount, time.Duration(most), mostCount)
			}
			if len(record.Spans) > chronicSpans+2 {
				t.Fatalf("%d buckets are kept", len(record.Spans))
			}
		}
	}
}

// TestRecordCountsOneRecoveryForWhatComesBackSoon counts recoveries for the trends by the day.
func TestRecordCountsOneRecoveryForWhatComesBackSoon(t *testing.T) {
	var record chronicRecord
	for _, at := range []time.Duration{0, 20 * time.Minute, 40 * time.Minute, 2 * time.Hour, 30 * time.Hour} {
		record.healed(toNano(start.Add(at)), time.Minute, 30*time.Minute)
	}
	day := toNano(start) / chronicDay
	if diff := cmp.Diff([]chronicCount{{day, 2}, {day + 1, 1}}, record.Days); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	for k := range 60 {
		record.healed(toNano(start.Add(time.Duration(k)*24*time.Hour)), time.Duration(k)*time.Second, time.Hour)
	}
	if n := len(record.Days); n > chronicDays+1 {
		t.Errorf("%d days are kept", n)
	}
	if n, last := len(record.Heals), record.Heals[len(record.Heals)-1]; n != chronicHeals || last != 59 {
		t.Errorf("%d times to heal are kept, the last %v", n, last)
	}
}

// TestNothingIsComparedThatWasNotSeen asks for trends of a record that is too young.
func TestNothingIsComparedThatWasNotSeen(t *testing.T) {
	now := (toNano(start)/chronicDay + 40) * chronicDay
	for _, c := range []struct {
		since time.Duration
		ok    bool
	}{{13 * 24 * time.Hour, false}, {14 * 24 * time.Hour, true}} {
		record := chronicRecord{Since: now - int64(c.since), Days: []chronicCount{{now/chronicDay - 3, 9}, {now / chronicDay, 5}}}
		x, matters, ok := record.moreFrequent(now)
		if ok != c.ok || ok != matters {
			t.Errorf("seen for %v: %+v, %v, %v", c.since, x, matters, ok)
		}
		if ok && !strings.Contains(x.Reason, "9 times in the last 1w, 0 in the 1w before") {
			t.Errorf("today is counted, or what is before is not: %s", x.Reason)
		}
	}
}

// TestRecordsAreBounded makes more than there is room for: those that were heard of last stay, and what comes later is judged from then on.
func TestRecordsAreBounded(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	e.Step(start, nil)
	for k := range chronicMax + 10 {
		e.now = toNano(start) + int64(k)
		e.chronicRecord(fmt.Sprintf("X on pod\x00pod/s/p-%d", k))
	}
	if n := len(e.chronic.of); n != chronicMax-chronicMax/8+10 {
		t.Errorf("%d records are kept", n)
	}
	if e.chronic.of["X on pod\x00pod/s/p-0"] != nil || e.chronic.of["X on pod\x00pod/s/p-2500"] == nil {
		t.Error("the wrong ones went")
	}
	last := e.chronic.of[fmt.Sprintf("X on pod\x00pod/s/p-%d", chronicMax+5)]
	if last.Since != toNano(start)+chronicMax {
		t.Errorf("the last is judged since %v", fromNano(last.Since))
	}
	rows := newRowStore()
	rows.take(e)
	rows.load(t)
}

// TestForgottenRecordIsNotKeptByAName forgets a record that an incident has found: what is noted next is on a new one, which is stored.
func TestForgottenRecordIsNotKeptByAName(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	e.Step(start, nil)
	n := &chronicName{key: "X on pod\x00pod/s/p-1"}
	before := e.recordOf(n)
	e.forgetChronic(n.key)
	if e.chronic.find(n) != nil {
		t.Error("a record that was forgotten is found")
	}
	if after := e.recordOf(n); after == before || e.chronic.of[n.key] != after {
		t.Error("what is noted is not on the record of the table")
	}
	rows := 0
	e.changedChronic(nil, func(key, value []byte) {
		if value != nil && string(key[1:]) == n.key {
			rows++
		}
	})
	if rows != 1 {
		t.Errorf("the record is written %d times, want once", rows)
	}
}

// TestFewFindingsOfARoundAreFalse lets hundreds of records heal at steady rates, and in steady times, for half a year: hardly any round finds
// anything. One that gets worse among them is found.
func TestFewFindingsOfARoundAreFalse(t *testing.T) {
	e, err := New(compileTest, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 43))
	e.Step(start, nil)
	const records, days = 200, 180
	rounds, worse := 0, 0
	for day := range days {
		e.now = toNano(start.Add(time.Duration(day) * 24 * time.Hour))
		for k := range records {
			if r.Float64() < 0.3 {
				e.chronicRecord(fmt.Sprintf("X on pod\x00pod/s/p-%d", k)).healed(e.now, time.Duration(1+r.IntN(300))*time.Second, time.Hour)
				e.chronic.of[fmt.Sprintf("X on pod\x00pod/s/p-%d", k)].Seen = e.now
			}
		}
		e.round()
		for _, record := range e.chronic.of {
			if len(record.Worse) > 0 {
				worse++
				break
			}
		}
		rounds++
	}
	if share := float64(worse) / float64(rounds); share > 0.1 {
		t.Errorf("%.2f of the rounds found something where nothing got worse", share)
	}
	bad := e.chronicRecord("X on pod\x00pod/s/p-1")
	for k := range 14 {
		bad.healed(e.now-int64(14-k)*int64(11*time.Hour), time.Minute, time.Hour)
	}
	e.now += chronicDay
	e.round()
	if len(bad.Worse) != 1 || bad.Worse[0].Kind != MoreFrequent {
		t.Errorf("what gets worse was not found: %+v", bad.Worse)
	}
}

// TestChronicShowsOnTheIncident looks at what readers get.
func TestChronicShowsOnTheIncident(t *testing.T) {
	e, err := New(compileTest, Policy{AlertTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	labels := LabelsOf("alertname", "Down", "quell_entity", "pod/s/p")
	for k := range 5 {
		at := start.Add(time.Duration(k) * 5 * time.Minute)
		a := &Alert{Labels: labels, Fingerprint: labels.Fingerprint(), StartsAt: at}
		for due, ok := e.Deadline(); ok && due.Before(at); due, ok = e.Deadline() {
			e.Step(due, nil)
		}
		e.Step(at, []Input{a})
		ended := *a
		ended.EndsAt = at.Add(time.Minute)
		e.Step(ended.EndsAt, []Input{&ended})
	}
	inc, ok := e.Incident(1, 0)
	if !ok || inc.SettlesAt == nil || len(inc.Chronic) != 1 {
		t.Fatalf("got %+v", inc)
	}
	want := Chronic{
		Kind: Flapping, Since: start.Add(21 * time.Minute), Action: ChronicNotice, Rule: "default", Subject: "Down on pod: pod/s/p",
		Ended: 5, HiddenSeconds: 300, BudgetSeconds: 1800, WindowSeconds: 86400, Penalty: inc.Chronic[0].Penalty, Reason: inc.Chronic[0].Reason,
	}
	if diff := cmp.Diff(want, inc.Chronic[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
