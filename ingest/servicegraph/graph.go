package servicegraph

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

// answer is what one query told.
type answer struct {
	// edges are sorted, each once.
	edges []topology.Edge
	// series counts what came, unnamed those of it of which a side names no entity.
	series, unnamed int
	// truncated is true if there was more than fits.
	truncated bool
}

// read makes edges of the series of an answer. The slice is sorted anew.
func (c *Config) read(v model.Vector) answer {
	a := answer{series: len(v), truncated: len(v) > c.MaxEdges}
	if a.truncated {
		slices.SortStableFunc(v, func(x, y *model.Sample) int { return cmp.Compare(y.Value, x.Value) })
		v = v[:c.MaxEdges]
	}
	p := presets[c.Preset]
	seen := make(map[topology.Edge]struct{}, len(v))
	for _, s := range v {
		l := known(s.Metric)
		if !(s.Value > 0) || p.ignore != nil && rules.Matches(p.ignore, l) { // NaN is no request either
			continue
		}
		client, ok1 := c.Client.Entity(l, c.Cluster)
		server, ok2 := c.Server.Entity(l, c.Cluster)
		if !ok1 || !ok2 {
			a.unnamed++
			continue
		}
		e := topology.Edge{From: client, To: server, Type: "calls"}
		if p.consumers != nil && rules.Matches(p.consumers, l) {
			e = topology.Edge{From: server, To: client, Type: "consumes"}
		}
		if client != server {
			seen[e] = struct{}{}
		}
	}
	a.edges = make([]topology.Edge, 0, len(seen))
	for e := range seen {
		a.edges = append(a.edges, e)
	}
	slices.SortFunc(a.edges, func(x, y topology.Edge) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Type, y.Type))
	})
	return a
}

// known returns the labels of a series that say something: "unknown" is what meshes write where they know nothing.
func known(m model.Metric) correlate.Labels {
	pairs := make([]string, 0, 2*len(m))
	for name, value := range m {
		if value != "" && value != "unknown" {
			pairs = append(pairs, string(name), string(value))
		}
	}
	return correlate.LabelsOf(pairs...)
}
