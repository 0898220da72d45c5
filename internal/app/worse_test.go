package app

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/routing"
	"quell/storage/mem"
)

const bySeverity = `
hold: {default: 5m, settle: 1m}
route:
  receiver: oncall
  routes: [{matchers: ['severity="warning"'], receiver: team}]
receivers:
  - {name: oncall, pagerduty_configs: [{routing_key_file: key}]}
  - {name: team, slack_configs: [{token_file: key, channel: "#ops"}]}
`

// TestCriticalThatJoinsAWarningPages: an incident that was told to a channel as a warning gets worse, by a critical alert that
// joins it and by another incident that is merged into it. Whoever is paged for critical alerts must hear of it, once.
func TestCriticalThatJoinsAWarningPages(t *testing.T) {
	calls := func(from, to topology.Entity) *correlate.Topology {
		return &correlate.Topology{Source: "api", Update: topology.Update{Edges: []topology.Edge{{From: from, To: to, Type: "calls"}}}}
	}
	warning := func(name, entity string) *correlate.Alert {
		a := firing(name, entity)
		a.Labels = correlate.LabelsOf("alertname", name, "quell_entity", entity, "severity", "warning")
		a.Fingerprint = a.Labels.Fingerprint()
		return a
	}
	for name, worsen := range map[string]func(b *bench){
		"join": func(b *bench) { b.mustPost(firing("Down", "service/db")) },
		"merge, held": func(b *bench) {
			b.mustPost(firing("Down", "service/web"))
			b.rest(time.Minute)
			b.mustPost(calls("service/web", "service/db"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "key", "secret")
			c, err := config.Parse("quell.yml", []byte(bySeverity), dir)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				b := &bench{t: t, store: &faultyStore{DB: mem.New("test")}, rec: &recorder{}, conf: c}
				b.start(compile)
				w := warning("Slow", "service/db")
				b.mustPost(w)
				b.rest(6 * time.Minute)
				b.rec.take()
				worsen(b)
				b.mustPost(firing("More", "service/db"))
				b.rest(6 * time.Minute)
				var got []string
				for _, d := range b.rec.take() {
					// A page may be updated as often as its story changes.
					if d.Target.Receiver == "oncall" && d.Action != routing.Update {
						got = append(got, string(d.Action)+" "+d.Key)
					}
				}
				if diff := cmp.Diff([]string{"trigger quell/test/inc-1/1"}, got); diff != "" {
					t.Errorf("oncall got (-want +got):\n%s", diff)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
