package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/internal/config"
	others "quell/notify/alertmanager"
	"quell/notify/digest"
	"quell/routing"
	"quell/rules"
	"quell/storage"
	"quell/web"
)

const (
	// digestExpires is how long a digest is worth delivering.
	digestExpires = 24 * time.Hour
	// digestLate is from when on a digest says that it is late.
	digestLate = time.Hour
	// digestMissed bounds how many digests are counted as missed.
	digestMissed = 1000
	// digestLongest is the longest period of a digest, however long quell was down.
	digestLongest = 366 * 24 * time.Hour
	// clockWrong is how far ahead a digest may have been made before the clock was wrong: it is set back by an hour or two now and then.
	clockWrong = 25 * time.Hour
)

// digestMark is what is known of the digests of one entry in the configuration. It is on disk: names may be added, not changed.
type digestMark struct {
	// Last is until when the last digest was about, and Earlier the one before; zero if there was none.
	Last    time.Time `json:"last,omitzero"`
	Earlier time.Time `json:"earlier,omitzero"`
	// From is when the schedule was put in force: what it would have brought before is not made up for.
	From time.Time `json:"from"`
	// Plan is the schedule and its time zone.
	Plan string `json:"plan"`
}

// digestDue is a digest that is to be made. It covers all that were missed.
type digestDue struct {
	since, until time.Time
	missed       int
	late         bool
}

// next decides by the wall clock what has to be made now, and what is to be remembered then. A mark that changes without a digest has to be
// stored, too. Each time that a schedule names brings one digest at most, whatever clock and configuration do.
func (m digestMark) next(d *config.Digest, now time.Time) (digestMark, *digestDue) {
	plan := planOf(d)
	switch {
	case m.Plan != plan:
		// What is new, or has another schedule, begins to count now. What was not reported yet will be.
		m.From, m.Plan = now, plan
	case m.From.After(now.Add(clockWrong)) || m.Last.After(now.Add(clockWrong)):
		m.From = now
	}
	if m.Last.After(now.Add(clockWrong)) {
		if m.Last = m.Earlier; m.Last.After(now) {
			m.Last = time.Time{}
		}
		m.Earlier = time.Time{}
	}
	until := d.Next(latest(m.From, m.Last))
	if until.IsZero() || until.After(now) {
		return m, nil
	}
	due := &digestDue{}
	for next := d.Next(until); !next.IsZero() && !next.After(now); next = d.Next(until) {
		if until, due.missed = next, due.missed+1; due.missed == digestMissed {
			until = d.Previous(now.Add(time.Nanosecond))
			break
		}
	}
	due.until, due.late = until, now.Sub(until) > digestLate || due.missed > 0
	switch {
	case d.Since > 0:
		due.since = until.Add(-d.Since)
	case !m.Last.IsZero():
		due.since = m.Last
	default:
		due.since = d.Previous(until) // the first one is about as long as the others
	}
	due.since = latest(due.since, until.Add(-digestLongest))
	m.Earlier, m.Last = m.Last, until
	return m, due
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// digests makes the digests that are due. That it was made, and what has to be delivered, is one transaction: so each is made
// exactly once, whatever happens, and late if quell was down when it was due.
func (a *App) digests(ctx context.Context) {
	c := a.current.Load()
	known, err := a.digestMarks()
	if err != nil {
		a.log.Warn("digests not made", slog.Any("error", err))
		return
	}
	names := markNames(c.config.Digests, known)
	for i := range c.config.Digests {
		d := &c.config.Digests[i]
		if err := a.digest(ctx, &digestTurn{d, names[i], known[names[i]], plain(a.options.wall())}); err != nil && ctx.Err() == nil {
			a.log.Warn("digest not made", slog.String("receiver", d.Receiver), slog.Any("error", err))
		}
	}
}

// digestTurn is a look at one digest of the configuration: the name and value of its mark, and the wall clock.
type digestTurn struct {
	*config.Digest
	name string
	mark digestMark
	now  time.Time
}

func (a *App) digest(ctx context.Context, d *digestTurn) error {
	next, due := d.mark.next(d.Digest, d.now)
	if next == d.mark {
		return nil
	}
	var body bytes.Buffer
	if due != nil {
		report, err := a.makeDigest(ctx, &digestSpec{
			since: due.since, until: due.until, matchers: d.Matchers,
			Options: digest.Options{Location: d.Location, Title: d.Title, Night: d.Night, Late: due.late, Missed: due.missed},
		})
		if err != nil {
			return err
		}
		if err := report.JSON(&body); err != nil {
			return err
		}
	}
	return a.loop.do(ctx, &request{done: make(chan error, 1), with: func(s *step) error {
		s.put(storage.Marks, d.name, next)
		if due != nil {
			s.deliver(digestDeliveries(a.current.Load(), d.Receiver, d.name, due.until, d.now, body.Bytes()))
		}
		return nil
	}})
}

// digestDeliveries addresses a digest to all of a receiver that have a way to show it.
func digestDeliveries(c *setup, receiver, mark string, due, now time.Time, body json.RawMessage) []routing.Delivery {
	var list []routing.Delivery
	for _, t := range c.config.Targets()[receiver] {
		if t.Type != "slack" && !others.TakesDigests(t.Type) {
			continue
		}
		list = append(list, routing.Delivery{
			Target: t, Action: routing.Digest, Key: "quell/" + mark + "/" + due.Format(time.RFC3339), Digest: body,
			Created: now, Expires: now.Add(digestExpires),
		})
	}
	return list
}

// digestSpec is a digest that somebody asks for. Of Options, makeDigest fills in what the incidents of the store tell.
type digestSpec struct {
	since, until time.Time
	matchers     labels.Matchers
	digest.Options
}

// makeDigest makes a digest of what is known now.
func (a *App) makeDigest(ctx context.Context, spec *digestSpec) (*digest.Digest, error) {
	c := a.current.Load()
	location := spec.Location
	if location == nil {
		location = time.UTC
	}
	from := digest.PastSince(spec.since.In(location), spec.until.In(location))
	incidents, known, err := a.history(ctx, from, spec.matchers)
	if err != nil {
		return nil, err
	}
	opts := spec.Options
	opts.ExternalURL, opts.Matchers = c.config.ExternalURL, matchersText(spec.matchers)
	opts.KnownSince = latest(known, plain(a.options.wall()).Add(-c.config.Retention.IncidentsAge))
	if len(spec.matchers) == 0 {
		// Of what never came here no labels are known, only the name.
		if opts.Unseen, err = (backend{a}).Unseen(ctx, spec.since, spec.until); err != nil {
			return nil, err
		}
	}
	return digest.Build(incidents, spec.since, spec.until, opts), nil
}

// digestTypes are the content types of the forms of a digest.
var digestTypes = map[string]string{
	"json": "application/json", "slack": "application/json", "text": "text/plain; charset=utf-8", "markdown": "text/markdown; charset=utf-8",
}

// Digest makes the digest that somebody asks for.
func (b backend) Digest(ctx context.Context, q *web.DigestQuery) (*web.Document, error) {
	d, err := b.a.makeDigest(ctx, &digestSpec{since: q.Since, until: q.Until, matchers: q.Matchers, Options: digest.Options{Location: q.Location}})
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	switch q.Format {
	case web.FormatPage:
		err = d.HTML(&body, b.a.digestLinks(q))
		return &web.Document{Type: "text/html; charset=utf-8", Style: digest.StyleHash, Body: body.Bytes()}, err
	case "slack":
		body.Write(d.Slack())
	case "text":
		err = d.Text(&body)
	case "markdown":
		err = d.Markdown(&body)
	default:
		err = d.JSON(&body)
	}
	return &web.Document{Type: cmp.Or(digestTypes[q.Format], digestTypes["json"]), Body: body.Bytes()}, err
}

// matchersText writes matchers as people do.
func matchersText(ms labels.Matchers) string {
	var b bytes.Buffer
	for n, m := range ms {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.String())
	}
	return b.String()
}

// history returns copies of all incidents that match and were open at since or later, and from when on all incidents are known, but for
// those that retention dropped.
func (a *App) history(ctx context.Context, since time.Time, ms labels.Matchers) (list []*correlate.Incident, known time.Time, err error) {
	byID := make(map[correlate.IncidentID]*correlate.Incident)
	earliest := time.Time{}
	see := func(inc *correlate.Incident) {
		if earliest.IsZero() || inc.Opened.Before(earliest) {
			earliest = inc.Opened
		}
	}
	err = a.store.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		inc := new(correlate.Incident)
		if err := json.Unmarshal(v, inc); err != nil {
			return err
		}
		see(inc)
		if inc.Closed != nil && !inc.Closed.Before(since) && rules.Matches(ms, inc.Labels) {
			inc.Timeline = nil
			byID[inc.ID] = inc
		}
		return nil
	})
	if err != nil {
		return nil, known, err
	}
	err = a.loop.look(ctx, func(e *correlate.Engine) error {
		known = e.KnownSince()
		for _, inc := range e.Incidents(func(i *correlate.Incident) bool { return i.State.Open() }) {
			see(inc)
			delete(byID, inc.ID) // history is of a life before
			if rules.Matches(ms, inc.Labels) {
				byID[inc.ID] = inc
			}
		}
		return nil
	})
	if err != nil {
		return nil, known, err
	}
	if !earliest.IsZero() && (known.IsZero() || earliest.Before(known)) {
		known = earliest
	}
	list = make([]*correlate.Incident, 0, len(byID))
	for _, inc := range byID {
		list = append(list, inc)
	}
	sortNewestFirst(list)
	return list, known, nil
}
