package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"quell/internal/config"
	"quell/storage"
)

const (
	// keptKey is the mark of the configuration that was in force last.
	keptKey = "config/last"
	// keptMax bounds what is kept. Whose topology files are larger starts with good files only.
	keptMax = 32 << 20
	// refusedNotice is after how long operators are told that the files are not in force.
	refusedNotice = 10 * time.Minute
	// refusedShown bounds the problems that operators are told.
	refusedShown = 5
)

// kept is a configuration that was in force.
type kept struct {
	At       time.Time       `json:"t"`
	Hash     string          `json:"hash"`
	Snapshot config.Snapshot `json:"snapshot"`
}

// keep stores the configuration with the step that puts it in force, for a start that finds the files wrong.
func (s *step) keep(c *config.Config) {
	snapshot := c.Snapshot()
	size := len(snapshot.Config)
	for _, text := range snapshot.Files {
		size += len(text)
	}
	if size > keptMax {
		s.loop.log.Warn("configuration is too large to be kept for a start with bad files", slog.Int("bytes", size), slog.Int("limit", keptMax))
		s.delete(storage.Marks, keptKey) // an older one would be worse
		return
	}
	s.put(storage.Marks, keptKey, kept{s.at, c.Hash, snapshot})
}

// lastKept returns the configuration that was in force last; ok is false if there is none.
func lastKept(st store) (k kept, ok bool, err error) {
	v, err := st.Get(storage.Marks, []byte(keptKey))
	if err != nil || v == nil {
		return k, false, err
	}
	err = json.Unmarshal(v, &k)
	return k, err == nil, err
}

// first is the configuration to begin with: that of the files, or, if these are wrong or still being written, the one that was in force last. refused says then what
// is wrong with the files.
func (a *App) first() (c *config.Config, refused error, err error) {
	path := a.options.ConfigPath
	c, a.print, err = read(path, nil, nil)
	unsteady := errors.Is(err, errUnsteady)
	if unsteady {
		a.print = "" // they are no reading of the files, so the next look tries again
	}
	if _, wrong := errors.AsType[config.Problems](err); !wrong && !unsteady {
		if err == nil {
			a.override(c)
		}
		return c, nil, err
	}
	at, ok := a.options.Storage, true
	if at == "" {
		at, ok = config.StoragePathOf(path)
	}
	if _, none := os.Stat(at); !ok || none != nil {
		return nil, nil, err // nothing was ever in force here
	}
	st, openErr := a.options.open(at, func(string, []byte, string) {}) // damage is told when it is opened for good
	if openErr != nil {
		return nil, nil, err
	}
	k, ok, keptErr := lastKept(st)
	if closeErr := st.Close(); keptErr != nil || closeErr != nil || !ok {
		return nil, nil, err
	}
	if c, keptErr = config.ParseSnapshot(path, k.Snapshot); keptErr != nil {
		// Better without one receiver than without any: what is for it waits until its secret is back.
		if c, keptErr = config.ParseSnapshotWithoutSecrets(path, k.Snapshot); keptErr != nil {
			return nil, nil, err
		}
		a.print = "" // the next look tries again: a secret may be back already
	}
	a.override(c)
	c.StoragePath = at
	return c, err, nil
}

// beginWith completes the first step: it tells operators if the files are wrong, else it stores what is in force now.
func (a *App) beginWith(c *config.Config, refused error) func(*step) error {
	return func(s *step) error {
		if refused != nil {
			s.operator(configRefused, 0, refusalText("quell started with the configuration that it had last, as that of the files is wrong", refused))
			return nil
		}
		s.clear(configRefused, "quell started with the configuration of the files")
		last, ok, err := lastKept(s.loop.store)
		if err != nil {
			s.loop.log.Warn("last configuration cannot be read, it is kept anew", slog.Any("error", err)) // a damaged row was told
		}
		if last.Hash == c.Hash {
			return nil
		}
		if ok { // it changed while quell was down
			old, err := config.ParseSnapshot(a.options.ConfigPath, last.Snapshot)
			detail := c.Hash
			if err == nil {
				detail = changes(old, c)
			}
			s.audit(auditEntry{By: byStart, Action: "reload", Detail: detail})
		}
		s.keep(c)
		return nil
	}
}

// recall gives the dispatcher the receivers that were in force last, if others are now: what was opened through them is ended there. Their
// secrets are those of the files that they name, as these are now. What is of no use of it is left out.
func (a *App) recall(c *config.Config) {
	last, ok, err := lastKept(a.store)
	if err != nil || !ok || last.Hash == c.Hash {
		return // a damaged row was told
	}
	old, err := config.ParseSnapshotWithoutSecrets(a.options.ConfigPath, last.Snapshot)
	if err == nil {
		err = a.dispatch.Recall(old.NotifyConfig())
	}
	if err != nil {
		a.log.Warn("receivers of the last configuration are not known any more", slog.Any("error", err))
	}
}

// refusal is why the files are not in force.
type refusal struct {
	err error
	// since is when that was first found; told is true once operators know.
	since time.Time
	told  bool
}

// told takes note of how a reload ended.
func (a *App) told(by string, err error) {
	now := a.options.wall()
	a.metrics.reloaded(err == nil, now)
	before := a.refused.Load()
	switch {
	case err == nil:
		if a.refused.Store(nil); before != nil {
			a.log.Info("configuration files are in force again", slog.String("by", by))
		}
	case before == nil:
		a.refused.Store(&refusal{err: err, since: now})
	default:
		a.refused.Store(&refusal{err, before.since, before.told})
	}
	if err == nil {
		a.accepted()
	}
	if err != nil && (by != byWatch || before == nil || before.err.Error() != err.Error()) {
		a.log.Error("reload refused", slog.Any("error", err), slog.String("by", by))
	}
}

// accepted tells operators, if they were told otherwise, that the files are in force.
func (a *App) accepted() {
	err := a.loop.do(context.Background(), &request{done: make(chan error, 1), with: func(s *step) error {
		s.clear(configRefused, "the configuration of the files is in force")
		return nil
	}})
	if err != nil {
		a.log.Warn("accepted configuration not told", slog.Any("error", err)) // the next one that is accepted is, and so is a start
	}
}

// refusalText tells operators what is wrong, in a few lines.
func refusalText(what string, err error) string {
	lines := strings.Split(err.Error(), "\n")
	if n := len(lines); n > refusedShown {
		lines = append(lines[:refusedShown:refusedShown], fmt.Sprintf("and %d more", n-refusedShown))
	}
	return what + ". `quell check` shows all of it:\n" + strings.Join(lines, "\n")
}
