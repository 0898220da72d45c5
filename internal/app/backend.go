package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/storage"
	"quell/web"
)

// backend answers the API from the engine, and from history where the engine has forgotten.
type backend struct{ a *App }

// Incidents returns the newest incidents that match.
func (b backend) Incidents(ctx context.Context, q web.Query) (*web.Page, error) {
	var list []*correlate.Incident
	inEngine := make(map[correlate.IncidentID]bool)
	err := b.a.loop.look(ctx, func(e *correlate.Engine) error {
		for _, inc := range e.Incidents(nil) {
			inEngine[inc.ID] = true
			if q.Entity != "" {
				whole, _ := e.Incident(inc.ID, 0)
				inc.Members = whole.Members
			}
			if q.Match(inc) {
				inc.Members = nil
				list = append(list, inc)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = b.a.store.Scan(storage.Incidents, nil, nil, func(_, v []byte) error {
		inc := new(correlate.Incident)
		if err := json.Unmarshal(v, inc); err != nil {
			return err
		}
		if !inEngine[inc.ID] && q.Match(inc) {
			inc.Symptoms, inc.Timeline, inc.Members = nil, nil, nil
			list = append(list, inc)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sortNewestFirst(list)
	p := &web.Page{Incidents: list}
	if len(list) > q.Limit {
		p.Incidents, p.More = list[:q.Limit], true
	}
	return p, nil
}

// Incident returns one with all that is known.
func (b backend) Incident(ctx context.Context, id correlate.IncidentID) (inc *correlate.Incident, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		if found, ok := e.Incident(id, 0); ok {
			inc, found.Escalation = found, b.a.loop.escalations.View(id)
		}
		return nil
	})
	if err != nil || inc != nil {
		return inc, err
	}
	return b.remembered(id)
}

// remembered finds an incident that the engine has forgotten.
func (b backend) remembered(id correlate.IncidentID) (*correlate.Incident, error) {
	v, err := b.a.store.Get(storage.Incidents, []byte(historyKey(id)))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, web.ErrNotFound
	}
	inc := new(correlate.Incident)
	return inc, json.Unmarshal(v, inc)
}

// Why explains an incident, by what history holds of it if the engine has forgotten it.
func (b backend) Why(ctx context.Context, id correlate.IncidentID, limit int) (x *correlate.Explanation, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		if x, _ = e.Explain(id, limit); x != nil {
			x.Incident.Escalation = b.a.loop.escalations.View(id)
		}
		return nil
	})
	if err != nil || x != nil {
		return x, err
	}
	inc, err := b.remembered(id)
	if err != nil {
		return nil, err
	}
	return correlate.ExplainStored(inc), nil
}

// Neighbourhood returns what the topology knows next to an entity.
func (b backend) Neighbourhood(ctx context.Context, entity topology.Entity, limit int) (h *correlate.Neighbourhood, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		h, _ = e.Neighbourhood(entity, limit)
		return nil
	})
	if err == nil && h == nil {
		err = web.ErrUnknownEntity
	}
	return h, err
}

// Unexplained returns active alerts that belong to no incident.
func (b backend) Unexplained(ctx context.Context, limit int) (views []correlate.SymptomView, total int, err error) {
	err = b.a.loop.look(ctx, func(e *correlate.Engine) error {
		views, total = e.Unexplained(limit)
		return nil
	})
	return views, total, err
}

// Command carries out an operator's action.
func (b backend) Command(ctx context.Context, c *correlate.Command, from string) error {
	entry := auditEntry{By: c.By, From: from, Action: string(c.Action), On: c.Incident.String()}
	return b.a.loop.do(ctx, &request{
		inputs: []correlate.Input{c},
		done:   make(chan error, 1),
		check: func(e *correlate.Engine) error {
			if _, ok := e.Incident(c.Incident, 1); !ok {
				return web.ErrNotFound
			}
			if err := e.Allows(c); err != nil {
				return &web.ConflictError{Reason: err.Error()}
			}
			return nil
		},
		with: func(s *step) error {
			s.audit(entry)
			return nil
		},
	})
}

// admin answers for the program itself.
type admin struct{ a *App }

// Status tells what runs.
func (x admin) Status(ctx context.Context) (*web.Status, error) {
	a, c := x.a, x.a.current.Load()
	st := &web.Status{
		Version: a.options.Version, Started: plain(a.started), StoreID: a.store.ID(), Degraded: a.safe.active(),
		Config:        a.configStatus(c),
		ServiceGraphs: a.graphs.status(), SlackSockets: a.sockets.status(), Webhooks: a.webhookStatus(),
	}
	err := a.loop.look(ctx, func(e *correlate.Engine) error {
		st.Engine, st.Seq = e.Figures(), a.loop.seq
		return nil
	})
	if err != nil {
		return nil, err
	}
	outbox, err := readOutbox(a.store, 0, 0)
	if err != nil {
		return nil, err
	}
	st.PendingDeliveries = len(outbox)
	st.Integrations, err = a.integrations(ctx)
	for _, w := range a.clusters {
		st.Kubernetes = append(st.Kubernetes, clusterStatus(w.Status()))
	}
	return st, err
}

// Reload puts the configuration file in force.
func (x admin) Reload(ctx context.Context, from string) error { return x.a.reload(ctx, "api", from) }

// Ready says what keeps quell from doing all it should.
func (x admin) Ready() error {
	if list := x.a.safe.active(); len(list) > 0 {
		return errors.New(strings.Join(list, "; "))
	}
	return nil
}

func sortNewestFirst(list []*correlate.Incident) {
	slices.SortFunc(list, func(a, b *correlate.Incident) int { return cmp.Compare(b.ID, a.ID) })
}
