package app

import (
	"context"
	"time"

	"quell/correlate"
)

// expected returns why the engine expects no heartbeat such as those among inputs; nil if it does, or there are none.
func expected(e *correlate.Engine, inputs []correlate.Input) error {
	for _, in := range inputs {
		if h, ok := in.(*correlate.Heartbeat); ok {
			if err := e.Expects(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// selfBeat returns the beat that quell sends to itself, if that is all there is.
func selfBeat(inputs []correlate.Input) (h *correlate.Heartbeat, ok bool) {
	if len(inputs) == 1 {
		h, ok = inputs[0].(*correlate.Heartbeat)
	}
	return h, ok && h.Name == correlate.SelfHeartbeat
}

func isHeartbeat(in correlate.Input) bool {
	_, ok := in.(*correlate.Heartbeat)
	return ok
}

// Heartbeats lists who is expected to report over and over.
func (b backend) Heartbeats(ctx context.Context) (list []correlate.HeartbeatView, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		list = e.Heartbeats()
		return nil
	})
	return list, err
}

// Unseen sums up the alerts of a period that never reached quell by a webhook.
func (b backend) Unseen(ctx context.Context, since, until time.Time) (list []correlate.UnseenView, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		list = e.Unseen(since, until)
		return nil
	})
	return list, err
}

// Forget expects a heartbeat no longer, until it beats again.
func (b backend) Forget(ctx context.Context, in *correlate.Heartbeat, by, from string) error {
	entry := auditEntry{By: by, From: from, Action: "forget heartbeat", On: in.Name, Detail: in.Labels.String()}
	return b.a.loop.do(ctx, &request{
		inputs: []correlate.Input{in},
		done:   make(chan error, 1),
		check:  func(e *correlate.Engine) error { return e.Expects(in) },
		with: func(s *step) error {
			s.audit(entry)
			return nil
		},
	})
}
