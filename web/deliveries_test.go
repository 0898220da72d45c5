package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (m *memory) Deliveries(_ context.Context, q DeliveryQuery) (*DeliveryPage, error) {
	p := &DeliveryPage{Deliveries: []Delivery{}, Integrations: []Integration{{Receiver: "oncall", Integration: "pagerduty[0]", Breaker: "open", Failures: 7}}}
	for id := max(q.From, 1); id <= 3; id++ {
		if len(p.Deliveries) == q.Limit {
			p.More = true
			break
		}
		d := Delivery{ID: id, State: DeliveryPending, Receiver: q.Receiver, Action: "trigger", Incident: 7, Created: start, Expires: start}
		if q.Dead {
			d.State, d.Died = DeliveryDead, &start
		}
		p.Deliveries = append(p.Deliveries, d)
	}
	return p, m.err
}

func (m *memory) Delivery(ctx context.Context, id uint64) (*Delivery, error) {
	if id > 3 {
		return nil, ErrUnknownDelivery
	}
	p, err := m.Deliveries(ctx, DeliveryQuery{From: id, Limit: 1})
	return &p.Deliveries[0], err
}

func (m *memory) RetryDelivery(_ context.Context, id uint64, r Retry) (uint64, error) {
	switch {
	case id > 3:
		return 0, ErrUnknownDelivery
	case id == 2 && !r.Force:
		return 0, &ConflictError{Reason: "inc-7 is over (resolved)"}
	}
	m.commands = append(m.commands, fmt.Sprintf("retry %d by %s force %t", id, r.By, r.Force))
	return id + 100, m.err
}

func TestDeliveriesAreListedShownAndRetried(t *testing.T) {
	f := newFixture(0)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/v1/deliveries", "", 200, `{"deliveries":[{"id":1,"state":"pending","receiver":"","integration":"","action":"trigger","incident":"inc-7"`},
		{"GET", "/api/v1/deliveries", "", 200, `"integrations":[{"receiver":"oncall","integration":"pagerduty[0]","breaker":"open","failures":7,"pending":0,"dead":0}]`},
		{"GET", "/api/v1/deliveries?state=dead&receiver=x&limit=1", "", 200, `"state":"dead","receiver":"x"`},
		{"GET", "/api/v1/deliveries?state=dead&receiver=x&limit=1", "", 200, `"next":"2"`},
		{"GET", "/api/v1/deliveries?cursor=3", "", 200, `{"deliveries":[{"id":3`},
		{"GET", "/api/v1/deliveries?state=gone", "", 400, `state: \"gone\" is neither pending nor dead`},
		{"GET", "/api/v1/deliveries?limit=0", "", 400, "limit: "},
		{"GET", "/api/v1/deliveries?cursor=x", "", 400, "cursor: "},
		{"GET", "/api/v1/deliveries?stat=dead", "", 400, "stat: there is no such parameter"},
		{"GET", "/api/v1/deliveries/2", "", 200, `{"id":2,`},
		{"GET", "/api/v1/deliveries/9", "", 404, "no such delivery"},
		{"GET", "/api/v1/deliveries/x", "", 400, "is no id of a delivery"},
		{"POST", "/api/v1/deliveries/1/retry", "", 200, `{"status":"tried again","id":101}`},
		{"POST", "/api/v1/deliveries/2/retry", `{"by":"ada"}`, 409, "inc-7 is over (resolved)"},
		{"POST", "/api/v1/deliveries/2/retry", `{"by":"ada","force":true}`, 200, `"id":102`},
		{"POST", "/api/v1/deliveries/9/retry", "", 404, "no such delivery"},
		{"POST", "/api/v1/deliveries/1/retry", `{"who":"ada"}`, 400, "unknown field"},
		{"POST", "/api/v1/deliveries/1/retry", `{} {}`, 400, "something follows"},
		{"GET", "/api/v1/deliveries/1/retry", "", 405, "use POST"},
	} {
		if w := f.ask(c.method, c.path, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
	if diff := cmp.Diff([]string{"retry 1 by api force false", "retry 2 by ada force true"}, f.memory.commands); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.memory.err = errors.New("busy")
	if w := f.ask("GET", "/api/v1/deliveries", ""); w.Code != 503 {
		t.Errorf("got %d of a backend that cannot answer, want 503", w.Code)
	}
}
