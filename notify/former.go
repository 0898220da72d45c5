package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"reflect"
	"slices"
	"strings"

	"quell/routing"
)

// Begun is something that was opened at an integration and not ended there.
type Begun struct {
	// Key is the dedup key.
	Key    string
	Target routing.Target
}

// placeOf names the service at PagerDuty that a configuration leads to, so that it can be told after a restart whether that is still the
// same. It goes into the store, so it must not help anybody to the key: it is four bytes of a hash, which say of one key in four billions
// that it might be the one. An absent key is no place.
func placeOf(storeID string, c *PagerDutyConfig) string {
	if c.RoutingKey.Absent() {
		return ""
	}
	url := strings.TrimRight(cmp.Or(c.URL, "https://events.pagerduty.com"), "/")
	sum := sha256.Sum256([]byte(storeID + "\x00" + url + "\x00" + string(c.RoutingKey)))
	return hex.EncodeToString(sum[:4])
}

// through is the integration that the head of a lane goes through: that of its target, unless what it follows was opened through an earlier
// one that is still known. It is nil if there is none. What begins anew goes where the configuration of now says. It is called with the lock.
func (d *Dispatcher) through(l *lane) *integration {
	now := d.integrations[l.id.target]
	place := d.places[l.id.key][l.id.target]
	if place == "" || len(l.queue) == 0 || now != nil && now.place == place {
		return now
	}
	if head := &l.queue[0].delivery; head.Opens() && !head.Again {
		return now
	}
	if f := d.formerAt(l.id.target, place); f != nil {
		return f
	}
	return now
}

// formerAt is an earlier integration of a target, nil if it is not known.
func (d *Dispatcher) formerAt(t routing.Target, place string) *integration {
	k := slices.IndexFunc(d.former, func(f *integration) bool { return f.target == t && f.place == place })
	if k < 0 {
		return nil
	}
	return d.former[k]
}

// each gives all integrations, earlier ones included.
func (d *Dispatcher) each() iter.Seq[*integration] {
	return func(yield func(*integration) bool) {
		for _, in := range d.integrations {
			if !yield(in) {
				return
			}
		}
		for _, in := range d.former {
			if !yield(in) {
				return
			}
		}
	}
}

// replaced keeps integrations in whose place others are now, for what was opened through them and for what an attempt that is under way may
// still open there, and lets go of those that have neither.
func (d *Dispatcher) replaced(old []*integration, next map[routing.Target]*integration) {
	type at struct {
		routing.Target
		place string
	}
	used := make(map[at]bool)
	for _, targets := range d.places {
		for t, place := range targets {
			used[at{t, place}] = true
		}
	}
	for _, in := range old {
		in.retired = false
		d.former = append(d.former, in)
	}
	d.former = slices.DeleteFunc(d.former, func(f *integration) bool {
		return !used[at{f.target, f.place}] && f.underWay == 0 || next[f.target] != nil && next[f.target].place == f.place
	})
}

// Recall takes over the integrations of a configuration that was in force before the process began, to change and end what was opened through
// them: those that are missing now, and those whose place another one took. It fails on a bad configuration. Those whose credential is
// not known any more are left out. It is called before [Dispatcher.Resume].
func (d *Dispatcher) Recall(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	earlier := d.integrate(cfg.withDefaults())
	d.mu.Lock()
	defer d.mu.Unlock()
	for target, in := range earlier {
		switch current := d.integrations[target]; {
		case in.absent:
		case current == nil:
			in.retired = true
			d.integrations[target] = in
		case current.place != in.place && in.place != "":
			d.former = append(d.former, in)
		}
	}
	return nil
}

// Lost returns what was opened at places that no integration leads to any more, in order, and forgets where that was: it can only be ended by
// people, and what follows goes where the configuration of now says.
func (d *Dispatcher) Lost() (list []Begun) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, targets := range d.places {
		for t, place := range targets {
			if now := d.integrations[t]; now != nil && now.place == place || d.formerAt(t, place) != nil {
				continue
			}
			list = append(list, Begun{key, t})
		}
	}
	for _, b := range list {
		d.setPlace(laneID{b.Key, b.Target}, "")
	}
	slices.SortFunc(list, func(a, b Begun) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Target.String(), b.Target.String()))
	})
	return list
}

// SetPlace restores where something was opened, as an earlier process reported it.
func (d *Dispatcher) SetPlace(key string, target routing.Target, place string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setPlace(laneID{key, target}, place)
}

func (d *Dispatcher) setPlace(id laneID, place string) {
	if place == "" {
		if delete(d.places[id.key], id.target); len(d.places[id.key]) == 0 {
			delete(d.places, id.key)
		}
		return
	}
	if d.places[id.key] == nil {
		d.places[id.key] = make(map[routing.Target]string)
	}
	d.places[id.key][id.target] = place
}

// arrived notes what an attempt that was accepted opened or ended.
func (d *Dispatcher) arrived(a *attempt) {
	switch a.item.delivery.Action {
	case routing.Trigger, routing.Operator, routing.Update:
		if a.in.place != "" { // where there are places, an update opens what is not open
			d.setPlace(a.lane.id, a.in.place)
		}
	case routing.Resolve:
		d.setPlace(a.lane.id, "")
	}
}

// same reports whether two integrations were made of the same configuration.
func (in *integration) same(other *integration) bool {
	return reflect.DeepEqual(in.config, other.config)
}
