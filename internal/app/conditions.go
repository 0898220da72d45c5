package app

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"quell/correlate"
	"quell/internal/config"
	"quell/notify"
	"quell/routing"
	"quell/storage"
)

const (
	// settles is for how long what quell said of itself has to stay well before people hear that it is over.
	settles = 5 * time.Minute
	// momentLasts is after how long without another one a moment, such as a body that could not be read, is over.
	momentLasts = time.Hour
	// deliversAgain is for how long an integration has to take all that it is sent before it is said to be well: one that refuses some
	// messages and takes others is one matter.
	deliversAgain = time.Hour

	// conditionPrefix begins the marks of what quell said of itself.
	conditionPrefix = "condition/"
	// stoppedKey is the mark of a process that stopped with all stored.
	stoppedKey = "stopped"
)

// Keys of what quell says of itself.
const (
	configRefused = "config-refused"
	badBody       = "bad-body"
	engineFailed  = "engine-panic"
	safeModeKey   = "safe-mode/"
)

// restoreConditions reads what quell said of itself.
func (l *loop) restoreConditions() error {
	l.conditions = routing.NewConditions()
	return l.store.Scan(storage.Marks, []byte(conditionPrefix), []byte("condition0"), func(k, v []byte) error {
		return l.conditions.Load(strings.TrimPrefix(string(k), conditionPrefix), v)
	})
}

// raise tells of something about quell itself until it is cleared, or, if lasts is not zero, until it did not come again for as long.
func (s *step) raise(lasts time.Duration, messages []routing.Delivery) {
	s.deliver(s.loop.conditions.Raise(s.at, lasts, messages))
}

// operator raises what the root route's receiver is to hear.
func (s *step) operator(key string, lasts time.Duration, text string) {
	s.raise(lasts, s.loop.escalations.Router().Operator(s.at, key, text))
}

// clear ends what was raised, if anything was.
func (s *step) clear(key, why string) {
	s.loop.conditions.Clear(s.at, s.loop.escalations.Router().OperatorKey(key), why, settles)
}

// over tells what is over by now, and stores how conditions stand.
func (s *step) over() {
	l := s.loop
	ended := l.conditions.Step(s.at)
	for i := range ended {
		l.log.Info("operators are told that it is over", slog.String("key", ended[i].Key), slog.String("target", ended[i].Target.String()), slog.String("reason", ended[i].Reason))
	}
	s.deliver(ended)
	l.conditions.Changes(func(key string, row []byte) {
		s.changes = append(s.changes, storage.Change{Table: storage.Marks, Key: []byte(conditionPrefix + key), Value: row})
	})
}

// say makes a step of its own of something that the loop has to say. The error is that of a store whose state is unknown.
func (l *loop) say(what func(*step)) error {
	s := &step{loop: l, at: l.clock.last}
	what(s)
	return l.finish(s, nil)
}

// degraded tells operators that safe mode began.
func (l *loop) degraded(reason string, err error) error {
	if !l.safe.enter(reason, err) {
		return nil
	}
	return l.say(func(s *step) { s.operator(safeModeKey+reason, 0, safeModeText(reason, err)) })
}

// recovered tells them that it is over.
func (l *loop) recovered(reason, why string) error {
	if !l.safe.leave(reason) {
		return nil
	}
	return l.say(func(s *step) { s.clear(safeModeKey+reason, why) })
}

// startWell clears what a process that begins knows to be over. An earlier one that was ended in the middle may have said that it could not
// store anything, and that could not be stored either: its pagers hear that it is over, since they ignore the end of what is not open.
func (s *step) startWell() error {
	l := s.loop
	stopped, err := l.store.Get(storage.Marks, []byte(stoppedKey))
	if err != nil {
		return err
	}
	for _, reason := range []string{reasonStore, reasonEngine} {
		if stopped == nil && l.seq > 0 {
			perhaps := l.escalations.Router().Operator(s.at, safeModeKey+reason, "quell was in safe mode ("+reason+")")
			l.conditions.Assume(s.at, slices.DeleteFunc(perhaps, func(d routing.Delivery) bool { return d.Target.Type != "pagerduty" }))
		}
		s.clear(safeModeKey+reason, "quell was restarted, and works")
	}
	s.delete(storage.Marks, stoppedKey)
	return nil
}

// notConfigured clears what was said of integrations that are gone: nothing is delivered there that could show that they are well.
func (s *step) notConfigured(c *config.Config) {
	l := s.loop
	known := make(map[string]bool)
	for _, targets := range c.Targets() {
		for _, t := range targets {
			known[t.String()] = true
		}
	}
	prefix := l.escalations.Router().UndeliveredKey("")
	for _, key := range l.conditions.Keys(prefix) {
		if !known[strings.TrimPrefix(key, prefix)] {
			l.conditions.Clear(s.at, key, "it is not configured any more", 0)
		}
	}
}

// leftOpen are the inputs that tell of what earlier processes opened at receivers, and nobody can end there but people. It is in the log,
// and on the timelines of the incidents.
func (l *loop) leftOpen(lost []notify.Begun) (inputs []correlate.Input) {
	for _, b := range lost {
		id, generation, ok := l.escalations.Router().IncidentOf(b.Key)
		l.log.Error("open page cannot be followed: its receiver has got another key, or is gone, while quell was down; close it there by hand",
			slog.String("receiver", b.Target.Receiver), slog.String("integration", b.Target.Integration()), slog.String("key", b.Key))
		if ok {
			inputs = append(inputs, &correlate.Delivery{
				Incident: id, Generation: generation, Receiver: b.Target.Receiver, Integration: b.Target.Integration(), Action: "what follows",
				Error: "the page was opened with a routing key that is not known any more; people have to close it there",
			})
		}
	}
	return inputs
}

// safeModeText tells operators why quell is in safe mode.
func safeModeText(reason string, err error) string {
	return fmt.Sprintf("quell is in safe mode (%s): %v. New alerts are refused, senders keep them; critical alerts are paged without being correlated.", reason, err)
}
