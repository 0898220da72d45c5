package digest

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/internal/fake/golden"
)

var pictureBytes = regexp.MustCompile(`(data:image/svg[^"]*;base64,)[^"]*`)

// TestPagesAndChartsAreAsTheGoldenFilesSay leaves the charts out of the pages: they are files of their own.
func TestPagesAndChartsAreAsTheGoldenFilesSay(t *testing.T) {
	links := []Link{{"The previous period", "https://quell.example/digest?since=a&until=b"}, {"JSON", "https://quell.example/api/v1/digest"}}
	for name, d := range map[string]*Digest{
		"week": Build(week(), since, until, options), "empty": Build(nil, since, until, Options{}), "hostile": Build(hostile(), since, until, options),
	} {
		var page bytes.Buffer
		if err := d.HTML(&page, links); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name+".html.golden", pictureBytes.ReplaceAll(page.Bytes(), []byte("${1}…")))
		golden.Compare(t, name+".mail.html.golden", []byte(d.Render().HTML))
		for _, p := range d.Pictures() {
			golden.Compare(t, name+"."+p.Name+".svg.golden", p.SVG())
		}
	}
}

// TestEveryIncidentOfThePeriodIsInTheCharts adds up.
func TestEveryIncidentOfThePeriodIsInTheCharts(t *testing.T) {
	d := Build(week(), since, until, options)
	if got, want := d.opened().Total(), d.Figures.Opened; got != want {
		t.Errorf("the days hold %d incidents, want %d", got, want)
	}
	healed, classes := 0, 0
	for _, b := range d.Charts.HealTimes {
		healed += b.Count
	}
	for _, c := range d.Charts.TopClasses {
		classes += c.Total()
	}
	if healed != d.Figures.SelfHealed || classes != d.Figures.Incidents {
		t.Errorf("%d times to heal and %d in classes, want %d and %d", healed, classes, d.Figures.SelfHealed, d.Figures.Incidents)
	}
	if n := len(d.Charts.Days); n != 8 || d.Charts.Days[0].Date != "2026-10-19" || d.Charts.Days[7].Date != "2026-10-26" {
		t.Errorf("got %d days: %+v", n, d.Charts.Days)
	}
}

// TestDaysAreThoseOfTheReaders: an incident late in the evening of UTC belongs to the next day in Berlin, also when the clocks change.
func TestDaysAreThoseOfTheReaders(t *testing.T) {
	at := time.Date(2026, 10, 24, 22, 30, 0, 0, time.UTC) // 00:30 on Sunday, when the clocks go back
	d := Build([]*correlate.Incident{closed(1, correlate.SelfHealed, at, time.Minute)}, since, until, options)
	for _, day := range d.Charts.Days {
		if want := map[bool]int{true: 1}[day.Date == "2026-10-25"]; day.Total() != want {
			t.Errorf("%s: got %d, want %d", day.Date, day.Total(), want)
		}
	}
}

// TestLongPeriodsAreToldByWeeks: a year has as many bars as a picture has room for.
func TestLongPeriodsAreToldByWeeks(t *testing.T) {
	begin := until.AddDate(-1, 0, 0)
	last := closed(1, correlate.SelfHealed, until.Add(-time.Hour), time.Minute)
	d := Build([]*correlate.Incident{last, closed(2, correlate.SelfHealed, begin, time.Minute)}, begin, until, options)
	n := len(d.Charts.Days)
	if n != 53 || d.Charts.Days[0].Total() != 1 || d.Charts.Days[n-1].Total() != 1 || d.Charts.Days[1].Days != 7 {
		t.Errorf("%d weeks: %+v", n, d.Charts.Days)
	}
	if alt := d.Pictures()[0].Alt; !strings.HasPrefix(alt, "Incidents by week on which") {
		t.Errorf("alt %q", alt)
	}
}

// TestTimesToHealStandInTheBinThatTheyBelongTo: bounds belong to the bin above them.
func TestTimesToHealStandInTheBinThatTheyBelongTo(t *testing.T) {
	times := func(list ...time.Duration) *stretch {
		x := new(stretch)
		for _, d := range list {
			x.spells = append(x.spells, spell{ending: SelfHealed, lasted: d})
		}
		return x
	}
	got := healBins(times(30*time.Second, 59*time.Second, time.Minute), times(30*24*time.Hour))
	want := []HealBin{{FromSeconds: 30, ToSeconds: 60, Count: 2}, {FromSeconds: 60, ToSeconds: 120, Count: 1}}
	if diff := cmp.Diff(want, got[:2]); diff != "" || got[len(got)-1] != (HealBin{FromSeconds: 86400, Past: 1}) {
		t.Errorf("bins (-want +got):\n%s\nlast %+v", diff, got[len(got)-1])
	}
	if got := healBins(times(0), nil); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("got %+v", got)
	}
	if got := healBins(times(), times()); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestChartsAreDrawnFromWhatJSONTells: a digest that was read back has the same charts, and its mail the same bytes.
func TestChartsAreDrawnFromWhatJSONTells(t *testing.T) {
	if testing.Short() {
		t.Skip("it draws many charts")
	}
	d := Build(week(), since, until, options)
	var text, mail, again bytes.Buffer
	if err := d.JSON(&text); err != nil {
		t.Fatal(err)
	}
	read, err := Parse(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for write, to := range map[*bytes.Buffer]func(io.Writer) error{&mail: d.EML, &again: read.EML} {
		if err := to(write); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(mail.Bytes(), again.Bytes()) {
		t.Error("the mail differs")
	}
}
