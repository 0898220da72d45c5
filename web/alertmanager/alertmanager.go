// Package alertmanager serves Alertmanager's own API v2 to amtool, Karma and Grafana, which read what fires and silence it. What is posted to
// /api/v2/alerts is handled in package ingest.
//
// It puts what quell decided into Alertmanager's terms. A group is an incident; its labels name the incident and its root. An alert that quell
// explains by another shows as suppressed, inhibited by the alert on the root. Maintenance windows mute, as time intervals do there. A Kubernetes
// event looks like any alert. Errors are JSON strings worded as Alertmanager words them, and parameters that Alertmanager does not know are ignored.
package alertmanager

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"quell/correlate"
	"quell/routing"
	"quell/web"
)

// Version is that of the Alertmanager whose API this is. Tools choose by it how they read answers.
const Version = "0.34.2"

// Limits of readers. All that fires may be much, and there are no pages in this API.
const (
	// maxReaders is how many lists of alerts are made at once; who comes then is asked to come back.
	maxReaders = 4
	// answerTime is how long a reader may take for an answer.
	answerTime = time.Minute
)

// Backend knows what fires, and the program. It is called concurrently.
type Backend interface {
	web.Silencer
	// Firing returns what fires, and the incidents that are open. Nobody changes either afterwards.
	Firing(ctx context.Context) (*Snapshot, error)
	// Setup returns the configuration in force.
	Setup() Setup
}

// Snapshot is what fires at one moment.
type Snapshot struct {
	Firing []correlate.Firing
	// Incidents are those that are open, without their symptoms and members.
	Incidents []*correlate.Incident
}

// Setup is what there is to know about the program and its configuration.
type Setup struct {
	// Route is the root of the route tree; Receivers are the names of all receivers.
	Route     *routing.Route
	Receivers []string
	// Version is quell's; Started is when it started.
	Version string
	Started time.Time
}

// API answers requests. It is safe for concurrent use.
type API struct {
	backend Backend
	log     *slog.Logger
	now     func() time.Time
	// readers holds one element for each list that is being made. A full one turns readers away.
	readers chan struct{}
}

// New returns an API on a backend. now is the wall clock.
func New(b Backend, now func() time.Time, log *slog.Logger) *API {
	return &API{backend: b, log: log, now: now, readers: make(chan struct{}, maxReaders)}
}

// Register adds the paths to a mux.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /api/v2/status":          a.status,
		"GET /api/v2/receivers":       a.receivers,
		"GET /api/v2/alerts":          a.bounded(a.alerts),
		"GET /api/v2/alerts/groups":   a.bounded(a.groups),
		"GET /api/v2/silences":        a.silences,
		"POST /api/v2/silences":       a.putSilence,
		"GET /api/v2/silence/{id}":    a.silence,
		"DELETE /api/v2/silence/{id}": a.expireSilence,
	} {
		mux.Handle(pattern, web.Guard(h))
	}
}

// bounded makes a handler that turns readers away while maxReaders are being answered.
func (a *API) bounded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case a.readers <- struct{}{}:
			defer func() { <-a.readers }()
			// A reader that takes nothing must not keep its place. The connection may have other requests to serve afterwards, for
			// which nothing else lifts the deadline. Only a test's writer knows no deadlines.
			c := http.NewResponseController(w)
			_ = c.SetWriteDeadline(time.Now().Add(answerTime))
			defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
			h(w, r)
		default:
			busy(w, "too many readers")
		}
	}
}
