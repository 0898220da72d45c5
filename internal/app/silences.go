package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/web"
)

// Silences returns the silences that are known, and the maintenance windows that are open.
func (b backend) Silences(ctx context.Context) (list []correlate.SilenceView, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		list = e.Silences()
		return nil
	})
	return list, err
}

// PutSilence makes a silence or changes one.
func (b backend) PutSilence(ctx context.Context, in *correlate.Silence, from string) (id string, err error) {
	next := *in
	r := &request{done: make(chan error, 1)}
	r.check = func(e *correlate.Engine) error {
		r.inputs = nil
		if next.ID != "" {
			old, known := e.KnownSilence(next.ID)
			if !known {
				return fmt.Errorf("%w: %s", web.ErrUnknownSilence, next.ID)
			}
			if !old.CanBecome(&next.Silence, e.Now()) {
				// What was silenced in the past stays known: the old one ends, and another begins.
				if old.State(e.Now()) != silence.Expired {
					r.inputs = append(r.inputs, expiry(next.ID, next.By))
				}
				next.ID = ""
			}
		}
		if next.ID == "" {
			next.ID = newSilenceID()
		}
		if err := refusedSilence(e.AllowsSilence(&next)); err != nil {
			return err
		}
		r.inputs = append(r.inputs, &next)
		return nil
	}
	r.with = func(s *step) error {
		s.silenced(&next, from)
		return nil
	}
	if err := b.a.loop.do(ctx, r); err != nil {
		return "", err
	}
	return next.ID, nil
}

// ExpireSilence ends a silence.
func (b backend) ExpireSilence(ctx context.Context, id, by, from string) error {
	in := expiry(id, by)
	return b.a.loop.do(ctx, &request{
		inputs: []correlate.Input{in},
		done:   make(chan error, 1),
		check:  func(e *correlate.Engine) error { return refusedSilence(e.AllowsSilence(in)) },
		with: func(s *step) error {
			s.audit(auditEntry{By: by, From: from, Action: "expire-silence", On: id})
			if ended, _ := s.loop.engine.KnownSilence(id); ended.Incident != 0 {
				s.restate(correlate.IncidentID(ended.Incident), "silence "+id+" ended by "+by)
			}
			return nil
		},
	})
}

func expiry(id, by string) *correlate.Silence {
	return &correlate.Silence{Silence: silence.Silence{ID: id}, Expire: true, By: by}
}

// refusedSilence says it as the API does.
func refusedSilence(err error) error {
	_, invalid := errors.AsType[*silence.InvalidError](err)
	_, broad := errors.AsType[*silence.BroadError](err)
	switch {
	case err == nil, invalid, broad:
		return err
	case errors.Is(err, correlate.ErrUnknownSilence):
		return fmt.Errorf("%w: %w", web.ErrUnknownSilence, err)
	case errors.Is(err, correlate.ErrUnknownIncident):
		return fmt.Errorf("%w: %w", web.ErrNotFound, err)
	}
	return &web.ConflictError{Reason: err.Error()}
}

// newSilenceID makes a random UUID, as Alertmanager's are.
func newSilenceID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// describeSilence says for the audit log what a silence is about.
func describeSilence(in *correlate.Silence) string {
	var about []string
	if len(in.Matchers) > 0 {
		about = append(about, in.Matchers.String())
	}
	for _, entity := range in.Entities {
		about = append(about, string(entity)+" and what depends on it")
	}
	if in.Incident != 0 {
		about = append(about, correlate.IncidentID(in.Incident).String()+" until it is over")
	}
	text := fmt.Sprintf("%s until %s", strings.Join(about, ", "), in.EndsAt.UTC().Format("2006-01-02T15:04:05Z07:00"))
	if in.Force {
		text += ", forced"
	}
	return text
}
