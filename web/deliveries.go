package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"quell/correlate"
)

// ErrUnknownDelivery says that a delivery neither waits nor was given up, or not any more.
var ErrUnknownDelivery = errors.New("no such delivery")

// Postman knows what is on its way to receivers, and what did not get there.
type Postman interface {
	// Deliveries returns those that match by id, at most q.Limit, and how all integrations are. Nobody changes them afterwards.
	Deliveries(ctx context.Context, q DeliveryQuery) (*DeliveryPage, error)
	// Delivery returns one with all that is known, or [ErrUnknownDelivery].
	Delivery(ctx context.Context, id uint64) (*Delivery, error)
	// RetryDelivery has one that was given up tried again, and returns its new id once that is durable. The error is
	// [ErrUnknownDelivery], a [*ConflictError] where it has nothing to tell any more, or says why nothing can be done now.
	RetryDelivery(ctx context.Context, id uint64, r Retry) (retried uint64, err error)
}

// DeliveryQuery selects deliveries.
type DeliveryQuery struct {
	// Dead selects what was given up, else what still waits.
	Dead bool
	// Receiver is whose deliveries; empty means all.
	Receiver string
	// From is the lowest id, Limit how many at most.
	From  uint64
	Limit int
}

// Retry is who asks for one more try.
type Retry struct {
	By string
	// From is the address that asked, for the audit log.
	From string
	// Force insists although the incident is over, or somebody looks at it.
	Force bool
}

// DeliveryPage is a part of a list of deliveries.
type DeliveryPage struct {
	Deliveries []Delivery
	// More is true if later ones match as well.
	More         bool
	Integrations []Integration
}

// States of a delivery.
const (
	DeliveryPending  = "pending"
	DeliveryUnderWay = "under way"
	DeliveryDead     = "dead"
)

// Delivery is one message to one integration.
type Delivery struct {
	ID          uint64 `json:"id"`
	State       string `json:"state"`
	Receiver    string `json:"receiver"`
	Integration string `json:"integration"`
	Action      string `json:"action"`
	// Incident is what it is about; left out for digests and messages of quell about itself.
	Incident correlate.IncidentID `json:"incident,omitzero"`
	Title    string               `json:"title,omitempty"`
	// Key is the dedup key at the receiver, Reason why it was decided.
	Key    string `json:"key"`
	Reason string `json:"reason,omitempty"`
	// Text is that of a message of quell about itself; only in answers about one delivery.
	Text    string    `json:"text,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Attempts counts those of the process that tried it last, Error is what the last of them met.
	Attempts int    `json:"attempts"`
	Error    string `json:"error,omitempty"`
	// NextAttempt is when it is tried again at the earliest, Died when it was given up.
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Died        *time.Time `json:"died,omitempty"`
}

// Integration tells how one integration of a receiver is.
type Integration struct {
	Receiver    string `json:"receiver"`
	Integration string `json:"integration"`
	// Breaker is closed while it works, open while it is not attempted, since it failed over and over, and half-open while one attempt finds
	// out whether it works again. Failures counts those in a row.
	Breaker   string     `json:"breaker"`
	Failures  int        `json:"failures"`
	OpenSince *time.Time `json:"open_since,omitempty"`
	RetryAt   *time.Time `json:"retry_at,omitempty"`
	// Error is why the last attempt failed, FailedAt when; left out if it did not.
	Error    string     `json:"error,omitempty"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
	// Pending counts what waits in memory, Oldest is when the oldest of it was decided; Dead counts what was given up and is kept.
	Pending int        `json:"pending"`
	Oldest  *time.Time `json:"oldest_pending,omitempty"`
	Dead    int        `json:"dead"`
}

const deliveryHint = "parameters are state (pending or dead), receiver, limit, cursor"

func parseDeliveryQuery(v url.Values) (DeliveryQuery, error) {
	q := DeliveryQuery{Limit: DefaultLimit}
	for name, values := range v {
		var err error
		switch value := values[0]; name {
		case "state":
			if q.Dead = value == DeliveryDead; !q.Dead && value != DeliveryPending {
				err = fmt.Errorf("%q is neither pending nor dead", value)
			}
		case "receiver":
			q.Receiver = value
		case "limit":
			q.Limit, err = parseLimit(value)
		case "cursor":
			q.From, err = strconv.ParseUint(value, 10, 64)
		default:
			err = errors.New("there is no such parameter")
		}
		if err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	return q, nil
}

func (s *Server) listDeliveries(w http.ResponseWriter, r *http.Request) {
	q, err := parseDeliveryQuery(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), deliveryHint)
		return
	}
	page, err := s.backend.Deliveries(r.Context(), q)
	if err != nil {
		s.deliveryFailed(w, r, err)
		return
	}
	next := ""
	if n := len(page.Deliveries); page.More && n > 0 {
		next = strconv.FormatUint(page.Deliveries[n-1].ID+1, 10)
	}
	write(w, http.StatusOK, struct {
		Deliveries   []Delivery    `json:"deliveries"`
		Next         string        `json:"next,omitempty"`
		Integrations []Integration `json:"integrations"`
	}{page.Deliveries, next, page.Integrations})
}

func (s *Server) showDelivery(w http.ResponseWriter, r *http.Request) {
	id, ok := s.deliveryID(w, r)
	if !ok {
		return
	}
	d, err := s.backend.Delivery(r.Context(), id)
	if err != nil {
		s.deliveryFailed(w, r, err)
		return
	}
	write(w, http.StatusOK, d)
}

func (s *Server) retryDelivery(w http.ResponseWriter, r *http.Request) {
	id, ok := s.deliveryID(w, r)
	if !ok {
		return
	}
	var body struct {
		By    string `json:"by"`
		Force bool   `json:"force"`
	}
	err := readObject(w, r, &body)
	if err == nil || errors.Is(err, io.EOF) { // to send nothing is fine
		body.By, err = checkBy(body.By)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), `send nothing, or {"by": "NAME", "force": true}`)
		return
	}
	retried, err := s.backend.RetryDelivery(r.Context(), id, Retry{By: body.By, From: r.RemoteAddr, Force: body.Force})
	if err != nil {
		s.deliveryFailed(w, r, err)
		return
	}
	write(w, http.StatusOK, struct {
		Status string `json:"status"`
		ID     uint64 `json:"id"`
	}{"tried again", retried})
}

// deliveryID reads the id of the path, or answers that it is none.
func (s *Server) deliveryID(w http.ResponseWriter, r *http.Request) (id uint64, ok bool) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		fail(w, http.StatusBadRequest, fmt.Sprintf("%q is no id of a delivery", r.PathValue("id")), "GET /api/v1/deliveries lists them")
	}
	return id, err == nil
}

// deliveryFailed answers for an error about deliveries.
func (s *Server) deliveryFailed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrUnknownDelivery) {
		fail(w, http.StatusNotFound, err.Error(), "GET /api/v1/deliveries lists what waits, ?state=dead what was given up and is kept")
		return
	}
	s.failed(w, r, err)
}
