package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/servicegraph"
	"quell/internal/config"
	"quell/storage"
)

// configSource is the source of what topology files tell.
const configSource = "config"

// Marks say what the engine was told on behalf of a configuration, so that what did not change is not told again, and what is
// configured no longer is taken back, also if that changed while quell was down.
const (
	// topologyMarks is followed by a source; the value identifies what it told.
	topologyMarks = "topology/"
	// graphMarks is followed by the name of a service graph.
	graphMarks = "servicegraph/"
)

// declared is what the files of a configuration tell, by source.
func declared(c *config.Config) map[string]declaration {
	list := make(map[string]declaration)
	if c.Topology != nil {
		files := &correlate.Topology{Source: configSource, Update: *c.Topology}
		files.Replace = true // what the files no longer tell goes
		list[configSource] = declaration{files, c.TopologyHash}
	}
	for _, t := range c.Catalogs {
		text, err := json.Marshal(&t.Update)
		if err != nil {
			panic("app: topology cannot be encoded: " + err.Error()) // no field of it could fail
		}
		sum := sha256.Sum256(text)
		list[t.Source] = declaration{t, hex.EncodeToString(sum[:])}
	}
	return list
}

// declaration is all that one source of a configuration tells, and what identifies that.
type declaration struct {
	topology *correlate.Topology
	hash     string
}

// mark is what a topology mark holds.
func (d declaration) mark() []byte { return fmt.Appendf(nil, "%q", d.hash) }

// marked returns the marks that begin with a prefix, by what follows it.
func (l *loop) marked(prefix string) (map[string]string, error) {
	marks := make(map[string]string)
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	err := l.store.Scan(storage.Marks, []byte(prefix), []byte(end), func(k, v []byte) error {
		marks[strings.TrimPrefix(string(k), prefix)] = string(v)
		return nil
	})
	return marks, err
}

// sourceInputs is what the engine has to be told of the topology when a configuration comes into force: what its files tell and did
// not tell before, and that sources are gone.
func (l *loop) sourceInputs(c *config.Config) ([]correlate.Input, error) {
	told, err := l.marked(topologyMarks)
	if err != nil {
		return nil, fmt.Errorf("topology of the last configuration: %w", err)
	}
	graphs, err := l.marked(graphMarks)
	if err != nil {
		return nil, fmt.Errorf("service graphs of the last configuration: %w", err)
	}
	var inputs []correlate.Input
	list := declared(c)
	for _, source := range slices.Sorted(maps.Keys(list)) {
		if d := list[source]; told[source] != string(d.mark()) {
			inputs = append(inputs, d.topology)
		}
		delete(told, source)
	}
	for _, source := range slices.Sorted(maps.Keys(told)) {
		inputs = append(inputs, &correlate.Topology{Source: source, Update: topology.Update{Replace: true}})
	}
	for i := range c.ServiceGraphs {
		delete(graphs, c.ServiceGraphs[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(graphs)) {
		inputs = append(inputs, servicegraph.Farewell(name, l.clock.last)...)
	}
	return inputs, nil
}

// markSources remembers what the engine was told, if it took it: else it is told again with the next configuration, which may have
// more room.
func (l *loop) markSources(s *step, inputs []correlate.Input, c *config.Config) {
	list := declared(c)
	for _, in := range inputs {
		t, ok := in.(*correlate.Topology)
		if !ok || l.engine.Refused(t) != nil {
			continue
		}
		change := storage.Change{Table: storage.Marks, Key: []byte(topologyMarks + t.Source)}
		if d, ok := list[t.Source]; ok {
			change.Value = d.mark()
		} else if name, ok := strings.CutPrefix(t.Source, servicegraph.Source("")); ok {
			change.Key = []byte(graphMarks + name)
		}
		s.changes = append(s.changes, change)
	}
	for i := range c.ServiceGraphs {
		s.changes = append(s.changes, storage.Change{Table: storage.Marks, Key: []byte(graphMarks + c.ServiceGraphs[i].Name), Value: []byte("1")})
	}
}
