package app

import (
	"errors"
	"iter"
	"reflect"
	"time"

	"quell/correlate"
	"quell/ingest/hook"
	"quell/internal/config"
	"quell/internal/rulebook"
	"quell/routing"
	"quell/storage"
	"quell/web"
)

// setup is a configuration in force and what was made of it. It does not change; a reload makes another.
type setup struct {
	config *config.Config
	router *routing.Router
	hooks  map[string]*hook.Source
	access *web.Access
	loaded time.Time
	// by says who put it in force: start, signal, watch, api.
	by string
}

func newSetup(c *config.Config, storeID string, now time.Time) *setup {
	return &setup{
		config: c, router: routing.New(c.Routing(), routing.Options{StoreID: storeID}), hooks: hooksOf(c.Webhooks), access: accessOf(c), loaded: now,
	}
}

// compile is the engine's compiler.
func compile(p *correlate.Policy) (correlate.Rules, error) { return rulebook.Compile(p) }

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

// firstInputs is what the engine has to be told when a configuration comes into force: its policy and topology if they changed.
func (l *loop) firstInputs(c *config.Config) ([]correlate.Input, error) {
	var inputs []correlate.Input
	policy := c.Policy()
	if !samePolicy(policy, l.engine.Policy()) {
		inputs = append(inputs, &policy)
	}
	sources, err := l.sourceInputs(c)
	return append(inputs, sources...), err
}

// samePolicy compares a policy with the one in force, in which defaults are filled in.
func samePolicy(a, b correlate.Policy) bool {
	return reflect.DeepEqual(a.WithDefaults(), b)
}
