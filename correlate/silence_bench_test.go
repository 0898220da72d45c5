package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate/topology"
)

// BenchmarkSilencers looks up what silences one symptom, as is done for each symptom of an incident when it is about to page: with
// nothing in force, with silences of other alerts by name, of other teams, of other entities, and with such that demand no value.
func BenchmarkSilencers(b *testing.B) {
	for _, kind := range []string{"alerts", "teams", "entities", "patterns"} {
		for _, n := range []int{0, 10, 1000} {
			b.Run(fmt.Sprintf("%s=%d", kind, n), func(b *testing.B) {
				e, err := New(compileTest, Policy{AlertTimeout: -1})
				if err != nil {
					b.Fatal(err)
				}
				edges := &Topology{Source: "api"}
				for k := range 5 {
					edges.Edges = append(edges.Edges,
						topology.Edge{From: "pod/s/p", Type: "mounts", To: topology.Entity(fmt.Sprintf("configmap/s/c-%d", k))},
						topology.Edge{From: "node/n", Type: "calls", To: topology.Entity(fmt.Sprintf("service/s/v-%d", k))})
				}
				edges.Edges = append(edges.Edges, topology.Edge{From: "pod/s/p", Type: "runs_on", To: "node/n"})
				inputs := []Input{edges}
				for k := range n {
					in := &Silence{}
					in.ID, in.StartsAt, in.EndsAt = fmt.Sprint(k), start, start.Add(time.Hour)
					switch kind {
					case "alerts":
						in.Matchers = labels.Matchers{equal("alertname", fmt.Sprint("Other", k))}
					case "entities":
						in.Entities = []topology.Entity{topology.Entity(fmt.Sprintf("node/other-%d", k))}
					case "teams":
						in.Matchers = labels.Matchers{equal("team", fmt.Sprint("other", k))}
					default:
						m, err := labels.NewMatcher(labels.MatchRegexp, "team", fmt.Sprintf("other%d.*", k))
						if err != nil {
							b.Fatal(err)
						}
						in.Matchers = labels.Matchers{m}
					}
					inputs = append(inputs, in)
				}
				a := &Alert{Labels: LabelsOf("alertname", "Down", "quell_entity", "pod/s/p", "team", "shop"), Source: "prometheus/a"}
				a.Fingerprint = a.Labels.Fingerprint()
				e.Step(start, append(inputs, a))
				s := e.alerts[a.Fingerprint]
				b.ReportAllocs()
				for b.Loop() {
					if len(e.silencers(s)) > 0 {
						b.Fatal("it is silenced")
					}
				}
			})
		}
	}
}
