// Package web is quell's HTTP API for people and their tools: incidents, operator actions, status. What senders post to is in
// package ingest.
//
// Answers are JSON with names in snake_case; errors are {"error": …, "hint": …} with the status that fits. Every answer forbids
// sniffing, caching and framing, and a page of another site cannot make a browser post here.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"quell/correlate"
)

// Backend knows the incidents.
type Backend interface {
	Reader
	Explainer
	Mapper
	// Command carries out an operator's action and returns once it is durable. from is the address that asked, for the audit log.
	// The error is [ErrNotFound], a [*ConflictError] where the incident's state forbids the action, or says why nothing can
	// be done now.
	Command(ctx context.Context, c *correlate.Command, from string) error
}

// Reader looks things up. What it returns is not changed afterwards, by anybody.
type Reader interface {
	// Incidents returns those that match, newest first, at most q.Limit.
	Incidents(ctx context.Context, q Query) (*Page, error)
	// Incident returns one with all that is known, or [ErrNotFound].
	Incident(ctx context.Context, id correlate.IncidentID) (*correlate.Incident, error)
	// Unexplained returns at most limit of the active alerts that belong to no incident, and how many there are.
	Unexplained(ctx context.Context, limit int) (views []correlate.SymptomView, total int, err error)
}

// Explainer says why.
type Explainer interface {
	// Why explains an incident and at most limit of its symptoms, or returns [ErrNotFound]. The answer is not changed afterwards.
	Why(ctx context.Context, id correlate.IncidentID, limit int) (*correlate.Explanation, error)
}

// Admin knows the program itself.
type Admin interface {
	Status(ctx context.Context) (*Status, error)
	// Reload reads the configuration anew and puts it in force, or returns what is wrong with it, a line for each problem, and
	// leaves the one in force.
	Reload(ctx context.Context, from string) error
	// Ready returns why quell is degraded or not up yet, or nil.
	Ready() error
}

// ErrNotFound says that there is no such incident, or not any more.
var ErrNotFound = errors.New("no such incident")

// ConflictError says why an incident's state forbids an action.
type ConflictError struct{ Reason string }

// Error returns the reason.
func (e *ConflictError) Error() string { return e.Reason }

// Page is a part of a list of incidents.
type Page struct {
	Incidents []*correlate.Incident
	// More is true if older ones match as well.
	More bool
}

// Status is what there is to know about the program.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// StoreID names the store, Seq is the number of its newest journal record.
	StoreID string       `json:"store_id"`
	Seq     uint64       `json:"seq"`
	Config  ConfigStatus `json:"config"`
	// Degraded are the reasons why quell cannot do all it should. None is good.
	Degraded []string `json:"degraded"`
	// Engine counts what the engine holds.
	Engine correlate.Figures `json:"-"`
	// PendingDeliveries counts messages that were decided and not accepted yet.
	PendingDeliveries int `json:"pending_deliveries"`
	// ServiceGraphs are those that are configured, by name.
	ServiceGraphs []ServiceGraphStatus `json:"service_graphs,omitempty"`
	// Kubernetes tells of each cluster how it is watched.
	Kubernetes []ClusterStatus `json:"kubernetes"`
}

// ClusterStatus tells how a cluster is watched.
type ClusterStatus struct {
	Cluster string `json:"cluster"`
	// Synced is true once every kind that can be watched was listed.
	Synced bool `json:"synced"`
	// StaleSince is since when what is known of some kind may be out of date.
	StaleSince *time.Time `json:"stale_since,omitempty"`
	// Error is why there is no connection to try at all.
	Error string `json:"error,omitempty"`
	// SkewSeconds is how far the clock of the API server is ahead.
	SkewSeconds float64 `json:"clock_skew_seconds"`
	// Checkpoint is the resource version up to which events are durable.
	Checkpoint string       `json:"checkpoint,omitempty"`
	Kinds      []KindStatus `json:"kinds"`
}

// KindStatus tells how a kind is watched, in one namespace if only that is watched.
type KindStatus struct {
	Resource  string `json:"resource"`
	API       string `json:"api"`
	Namespace string `json:"namespace,omitempty"`
	// State is syncing, synced, failing, forbidden or absent.
	State   string `json:"state"`
	Objects int    `json:"objects"`
	// Refused counts objects that could not be used.
	Refused      uint64     `json:"refused,omitempty"`
	LastHeard    *time.Time `json:"last_heard,omitempty"`
	LastError    string     `json:"last_error,omitempty"`
	LastFailed   *time.Time `json:"last_failed,omitempty"`
	FailingSince *time.Time `json:"failing_since,omitempty"`
}

// ConfigStatus tells which configuration is in force.
type ConfigStatus struct {
	Hash  string   `json:"hash"`
	Files []string `json:"files"`
	// Loaded is when it was put in force.
	Loaded time.Time `json:"loaded"`
	// Error is what was wrong with the last one that was not taken; empty if it was.
	Error string `json:"error,omitempty"`
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	backend Backend
	admin   Admin
	log     *slog.Logger
}

// New returns a server.
func New(b Backend, a Admin, log *slog.Logger) *Server {
	return &Server{backend: b, admin: a, log: log}
}

// Register adds the paths to a mux. Other methods than a path knows are answered with 405.
func (s *Server) Register(mux *http.ServeMux) {
	for path, methods := range map[string]map[string]http.HandlerFunc{
		"/api/v1/incidents":              {http.MethodGet: s.listIncidents},
		"/api/v1/incidents/{id}":         {http.MethodGet: s.showIncident},
		"/api/v1/incidents/{id}/why":     {http.MethodGet: s.why},
		"/api/v1/incidents/{id}/ack":     {http.MethodPost: s.act(correlate.ActionAck)},
		"/api/v1/incidents/{id}/resolve": {http.MethodPost: s.act(correlate.ActionResolve)},
		"/api/v1/unexplained":            {http.MethodGet: s.unexplained},
		"/api/v1/status":                 {http.MethodGet: s.status},
		"/api/v1/topology":               {http.MethodGet: s.topology}, // POST is package ingest's
		"/-/healthy":                     {http.MethodGet: healthy},
		"/-/ready":                       {http.MethodGet: s.ready},
		"/-/reload":                      {http.MethodPost: s.reload},
	} {
		mux.Handle(path, guard(dispatch(methods)))
	}
}

// dispatch picks the handler by method.
func dispatch(methods map[string]http.HandlerFunc) http.Handler {
	allowed := make([]string, 0, 2)
	for m := range methods {
		if allowed = append(allowed, m); m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := r.Method
		if m == http.MethodHead {
			m = http.MethodGet // net/http leaves the body out
		}
		h, ok := methods[m]
		if !ok {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			fail(w, http.StatusMethodNotAllowed, r.Method+" is not possible here", "use "+strings.Join(allowed, " or "))
			return
		}
		h(w, r)
	})
}

// guard sets what every answer has, and refuses what a browser sends on behalf of another site.
func guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "the request comes from a page of another site", "")
	}))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
