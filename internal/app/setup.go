package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/config"
	"quell/routing"
	"quell/rules"
	"quell/storage"
)

// setup is a configuration in force and what was made of it. It does not change; a reload makes another.
type setup struct {
	config *config.Config
	router *routing.Router
	loaded time.Time
}

func newSetup(c *config.Config, storeID string, now time.Time) *setup {
	return &setup{config: c, router: routing.New(c.Route, c.Targets(), routing.Options{StoreID: storeID}), loaded: now}
}

// compile is the engine's compiler.
func compile(p *correlate.Policy) (correlate.Rules, error) { return rules.Compile(p) }

// loadEngine makes an engine from the store's state, or an empty one from an empty store.
func loadEngine(st store, compile correlate.Compiler) (*correlate.Engine, error) {
	var scanErr error
	rows := iter.Seq2[[]byte, []byte](func(yield func(k, v []byte) bool) {
		scanErr = st.Scan(storage.State, nil, nil, func(k, v []byte) error {
			if !yield(k, v) {
				return errEnough
			}
			return nil
		})
	})
	e, err := correlate.Load(compile, rows)
	if scanErr != nil && !errors.Is(scanErr, errEnough) {
		return nil, scanErr
	}
	return e, err
}

// topologyMark remembers the part of the graph that configuration files told, so that what they no longer tell can be removed.
const topologyMark = "topology/config"

// firstInputs is what the engine has to be told when a configuration comes into force: its policy and topology if they changed.
func (l *loop) firstInputs(s *step, c *config.Config) ([]correlate.Input, error) {
	var inputs []correlate.Input
	policy := c.Policy()
	if !samePolicy(policy, l.engine.Policy()) {
		inputs = append(inputs, &policy)
	}
	update, err := l.topologyChange(s, c.Topology)
	if err != nil {
		return nil, err
	}
	if update != nil {
		inputs = append(inputs, &correlate.Topology{Update: *update, Source: "config"})
	}
	return inputs, nil
}

// samePolicy compares a policy with the one in force, in which defaults are filled in.
func samePolicy(a, b correlate.Policy) bool {
	return reflect.DeepEqual(a.WithDefaults(), b)
}

// topologyChange is what to add and remove so that the configuration's part of the graph becomes want; nil if nothing.
func (l *loop) topologyChange(s *step, want *topology.Update) (*topology.Update, error) {
	if want == nil {
		want = &topology.Update{}
	}
	old, err := l.store.Get(storage.Marks, []byte(topologyMark))
	if err != nil {
		return nil, fmt.Errorf("topology of the last configuration: %w", err)
	}
	var had topology.Update
	if old != nil {
		if err := json.Unmarshal(old, &had); err != nil {
			return nil, fmt.Errorf("topology of the last configuration: %w", err)
		}
	}
	if reflect.DeepEqual(had, *want) {
		return nil, nil
	}
	s.put(storage.Marks, topologyMark, want)
	change := *want
	edges := make(map[topology.Edge]bool, len(want.Edges))
	for _, e := range want.Edges {
		edges[e] = true
	}
	for _, e := range had.Edges {
		if !edges[e] {
			change.RemoveEdges = append(change.RemoveEdges, e)
		}
	}
	entities := make(map[topology.Entity]bool, len(want.Entities))
	for _, e := range want.Entities {
		entities[e.ID] = true
	}
	for _, e := range had.Entities {
		if !entities[e.ID] {
			change.RemoveEntities = append(change.RemoveEntities, e.ID)
		}
	}
	return &change, nil
}
