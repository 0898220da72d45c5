package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"quell/correlate"
)

const windows = `
route: {receiver: r}
receivers: [{name: r}]
silences: {max_duration: 7d, retention: 10d, max: 50}
maintenance:
  - name: backup
    matchers: ['alertname=~"Slow|Lag"', team="shop"]
    entities: [service/shop/db]
    time_intervals:
      - times: [{start_time: "02:00", end_time: "04:00"}]
        weekdays: ["monday:friday"]
        days_of_month: ["1:7", "-1"]
        months: [march]
        years: ["2026"]
        location: Europe/Berlin
    comment: nightly dump
`

// TestMaintenanceWindowsAreThePolicysAndSurviveTheJournal also compares the policy deeply, since that is how the loop tells whether a
// configuration changed.
func TestMaintenanceWindowsAreThePolicysAndSurviveTheJournal(t *testing.T) {
	c, err := Parse("quell.yml", []byte(windows), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policy()
	if s := p.Silences; s.MaxDuration != 7*24*time.Hour || s.Retention != 10*24*time.Hour || s.Max != 50 || len(s.Windows) != 1 {
		t.Fatalf("got %+v", s)
	}
	schedule, err := p.Silences.Windows[0].Compile()
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-03-02T01:00:00Z": true, "2026-03-02T02:59:59Z": true, "2026-03-02T03:00:00Z": false, "2026-03-10T01:00:00Z": false, "2027-03-02T01:00:00Z": false,
	} {
		moment, _ := time.Parse(time.RFC3339, at)
		if got := schedule.Open(moment); got != want {
			t.Errorf("at %s: open %v", at, got)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again correlate.Policy
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again.WithDefaults(), p.WithDefaults()) {
		t.Errorf("got %+v, %v; want %+v", again, err, p)
	}
}

func TestMaintenanceWindowsThatCannotBeAreProblems(t *testing.T) {
	for change, want := range map[string]string{
		`"02:00">"05:00"`:            `maintenance "backup": `,
		`monday:friday>caturday`:     "caturday",
		`Europe/Berlin>Nowhere`:      "Nowhere",
		`service/shop/db>db`:         `maintenance "backup": `,
		`name: backup>nam: backup`:   "nam",
		`max: 50>max: 0`:             "is not between",
		`start_time: "02:00", >`:     "start_time",
		`max_duration: 7d>max_d: 7d`: "max_d",
	} {
		from, to, _ := strings.Cut(change, ">")
		_, err := Parse("quell.yml", []byte(strings.Replace(windows, from, to, 1)), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", change, err, want)
		}
	}
	two := windows + "  - {name: backup, entities: [node/n3], time_intervals: [{weekdays: [sunday]}]}\n"
	if _, err := Parse("quell.yml", []byte(two), t.TempDir()); err == nil || !strings.Contains(err.Error(), "two maintenance windows") {
		t.Errorf("got %v", err)
	}
}
