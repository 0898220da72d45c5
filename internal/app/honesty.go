package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/storage"
	"quell/web"
)

// Figures counts what waiting did, from history and what the engine knows.
func (b backend) Figures(ctx context.Context, p honesty.Period) (*honesty.Figures, error) {
	records := make(map[correlate.IncidentID]honesty.Record)
	err := b.a.store.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		// Symptoms and timelines are most of a row: they are skipped.
		var inc struct {
			ID                 correlate.IncidentID `json:"id"`
			Class              string               `json:"class"`
			Generations        []honesty.Generation `json:"generations"`
			EarlierGenerations int                  `json:"earlier_generations"`
		}
		if err := json.Unmarshal(v, &inc); err != nil {
			return err
		}
		records[inc.ID] = (&correlate.Incident{
			ID: inc.ID, Class: inc.Class, Generations: inc.Generations, EarlierGenerations: inc.EarlierGenerations,
		}).Record()
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What the engine knows is newer than history, so it is looked at last.
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		for _, inc := range e.Incidents(nil) {
			records[inc.ID] = inc.Record()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]honesty.Record, 0, len(records))
	for _, r := range records {
		list = append(list, r)
	}
	f := honesty.Count(list, p)
	return &f, nil
}

// Feedback keeps what an operator says, in history too, so that it stays when the engine forgets the incident.
func (b backend) Feedback(ctx context.Context, f *correlate.Feedback, from string) error {
	entry := auditEntry{By: f.By, From: from, Action: "feedback", On: f.Incident.String(), Detail: feedbackText(f)}
	return b.a.loop.do(ctx, &request{
		inputs: []correlate.Input{f},
		done:   make(chan error, 1),
		check: func(e *correlate.Engine) error {
			inc, ok := e.Incident(f.Incident, 1)
			if !ok {
				var err error
				if inc, err = b.remembered(f.Incident); err != nil {
					return err
				}
			}
			if inc.State == correlate.Merged {
				return &web.ConflictError{Reason: fmt.Sprintf("incident %s was merged into %s: what you know belongs there", inc.ID, inc.MergedInto)}
			}
			return nil
		},
		with: func(s *step) error {
			s.audit(entry)
			s.restate(f.Incident, feedbackText(f))
			return s.heard(f)
		},
	})
}

// heard brings history up to date with feedback. An open incident has none yet.
func (s *step) heard(f *correlate.Feedback) error {
	if inc, ok := s.loop.engine.Incident(f.Incident, 1); ok {
		if !inc.State.Open() {
			s.remember(f.Incident)
		}
		return nil
	}
	v, err := s.stored(storage.Incidents, historyKey(f.Incident))
	if err != nil || v == nil {
		return err // nil, if retention took it between the check and now
	}
	inc := new(correlate.Incident)
	if err := json.Unmarshal(v, inc); err != nil {
		return err
	}
	inc.Hear(s.at, f)
	s.put(storage.Incidents, historyKey(f.Incident), inc)
	return nil
}

// stored returns a row as it will be once the step is stored, nil if there is none.
func (s *step) stored(t storage.Table, key string) ([]byte, error) {
	for _, c := range slices.Backward(s.changes) {
		if c.Table == t && string(c.Key) == key {
			return c.Value, nil
		}
	}
	return s.loop.store.Get(t, []byte(key))
}

// feedbackText says it in one line.
func feedbackText(f *correlate.Feedback) string {
	said := correlate.Said{By: f.By, ShouldHavePaged: f.ShouldHavePaged, Root: f.Root, NotRoot: f.NotRoot, Comment: f.Comment}
	return said.String()
}

// Metrics of what waiting did. They count generations that are over for good: an incident that may still be reopened counts when it is,
// or when it no longer can be. They are a part of the engine's state, so that they never fall, not even in a restart.
var (
	pagesDesc = prometheus.NewDesc("quell_pages_total",
		"Pages by what became of them (needed, unneeded, lost, merged, withdrawn), counted when that can no longer change.", []string{"fate"}, nil)
	holdsDesc = prometheus.NewDesc("quell_holds_total",
		"Holds by what became of them (healed, paged, handled, lost, silenced, muted), counted when that can no longer change.", []string{"fate"}, nil)
	holdDelayDesc = prometheus.NewDesc("quell_hold_delay_seconds",
		"By how much holds put pages off that were sent in the end.", nil, nil)
	suppressionsDesc = prometheus.NewDesc("quell_suppressions_total",
		"What quell kept quiet about, by what showed later (right, came_back, marked, unknown).", []string{"verdict"}, nil)
	feedbackDesc = prometheus.NewDesc("quell_feedback_total", "What operators said about incidents.", []string{"should_have_paged"}, nil)
)

func describeTally(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pagesDesc, holdsDesc, holdDelayDesc, suppressionsDesc, feedbackDesc} {
		ch <- d
	}
}

func collectTally(ch chan<- prometheus.Metric, t *honesty.Tally) {
	counts := func(d *prometheus.Desc, by map[string]int) {
		for label, n := range by {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), label)
		}
	}
	p, h, s := &t.Pages, &t.Holds, &t.Suppression
	counts(pagesDesc, map[string]int{"needed": p.Needed, "unneeded": p.Unneeded, "lost": p.Lost, "merged": p.Merged, "withdrawn": p.Withdrawn})
	counts(holdsDesc, map[string]int{"healed": h.Healed, "paged": h.Paged, "handled": h.Handled, "lost": h.Lost, "silenced": h.Silenced, "muted": h.Muted})
	counts(suppressionsDesc, map[string]int{"right": s.Judged - s.False, "came_back": s.CameBack, "marked": s.Marked, "unknown": s.Unknown})
	counts(feedbackDesc, map[string]int{"true": t.ShouldHavePaged, "false": t.NeedNotHavePaged})
	buckets, total := make(map[float64]uint64, len(honesty.DelayBounds)), uint64(0)
	for k, bound := range honesty.DelayBounds {
		total += uint64(t.Delays[k])
		buckets[bound] = total
	}
	total += uint64(t.Delays[len(honesty.DelayBounds)])
	ch <- prometheus.MustNewConstHistogram(holdDelayDesc, total, t.DelaySeconds, buckets)
}
