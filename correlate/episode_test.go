package correlate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate/topology"
)

// TestIncidentsKnowHowLongTheirAlertsFired lets an alert come and go beside others, with a twin that is stored and loaded after each step.
func TestIncidentsKnowHowLongTheirAlertsFired(t *testing.T) {
	const m, s = time.Minute, time.Second
	p := newUnseenPlay(t)
	p.at(1*m, heardAlert("Flappy", 1*m, 0))
	p.at(1*m+30*s, heardAlert("Flappy", 1*m, 1*m+30*s))
	p.at(2*m, heardAlert("Flappy", 2*m, 0))
	p.at(2*m+10*s, &Alert{Labels: LabelsOf("alertname", "Other", "quell_entity", "pod/Flappy"), Fingerprint: 7, StartsAt: start})
	p.at(5*m, heardAlert("Flappy", 2*m, 5*m))
	p.at(6*m, heardAlert("Flappy", 30*s, 6*m)) // of the episode before: nothing new
	p.at(7*m, heardAlert("Flappy", 7*m, 0))
	inc, ok := p.engine.Incident(1, 0)
	if !ok {
		t.Fatal("no incident")
	}
	want := []Episodes{{Name: "Flappy", Count: 2, TotalSeconds: 210, LongestSeconds: 180, Within: [7]int{1, 0, 1}}}
	if diff := cmp.Diff(want, inc.Episodes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.at(3*time.Hour, heardAlert("Flappy", 7*m, 3*time.Hour))
	inc, _ = p.engine.Incident(1, 0)
	if got := inc.Episodes[0]; got.Count != 3 || got.LongestSeconds != (173*m).Seconds() {
		t.Errorf("what is longer than all bounds counts too: %+v", got)
	}
}

// TestWhatWasLostEndedNobodyKnowsWhen: an alert that times out and clears later is not counted.
func TestWhatWasLostEndedNobodyKnowsWhen(t *testing.T) {
	const m = time.Minute
	p := newUnseenPlay(t)
	lost := heardAlert("Lost", 1*m, 0)
	lost.Expires = start.Add(5 * m)
	p.at(1*m, lost, heardAlert("Goes on", 1*m, 0))
	p.at(8*m, heardAlert("Lost", 1*m, 8*m))
	for _, inc := range p.engine.Incidents(nil) {
		if slices.ContainsFunc(inc.Episodes, func(x Episodes) bool { return x.Name == "Lost" }) {
			t.Errorf("%s: %+v", inc.ID, inc.Episodes)
		}
	}
}

// TestEpisodesMerge lets two incidents become one when a dependency between them is told of.
func TestEpisodesMerge(t *testing.T) {
	const m = time.Minute
	p := newUnseenPlay(t)
	p.at(1*m, heardAlert("A", 1*m, 0), heardAlert("B", 1*m, 0))
	p.at(2*m, heardAlert("A", 1*m, 2*m), heardAlert("B", 1*m, 2*m))
	p.at(2*m+10*time.Second, heardAlert("A", 2*m, 0), heardAlert("B", 2*m, 0))
	p.at(2*m+20*time.Second, &Topology{Source: "test", Update: topology.Update{Edges: []topology.Edge{{From: "pod/A", To: "pod/B", Type: "calls"}}}})
	p.at(3 * m)
	open := p.engine.Incidents(func(i *Incident) bool { return i.State.Open() })
	if len(open) != 1 || len(open[0].Episodes) != 2 {
		t.Errorf("got %d open incidents, the first with %+v, want one with both alerts", len(open), open[0].Episodes)
	}
}

// TestEpisodesOfManyNamesAreBounded adds up what has no room, and what merges.
func TestEpisodesOfManyNamesAreBounded(t *testing.T) {
	into, from := new(incident), new(incident)
	for k := range 15 {
		into.countEpisodes(&Episodes{Name: fmt.Sprint("A", k), Count: 1})
		from.countEpisodes(&Episodes{Name: fmt.Sprint("B", k), Count: 2})
	}
	from.countEpisodes(&Episodes{Name: "A3", Count: 4})
	into.inheritEpisodes(from)
	total := 0
	for _, p := range into.episodes {
		total += p.Count
		if p.Name == "A3" && p.Count != 5 || p.Name == OtherAlerts && p.Count != 20 {
			t.Errorf("%+v", p)
		}
	}
	if len(into.episodes) != episodesMax+1 || total != 15+30+4 || from.episodes != nil {
		t.Errorf("%d names, %d in all", len(into.episodes), total)
	}
}
