// Package rulebook compiles rules for everything in one process that needs them, and keeps the last few sets: a configuration is checked, put
// in force and compared with the one before, and each time the same packs would have to be read again, at a tenth of a second.
package rulebook

import (
	"encoding/json"
	"slices"
	"sync"

	"quell/correlate"
	"quell/rules"
)

// keptMax bounds the sets that are kept, some megabytes each: the configuration in force and its successor, and what each is checked as.
const keptMax = 4

var shelf book

// Compile is [rules.Compile], which see for its errors. Who asks for the rules of the same policy again may get the same set. Goroutines may
// call it at once.
func Compile(p *correlate.Policy) (correlate.Rules, error) {
	s, err := shelf.compile(p)
	if err != nil {
		return nil, err // not s: a nil *Set in the interface would look like rules
	}
	return s, nil
}

// Telling is [rules.Telling], for which the same holds.
func Telling(tell func(rules.Fault)) correlate.Compiler {
	return func(p *correlate.Policy) (correlate.Rules, error) {
		s, err := shelf.compile(p)
		if err == nil && s.Steady() {
			return s, nil // without expressions there is nothing to tell
		}
		return rules.Telling(tell)(p)
	}
}

// book holds the sets that were asked for last.
type book struct {
	mu   sync.Mutex
	kept []page // that which was asked for last comes last
}

type page struct {
	key string
	set *rules.Set
}

func (b *book) compile(p *correlate.Policy) (*rules.Set, error) {
	p = ruling(p)
	text, err := json.Marshal(p)
	if err != nil {
		return compiled(p)
	}
	key := string(text)
	if s := b.find(key); s != nil {
		return s, nil
	}
	s, err := compiled(p) // without the lock: two who ask at once for the same make it twice, and nobody waits for what he did not ask for
	if err == nil && s.Steady() {
		b.keep(page{key, s})
	}
	return s, err
}

func (b *book) find(key string) *rules.Set {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := slices.IndexFunc(b.kept, func(p page) bool { return p.key == key })
	if k < 0 {
		return nil
	}
	found := b.kept[k]
	b.kept = append(slices.Delete(b.kept, k, k+1), found)
	return found.set
}

func (b *book) keep(p page) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) == keptMax {
		b.kept = slices.Delete(b.kept, 0, 1)
	}
	b.kept = append(b.kept, p)
}

// ruling is what rules are made of, in a policy of its own: nothing else can decide what they are.
func ruling(p *correlate.Policy) *correlate.Policy {
	return &correlate.Policy{
		Heartbeats: slices.Clone(p.Heartbeats), Inhibit: slices.Clone(p.Inhibit),
		Rules: slices.Clone(p.Rules), Packs: slices.Clone(p.Packs), Disabled: slices.Clone(p.Disabled),
	}
}

// compiled makes a set.
func compiled(p *correlate.Policy) (*rules.Set, error) {
	r, err := rules.Compile(p)
	if err != nil {
		return nil, err
	}
	return r.(*rules.Set), nil
}
