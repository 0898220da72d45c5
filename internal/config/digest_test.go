package config

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"quell/notify/digest"
)

// TestDigestsKnowWhomTheyAreForAndWhenThoseSleep reads all keys that say what a digest is about.
func TestDigestsKnowWhomTheyAreForAndWhenThoseSleep(t *testing.T) {
	entry := `{receiver: team, schedule: "0 9 * * MON", title: "Shop: last week", matchers: ['team="shop"', 'env=~"prod|stage"'], night: {from: "23:30", to: "06:00"}}`
	files := maps.Clone(fullFiles)
	files["quell.yml"] = strings.Replace(files["quell.yml"], "digest: [", "digest: ["+entry+", ", 1)
	d := load(t, write(t, files)).Digests[0]
	if d.Title != "Shop: last week" || d.Matchers.String() != `{team="shop",env=~"prod|stage"}` || d.Night != (digest.Night{From: 1410, To: 360}) || d.Location != time.UTC {
		t.Errorf("got %+v", d)
	}
}

// TestBadDigestsAreProblems shows each mistake where it stands.
func TestBadDigestsAreProblems(t *testing.T) {
	for text, want := range map[string]string{
		`night: {from: "25:00", to: "07:00"}`: `"25:00" is no time of day`,
		`night: {from: "22:00"}`:              `to`,
		`night: {from: "22:00", to: "22:00"}`: "the night has no length",
		`matchers: ["team"]`:                  "bad matcher",
		`titel: x`:                            "titel",
	} {
		_, err := Parse("q.yml", []byte(minimal+"digest: [{receiver: oncall, schedule: '0 9 * * MON', "+text+"}]\n"), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "q.yml:3:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestSchedulesKnowWhatWasDueBefore: the last time before one is the one of which it is the next.
func TestSchedulesKnowWhatWasDueBefore(t *testing.T) {
	for _, schedule := range []string{"0 9 * * MON", "*/5 * * * *", "30 2 * * SUN", "0 0 29 2 *", "0 0 1 1 *"} {
		for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
			parsed, err := cron.ParseStandard(schedule)
			if err != nil {
				t.Fatal(err)
			}
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			d := &Digest{Location: location, schedule: parsed}
			for at := time.Date(2026, 1, 1, 0, 17, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(41 * time.Hour) {
				last := d.Previous(at)
				if next := d.Next(last); last.IsZero() || !last.Before(at) || next.Before(at) {
					t.Fatalf("%q in %s: before %v it was %v, and next %v", schedule, zone, at, last, next)
				}
			}
		}
	}
}
