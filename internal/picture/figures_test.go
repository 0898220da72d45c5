package picture

import (
	"testing"
	"time"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/fake/golden"
)

// lived is an incident that healed, came back, and paged for nothing.
func lived() *correlate.Incident {
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	return &correlate.Incident{Class: "Down on pod", Opened: at(0), Generations: []honesty.Generation{
		{Number: 1, Opened: at(0), End: honesty.Cleared, Closed: at(4), BackUntil: at(34)},
		{Number: 2, Opened: at(10), Paged: at(15), End: honesty.Cleared, Closed: at(40), BackUntil: at(70)},
	}}
}

func TestFiguresSayWhatTheyMean(t *testing.T) {
	records := []honesty.Record{lived().Record()}
	for m := range 40 {
		opened := start.Add(time.Duration(m) * time.Hour)
		g := honesty.Generation{Number: 1, Opened: opened, End: honesty.Cleared, Closed: opened.Add(time.Minute), Critical: m%10 == 0}
		switch {
		case m%7 == 1:
			g.Paged, g.Acknowledged = opened.Add(time.Duration(m)*time.Minute), opened.Add(time.Hour)
		case m%7 == 2:
			g.Paged, g.Withdrawn = opened.Add(time.Second), opened.Add(time.Minute)
		case m == 14:
			g.End = honesty.LostReport
		case m == 21:
			g.Acknowledged = opened
		}
		records = append(records, honesty.Record{Class: "Down on pod", Generations: []honesty.Generation{g}, Earlier: m % 2})
	}
	f := honesty.Count(records, honesty.Period{Since: start, Until: start.Add(39 * time.Hour), Class: "Down on pod"})
	golden.Compare(t, "figures.golden", Figures(&f))
}

func TestWaitedTellsWhatCameOfIt(t *testing.T) {
	inc := lived()
	if got, want := Waited(inc), "it came back once; the hold put the page off by 5m; the page was not needed: nobody acknowledged it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	no := false
	inc.Generations = inc.Generations[:1]
	inc.Generations[0].ShouldHavePaged = &no
	if got, want := Waited(inc), "it healed, and nobody was disturbed; an operator says that it need not have paged"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Waited(&correlate.Incident{}); got != "" {
		t.Errorf("of nothing: got %q", got)
	}
}
