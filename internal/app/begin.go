package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

// resumer takes up what an earlier process left: the dispatcher.
type resumer interface {
	Resume(deliveries ...routing.Delivery)
	SetRef(key string, target routing.Target, ref string)
	SetPlace(key string, target routing.Target, place string)
	Lost() []notify.Begun
}

// restore reads what the loop keeps beside the engine: how escalations stand, references at receivers, and the outbox.
func (l *loop) restore(d resumer) error {
	if err := l.restoreEscalations(); err != nil {
		return fmt.Errorf("escalations: %w", err)
	}
	if err := l.restoreConditions(); err != nil {
		return fmt.Errorf("conditions: %w", err)
	}
	if err := l.restoreLetters(); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	err := l.store.Scan(storage.Refs, nil, nil, func(_, v []byte) error {
		var r savedRef
		if err := json.Unmarshal(v, &r); err != nil {
			return err
		}
		d.SetRef(r.Key, r.Target, r.Ref)
		d.SetPlace(r.Key, r.Target, r.Place)
		return nil
	})
	if err != nil {
		return fmt.Errorf("references: %w", err)
	}
	outbox, err := readOutbox(l.store, 0, 0)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	// Numbers of deliveries only have to ascend: above those of any earlier process, which made fewer than 2^20 a record.
	l.nextID = l.seq << 20
	if n := len(outbox); n > 0 {
		l.nextID = max(l.nextID, outbox[n-1].ID)
	}
	d.Resume(outbox...)
	l.lost = d.Lost()
	return nil
}

// restoreEscalations reads how escalations stand, with the routing of the engine's policy.
func (l *loop) restoreEscalations() error {
	c, err := routing.Decode(l.engine.Policy().Routing)
	if err != nil {
		return err
	}
	l.escalations = routing.NewEscalations(routing.New(c, routing.Options{StoreID: l.store.ID()}))
	return l.store.Scan(storage.Marks, []byte(escalationPrefix), []byte("escalation0"), func(k, v []byte) error {
		id, err := correlate.ParseIncidentID(strings.TrimPrefix(string(k), escalationPrefix))
		if err != nil {
			return err
		}
		return l.escalations.Load(id, v)
	})
}

// begin takes the first step: what changed in the configuration, and the gap since the last record; with adds to it.
func (l *loop) begin(c *config.Config, with ...func(*step) error) error {
	now, _ := l.clock.now()
	s := &step{loop: l, at: now}
	inputs, err := l.firstInputs(c)
	if err != nil {
		return err
	}
	s.inputs = inputs // the policy first: it says how much grace a gap gives
	if seq, last := l.store.Last(); seq > 0 {
		s.inputs = append(s.inputs, &correlate.Gap{From: last, To: now, Why: "restart"})
	}
	s.inputs = append(s.inputs, l.goneClusters(c, now)...)
	s.inputs = append(s.inputs, l.leftOpen(l.lost)...)
	if err := l.step(s); err != nil {
		return err
	}
	for _, b := range l.lost {
		s.noPlace(b)
	}
	l.lost = nil
	l.markSources(s, inputs, c)
	s.notConfigured(c)
	if err := s.startWell(); err != nil {
		return fmt.Errorf("first step: %w", err)
	}
	for _, add := range with {
		if err := add(s); err != nil {
			return fmt.Errorf("first step: %w", err)
		}
	}
	// A full disk keeps quell from storing, not from starting: in safe mode it pages, unborn it does not.
	if err := l.finish(s, nil); err != nil {
		return fmt.Errorf("first step: %w", err)
	}
	return nil
}

// newLogger makes the logger that the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
