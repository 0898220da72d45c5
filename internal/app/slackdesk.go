package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"quell/correlate"
	"quell/correlate/silence"
	"quell/ingest/callback"
	"quell/web"
)

// sameEnd is how much later a silence has to end than one that there is to be worth another: two people who click at once want one.
const sameEnd = 5 * time.Minute

// Silence keeps an incident's trouble from paging until the incident is over for good, or a time has passed.
func (x callbacks) Silence(ctx context.Context, o *callback.SilenceOrder, from string) (made *callback.SilenceMade, refused bool, err error) {
	in := &correlate.Silence{By: o.By}
	r := &request{done: make(chan error, 1)}
	r.check = func(e *correlate.Engine) error {
		if err := silenceable(e, o); err != nil {
			return err
		}
		lasts, now := e.Policy().Silences.MaxDuration, x.backend.a.options.wall()
		if o.For != 0 {
			lasts = min(o.For, lasts)
		}
		in.Silence = silence.Silence{
			ID: newSilenceID(), Incident: uint64(o.Incident), StartsAt: now, EndsAt: now.Add(lasts), CreatedBy: o.By,
			Comment: "from the message of " + o.Incident.String() + " at Slack",
		}
		for _, s := range e.SilencesOf(o.Incident) {
			if s.EndsAt.After(in.EndsAt.Add(-sameEnd)) {
				return &web.ConflictError{Reason: fmt.Sprintf("incident %s is silenced already, by %s, until %s",
					o.Incident, s.CreatedBy, s.EndsAt.UTC().Format("2006-01-02 15:04 MST"))}
			}
		}
		r.inputs = []correlate.Input{in}
		return refusedSilence(e.AllowsSilence(in))
	}
	r.with = func(s *step) error {
		s.silenced(in, from)
		return nil
	}
	if err := x.backend.a.loop.do(ctx, r); err != nil {
		return nil, never(err), err
	}
	return &callback.SilenceMade{ID: in.ID, Until: in.EndsAt}, false, nil
}

// silenceable says why there is nothing to silence, or nil.
func silenceable(e *correlate.Engine, o *callback.SilenceOrder) error {
	switch inc, ok := e.Incident(o.Incident, 1); {
	case !ok:
		return web.ErrNotFound
	case inc.State == correlate.Merged:
		return &web.ConflictError{Reason: fmt.Sprintf("incident %s was merged into %s: act there", inc.ID, inc.MergedInto)}
	case inc.Generation != o.Generation:
		return &web.ConflictError{Reason: fmt.Sprintf("incident %s was reopened since this message: act on the newer one", inc.ID)}
	case !inc.State.Open():
		return &web.ConflictError{Reason: fmt.Sprintf("incident %s is %s already", inc.ID, inc.State)}
	}
	return nil
}

// Feedback keeps what somebody says of an incident's root.
func (x callbacks) Feedback(ctx context.Context, f *correlate.Feedback, from string) (refused bool, err error) {
	inc, refused, err := x.Incident(ctx, f.Incident)
	if err != nil {
		return refused, err
	}
	if slices.ContainsFunc(inc.Feedback, func(s correlate.Said) bool { return s.Repeats(f) }) {
		return false, nil
	}
	err = x.backend.Feedback(ctx, f, from)
	return never(err), err
}

// Incident returns an incident, be it over or not.
func (x callbacks) Incident(ctx context.Context, id correlate.IncidentID) (inc *correlate.Incident, refused bool, err error) {
	inc, err = x.backend.Incident(ctx, id)
	return inc, never(err), err
}

// never reports whether an error says that something never will be possible.
func never(err error) bool {
	_, conflict := errors.AsType[*web.ConflictError](err)
	_, invalid := errors.AsType[*silence.InvalidError](err)
	_, broad := errors.AsType[*silence.BroadError](err)
	return conflict || invalid || broad || errors.Is(err, web.ErrNotFound)
}

// silenced notes that a silence was made or changed, and shows it where its incident was told.
func (s *step) silenced(in *correlate.Silence, from string) {
	s.audit(auditEntry{By: in.By, From: from, Action: "silence", On: in.ID, Detail: describeSilence(in)})
	if in.Incident != 0 {
		s.restate(correlate.IncidentID(in.Incident), fmt.Sprintf("silenced by %s until it is over, or %s at the latest", in.By, in.EndsAt.UTC().Format("2006-01-02 15:04 MST")))
	}
}

// restate brings the messages about an incident up to date, unless this step does it anyway.
func (s *step) restate(id correlate.IncidentID, reason string) {
	for i := range s.deliveries {
		if inc := s.deliveries[i].Incident; inc != nil && inc.ID == id {
			return
		}
	}
	if inc, ok := s.loop.engine.Incident(id, correlate.MaxShown); ok {
		s.deliver(s.loop.escalations.Restate(s.at, inc, reason))
	}
}

// slackPlaces are the channels where people can act.
func (a *App) slackPlaces() []callback.SlackPlace {
	var places []callback.SlackPlace
	for _, r := range a.current.Load().config.Receivers {
		for i := range r.Slack {
			c := &r.Slack[i]
			if c.SigningSecret == "" && c.AppToken == "" {
				continue
			}
			places = append(places, callback.SlackPlace{
				SigningSecret: c.SigningSecret, AppToken: c.AppToken, BotToken: c.Token,
				APIURL: c.APIURL, Channel: c.Channel, AllowedUsers: c.AllowedUsers,
			})
		}
	}
	return places
}
