package app

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"

	"quell/correlate"
	"quell/internal/config"
	"quell/storage"
)

// reload puts the configuration file in force as it is now, or, when anything in it is wrong, changes nothing. Who asked, and
// from where, goes into the audit log.
func (a *App) reload(ctx context.Context, by, from string) (err error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	defer func() {
		a.metrics.reloaded(err == nil, a.options.wall())
		a.refused.Store(nil)
		if err != nil {
			a.refused.Store(&err)
			a.log.Error("reload refused", slog.Any("error", err))
		}
	}()
	c, err := config.Load(a.options.ConfigPath)
	if err != nil {
		return err
	}
	old := a.current.Load().config
	if a.options.Listen != "" {
		c.Listen = a.options.Listen
	}
	if c.Listen != old.Listen || c.StoragePath != old.StoragePath || c.Limits != old.Limits || c.MaxBodyBytes != old.MaxBodyBytes {
		a.log.Warn("server, storage and limits take effect after a restart only")
	}
	if !reflect.DeepEqual(c.Clusters, old.Clusters) {
		a.log.Warn("kubernetes clusters take effect after a restart only")
	}
	next := newSetup(c, a.store.ID(), a.options.wall())
	policy := c.Policy()
	if _, err := compile(&policy); err != nil {
		return err
	}
	receivers := c.NotifyConfig()
	if err := receivers.Validate(); err != nil {
		return err
	}
	if err := a.adopt(ctx, next, auditEntry{By: by, From: from, Action: "reload", Detail: c.Hash}); err != nil {
		if a.current.Load() != next {
			return err
		}
		// The engine was stepped with it and waits for the store: it is in force, as a whole, and is read again after a restart.
		a.log.Warn("configuration is in force but not stored yet", slog.Any("error", err))
	}
	a.log.Info("configuration reloaded", slog.String("hash", c.Hash), slog.String("by", by))
	return nil
}

// adopt gives the loop a new setup, in one step with the policy and topology that come with it. Router and receivers change in the
// same moment, else pages would go to receivers that nobody knows.
func (a *App) adopt(ctx context.Context, next *setup, entry auditEntry) error {
	ctx, cancel := context.WithTimeoutCause(ctx, submitWait, errBusy)
	defer cancel()
	r := &request{done: make(chan error, 1)}
	r.check = func(*correlate.Engine) error {
		if ctx.Err() != nil {
			return context.Cause(ctx) // who asked was told that it failed
		}
		inputs, err := a.loop.firstInputs(next.config)
		r.inputs = inputs
		return err
	}
	r.with = func(s *step) error {
		if err := a.dispatch.Reconfigure(next.config.NotifyConfig()); err != nil {
			return err // programmer error: it was validated
		}
		a.loop.markSources(s, r.inputs, next.config)
		s.audit(entry)
		s.loop.router = next.router
		a.current.Store(next)
		a.graphs.wake()
		return nil
	}
	return a.loop.do(ctx, r)
}

// auditEntry is one row of the audit log.
type auditEntry struct {
	At     string `json:"t"`
	By     string `json:"by"`
	From   string `json:"from,omitempty"`
	Action string `json:"action"`
	On     string `json:"on,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// audit adds to the audit log: who did what, when, from where.
func (s *step) audit(e auditEntry) {
	e.At = s.at.Format("2006-01-02T15:04:05.000Z07:00")
	s.loop.audits++
	s.put(storage.Audit, fmt.Sprintf("%020d/%06d", s.at.UnixNano(), s.loop.audits%1_000_000), e)
}
