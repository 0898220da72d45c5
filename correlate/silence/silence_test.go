package silence

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate/topology"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func parse(t testing.TB, text string) labels.Matchers {
	t.Helper()
	ms, err := labels.ParseMatchers(text)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// hour is a silence of an hour from noon on.
func hour(ms labels.Matchers, entities ...topology.Entity) *Silence {
	return &Silence{ID: "1", Matchers: ms, Entities: entities, StartsAt: noon, EndsAt: noon.Add(time.Hour)}
}

func TestValidateRefusesWhatIsNoSilence(t *testing.T) {
	many := slices.Repeat(parse(t, "a=b"), maxMatchers+1)
	for _, c := range []struct {
		name, want string
		change     func(*Silence)
	}{
		{"fine", "", func(*Silence) {}},
		{"an entity is enough", "", func(s *Silence) { s.Matchers, s.Entities = nil, []topology.Entity{"node/n3"} }},
		{"an incident is enough", "", func(s *Silence) { s.Matchers, s.Incident = nil, 7 }},
		{"negative matchers pass, as with Alertmanager", "", func(s *Silence) { s.Matchers = parse(t, `a!="b"`) }},
		{"nothing", "at least one matcher", func(s *Silence) { s.Matchers = nil }},
		{"empty value", "must not match the empty string", func(s *Silence) { s.Matchers = parse(t, `a=""`) }},
		{"anything", "must not match the empty string", func(s *Silence) { s.Matchers = parse(t, `a=~".*"`) }},
		{"too many", "limit 64", func(s *Silence) { s.Matchers = many }},
		{"no entity", "x", func(s *Silence) { s.Entities = []topology.Entity{"x"} }},
		{"no start", "zero start", func(s *Silence) { s.StartsAt = time.Time{} }},
		{"no end", "zero end", func(s *Silence) { s.EndsAt = time.Time{} }},
		{"ends first", "before start", func(s *Silence) { s.EndsAt = noon.Add(-1) }},
		{"no id", "can be no id", func(s *Silence) { s.ID = "" }},
		{"a window's id", "can be no id", func(s *Silence) { s.ID = "maintenance/x" }},
		{"long comment", "comment", func(s *Silence) { s.Comment = strings.Repeat("x", maxTextBytes+1) }},
		{"long name", "name", func(s *Silence) { s.CreatedBy = strings.Repeat("x", maxNameBytes+1) }},
	} {
		s := hour(parse(t, `alertname="Down"`))
		c.change(s)
		err := s.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(invalid.Reason, c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestSweepingMatchersAreNamed(t *testing.T) {
	for text, want := range map[string]bool{
		`alertname="Down"`:                  false,
		`alertname=~"Down|Slow"`:            false,
		`alertname=~"Kube.+"`:               false,
		`alertname!="Watchdog"`:             true,
		`severity=~".+"`:                    true,
		`alertname=~".*", cluster!~"prod"`:  true,
		`alertname=~"[^x]*", severity!=""`:  true,
		`alertname!="Watchdog",team="shop"`: false,
	} {
		if got := hour(parse(t, text)).Sweeping(); (got != "") != want {
			t.Errorf("%s: got %q, sweeping should be %v", text, got, want)
		}
	}
	if got := hour(parse(t, `alertname!="Watchdog"`), "node/n3").Sweeping(); got != "" {
		t.Errorf("an entity narrows it, got %q", got)
	}
}

func TestBroadErrorTellsWhatItWouldHit(t *testing.T) {
	err := &BroadError{Reasons: []string{"it lasts 90d"}, Alerts: 3, AllAlerts: 9, Entities: 2}
	want := "too broad: it lasts 90d; now it would silence 3 of 9 active alerts, on 2 entities (force it if that is meant)"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestCanBecomeKeepsThePast(t *testing.T) {
	later := func(change func(*Silence)) *Silence {
		s := hour(parse(t, `alertname="Down"`))
		change(s)
		return s
	}
	for _, c := range []struct {
		name string
		at   time.Time
		next *Silence
		want bool
	}{
		{"longer", noon.Add(time.Minute), later(func(s *Silence) { s.EndsAt = noon.Add(2 * time.Hour) }), true},
		{"an active one keeps its start", noon.Add(time.Minute), later(func(s *Silence) { s.StartsAt = noon.Add(time.Minute) }), false},
		{"a pending one may start later", noon.Add(-time.Hour), later(func(s *Silence) { s.StartsAt = noon.Add(time.Minute) }), true},
		{"not in the past", noon.Add(-time.Hour), later(func(s *Silence) { s.StartsAt = noon.Add(-2 * time.Hour) }), false},
		{"an expired one stays so", noon.Add(2 * time.Hour), later(func(s *Silence) { s.EndsAt = noon.Add(3 * time.Hour) }), false},
		{"about something else", noon.Add(time.Minute), later(func(s *Silence) { s.Matchers = parse(t, `alertname="Slow"`) }), false},
		{"about more", noon.Add(time.Minute), later(func(s *Silence) { s.Entities = []topology.Entity{"node/n3"} }), false},
		{"about an incident", noon.Add(time.Minute), later(func(s *Silence) { s.Incident = 1 }), false},
	} {
		if got := hour(parse(t, `alertname="Down"`)).CanBecome(c.next, c.at); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestAlertmanagerToolsSayTheRestInMatchers(t *testing.T) {
	s := hour(parse(t, `alertname="Down",quell_entity="node/n3",quell_incident="inc-7",quell_force="true"`))
	force, err := FromAlertmanager(s)
	if err != nil || !force || s.Incident != 7 || !slices.Equal(s.Entities, []topology.Entity{"node/n3"}) || s.Matchers.String() != `{alertname="Down"}` {
		t.Errorf("got %+v, force %v, %v", s, force, err)
	}
	if got, want := labels.Matchers(s.AlertmanagerMatchers()).String(), `{alertname="Down",quell_entity="node/n3",quell_incident="inc-7"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	two := hour(nil, "pod/shop/a.b", "node/n3@c")
	again := hour(two.AlertmanagerMatchers())
	if _, err := FromAlertmanager(again); err != nil || !slices.Equal(again.Entities, two.Entities) || len(again.Matchers) > 0 {
		t.Errorf("%s gave %v, %v", two.AlertmanagerMatchers(), again, err)
	}
	for _, bad := range []string{`quell_entity=~"node/.*"`, `quell_incident="7"`} {
		if _, err := FromAlertmanager(hour(parse(t, bad))); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	forced := hour(parse(t, `alertname="Down"`))
	forced.Annotations = map[string]string{"quell_force": "true"}
	if force, _ := FromAlertmanager(forced); !force {
		t.Error("the annotation does not force")
	}
}

func TestSilencesSurviveJSON(t *testing.T) {
	s := hour(parse(t, `alertname="Down",team!="a",zone=~"x|y",rack!~"r.*"`), "node/n3")
	s.Annotations = map[string]string{"ticket": "7"}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again Silence
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(s.Matchers, again.Matchers, sameMatcher) || !again.Matches(func(string) string { return "x" }) == s.Matches(func(string) string { return "x" }) {
		t.Errorf("got %v of %v", again.Matchers, s.Matchers)
	}
	s.Matchers, again.Matchers = nil, nil
	if diff := cmp.Diff(s, &again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStatesHaveAlertmanagersWords(t *testing.T) {
	s := hour(parse(t, "a=b"))
	for at, want := range map[time.Duration]string{-time.Second: "pending", 0: "active", time.Hour - 1: "active", time.Hour: "expired"} {
		got := s.State(noon.Add(at))
		var again State
		if text, _ := got.MarshalText(); got.String() != want || again.UnmarshalText(text) != nil || again != got {
			t.Errorf("at %v: got %v, want %s", at, got, want)
		}
	}
	if new(State).UnmarshalText([]byte("x")) == nil {
		t.Error("x is a state")
	}
}

// TestWindowsOpenAndCloseAtNext walks random windows from Next to Next and looks at each minute on the way: nothing may change in
// between. The zones have changes of their offsets in the weeks that it walks.
func TestWindowsOpenAndCloseAtNext(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	clock := func(minute int) string { return time.Time{}.Add(time.Duration(minute) * time.Minute).Format("15:04") }
	for range 60 {
		w := Window{Name: "w", Matchers: parse(t, "a=b")}
		for range 1 + r.IntN(2) {
			iv := Interval{Location: []string{"", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"}[r.IntN(4)], Months: []string{"february:november"}}
			for range r.IntN(3) {
				from := r.IntN(1438)
				iv.Times = append(iv.Times, TimeRange{clock(from), clock(from + 1 + r.IntN(1439-from))})
			}
			if r.IntN(2) == 0 {
				iv.Weekdays = []string{"saturday", "sunday:tuesday"}[r.IntN(2):]
			}
			if r.IntN(4) == 0 {
				iv.DaysOfMonth = []string{"-3:-1"}
			}
			w.Intervals = append(w.Intervals, iv)
		}
		s, err := w.Compile()
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 3, 27, 13, 7, 31, 5, time.UTC)
		if r.IntN(2) == 0 {
			at = time.Date(2026, 10, 23, 3, 11, 2, 0, time.UTC)
		}
		for end := at.Add(5 * 24 * time.Hour); at.Before(end); {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("%+v: after %v comes %v", w, at, next)
			}
			for m := at; m.Before(next); m = m.Add(time.Minute) {
				if s.Open(m) != s.Open(at) {
					t.Fatalf("%+v: changes at %v, between %v and %v", w, m, at, next)
				}
			}
			if last := next.Add(-1); s.Open(last) != s.Open(at) {
				t.Fatalf("%+v: changes just before %v", w, next)
			}
			if s.Open(at) {
				if until := s.Until(at); s.Open(until) && until.Sub(at) < 10*24*time.Hour || !s.Open(until.Add(-1)) {
					t.Fatalf("%+v: open at %v, and at its end %v", w, at, until)
				}
			}
			at = next
		}
	}
}

func TestWindowsThatCannotBeAreRefused(t *testing.T) {
	nightly := []Interval{{Times: []TimeRange{{"02:00", "04:00"}}}}
	for _, c := range []struct {
		w    Window
		want string
	}{
		{Window{Name: "fine", Entities: []topology.Entity{"node/n3"}, Intervals: nightly}, ""},
		{Window{Name: "forced", Matchers: parse(t, `a!="b"`), Intervals: nightly, Force: true}, ""},
		{Window{Matchers: parse(t, "a=b"), Intervals: nightly}, "name"},
		{Window{Name: "when", Matchers: parse(t, "a=b")}, "time interval"},
		{Window{Name: "what", Intervals: nightly}, "at least one"},
		{Window{Name: "broad", Matchers: parse(t, `a!="b"`), Intervals: nightly}, "too broad"},
		{Window{Name: "time", Matchers: parse(t, "a=b"), Intervals: []Interval{{Times: []TimeRange{{"04:00", "02:00"}}}}}, "start time"},
		{Window{Name: "day", Matchers: parse(t, "a=b"), Intervals: []Interval{{Weekdays: []string{"caturday"}}}}, "caturday"},
		{Window{Name: "always", Matchers: parse(t, "a=b"), Intervals: []Interval{{}}}, "never closes"},
		{Window{Name: "week", Matchers: parse(t, "a=b"), Intervals: []Interval{{Weekdays: []string{"monday:friday"}}, {Weekdays: []string{"saturday:sunday", "sunday"}}}}, "start day"},
		{Window{Name: "days", Matchers: parse(t, "a=b"), Intervals: []Interval{{Weekdays: []string{"monday:friday"}}, {Weekdays: []string{"saturday", "sunday"}}}}, "never closes"},
		{Window{Name: "zone", Matchers: parse(t, "a=b"), Intervals: []Interval{{Location: "Nowhere/Land"}}}, "Nowhere"},
	} {
		switch _, err := c.w.Compile(); {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q in it", c.w.Name, err, c.want)
		}
	}
}

// FuzzFromAlertmanager lets entities of any name go to matchers and back.
func FuzzFromAlertmanager(f *testing.F) {
	f.Add("node/n3", "pod/shop/a.b|c")
	f.Fuzz(func(t *testing.T, a, b string) {
		want := []topology.Entity{topology.Entity(a), topology.Entity(b)}
		s := hour(nil, want...)
		if s.Validate() != nil {
			return
		}
		again := hour(s.AlertmanagerMatchers())
		if _, err := FromAlertmanager(again); err != nil || !slices.Equal(again.Entities, want) {
			t.Errorf("%s gave %q, %v; want %q", s.AlertmanagerMatchers(), again.Entities, err, want)
		}
	})
}
