package app

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"

	"quell/correlate"
	"quell/internal/confdiff"
	"quell/internal/config"
)

// Who asks for a configuration, beside people.
const (
	byStart  = "start"
	byWatch  = "watch"
	bySignal = "signal"
)

// readTries is how often files that change under the reader are read anew.
const readTries = 3

// errUnsteady says that no reading of the files saw all of them at one moment.
var errUnsteady = errors.New("the configuration's files change while they are read; nothing was taken")

// read reads the configuration as its files were at one moment, and returns their fingerprint. Files is what the last one named.
func read(path string, files, patterns []string) (c *config.Config, fingerprint string, err error) {
	if len(files) == 0 {
		files = []string{path}
	}
	for range readTries {
		fingerprint = config.Fingerprint(files, patterns)
		c, err = config.Load(path)
		same := err != nil || slices.Equal(files, c.Files()) && slices.Equal(patterns, c.Patterns)
		if same && config.Fingerprint(files, patterns) == fingerprint {
			return c, fingerprint, err
		}
		if err == nil {
			files, patterns = c.Files(), c.Patterns
		}
	}
	return nil, fingerprint, errUnsteady
}

// reload puts the configuration file in force as it is now, or, when anything in it is wrong, changes nothing. Who asked, and
// from where, goes into the audit log.
func (a *App) reload(ctx context.Context, by, from string) (err error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	defer func() { a.told(by, err) }()
	old := a.current.Load().config
	c, fingerprint, err := read(a.options.ConfigPath, old.Files(), old.Patterns)
	if _, wrong := errors.AsType[config.Problems](err); err == nil || wrong {
		a.print = fingerprint // else it is tried again
	}
	if err != nil {
		return err
	}
	a.override(c)
	if by == byWatch && c.Same(old) {
		return nil
	}
	if c.Listen != old.Listen || c.StoragePath != old.StoragePath || c.Limits != old.Limits || c.MaxBodyBytes != old.MaxBodyBytes {
		a.log.Warn("server, storage and limits take effect after a restart only")
	}
	if !reflect.DeepEqual(c.Clusters, old.Clusters) {
		a.log.Warn("kubernetes clusters take effect after a restart only")
	}
	next := newSetup(c, a.store.ID(), a.options.wall())
	next.by = by
	policy := c.Policy()
	if _, err := compile(&policy); err != nil {
		return err
	}
	receivers := c.NotifyConfig()
	if err := receivers.Validate(); err != nil {
		return err
	}
	if err := a.adopt(ctx, next, auditEntry{By: by, From: from, Action: "reload", Detail: changes(old, c)}); err != nil {
		if a.current.Load() != next {
			a.print = "" // it is no fault of the files
			return err
		}
		// The engine was stepped with it and waits for the store: it is in force, as a whole, and is read again after a restart.
		a.log.Warn("configuration is in force but not stored yet", slog.Any("error", err))
	}
	a.metrics.configured(c)
	a.log.Info("configuration reloaded", slog.String("hash", c.Hash), slog.String("by", by), slog.String("revision", c.Revision))
	return nil
}

// override puts in what the command line says.
func (a *App) override(c *config.Config) {
	if a.options.Listen != "" {
		c.Listen = a.options.Listen
	}
	if a.options.Storage != "" {
		c.StoragePath = a.options.Storage
	}
}

// changes says in one line what a configuration changes, beginning with its hash.
func changes(from, to *config.Config) string {
	if text := confdiff.Compare(from.Shown(), to.Shown()).Summary(); text != "" {
		return to.Hash + ": " + text
	}
	return to.Hash
}

// adopt gives the loop a new setup, in one step with the policy and topology that come with it. Routes and receivers change in the
// same moment, else pages would go to receivers that nobody knows.
func (a *App) adopt(ctx context.Context, next *setup, entry auditEntry) error {
	r := &request{done: make(chan error, 1)}
	r.check = func(*correlate.Engine) error {
		inputs, err := a.loop.firstInputs(next.config)
		r.inputs = inputs
		return err
	}
	r.with = func(s *step) error {
		if err := a.dispatch.Reconfigure(next.config.NotifyConfig()); err != nil {
			return err // programmer error: it was validated
		}
		a.loop.markSources(s, r.inputs, next.config)
		s.notConfigured(next.config)
		s.audit(entry)
		s.keep(next.config)
		a.current.Store(next)
		a.graphs.wake()
		a.sockets.wake()
		return nil
	}
	return a.loop.do(ctx, r)
}
