package app

import (
	"context"
	"log/slog"
	"time"

	"quell/internal/config"
)

// retryRefused is how often files that were refused are read anew though they look the same: one that they name may be there now.
const retryRefused = time.Minute

// settling waits until files have come to rest: who writes several, or one in parts, must not be read in between.
type settling struct{ seen string }

// look is told the fingerprint of the files, once every interval, and of those in force. It reports whether the files are others, and
// were the same a moment ago.
func (w *settling) look(now, inForce string) bool {
	rested := now == w.seen
	w.seen = now
	return rested && now != inForce
}

// watchConfig puts changes of the configuration's files in force until ctx ends.
func (a *App) watchConfig(ctx context.Context) error {
	var files settling
	tried := a.options.wall()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c := a.current.Load().config
		timer.Reset(c.Reload.Interval)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if !c.Reload.Watch {
			continue
		}
		now := a.options.wall()
		refused := a.refused.Load()
		changed := files.look(config.Fingerprint(c.Files(), c.Patterns), a.inForce())
		if changed || refused != nil && now.Sub(tried) >= retryRefused {
			tried = now
			_ = a.reload(ctx, byWatch, a.options.ConfigPath) // it was logged
		}
		a.remind(ctx, now)
	}
}

// inForce is the fingerprint of the files that were read last.
func (a *App) inForce() string {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	return a.print
}

// remind tells operators, once, that the files have not been in force for some time.
func (a *App) remind(ctx context.Context, now time.Time) {
	refused := a.refused.Load()
	if refused == nil || refused.told || now.Sub(refused.since) < refusedNotice {
		return
	}
	text := refusalText("quell goes on with the configuration that it had, as that of the files has been wrong for "+short(now.Sub(refused.since)), refused.err)
	err := a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error {
		if a.refused.Load() == refused { // else they are in force meanwhile, or wrong in another way
			s.operator(configRefused, 0, text)
		}
		return nil
	}})
	if err != nil {
		a.log.Warn("refused configuration not told", slog.Any("error", err))
		return
	}
	a.refused.CompareAndSwap(refused, &refusal{refused.err, refused.since, true})
}

// short writes a duration to the minute.
func short(d time.Duration) string { return d.Round(time.Minute).String() }
