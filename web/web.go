// Package web is quell's HTTP API for people and their tools: incidents, operator actions, status. The paths that senders post to are in
// package ingest.
//
// Answers are JSON with names in snake_case; errors are {"error": …, "hint": …} with the status that fits. Every answer forbids sniffing,
// caching and framing. The [Gate] stands before all paths, including those of senders: it knows who may ask for what, and keeps pages of other
// sites from posting or reading here through somebody's browser.
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
	"quell/internal/picture"
)

// Backend knows the incidents.
type Backend interface {
	Reader
	Explainer
	Mapper
	Accountant
	Silencer
	Pulse
	Recorder
	Digester
	Postman
	Archivist
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
	// Config returns the texts of the configuration in force, without what may be secret in them.
	Config(ctx context.Context) (*Config, error)
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
	// Integrations are those of all receivers: whether they work, and what waits for them.
	Integrations []Integration `json:"integrations,omitempty"`
	// ServiceGraphs are those that are configured, by name.
	ServiceGraphs []ServiceGraphStatus `json:"service_graphs,omitempty"`
	// SlackSockets are the connections to apps in Socket Mode.
	SlackSockets []SlackSocketStatus `json:"slack_sockets,omitempty"`
	// Webhooks are the sources that are configured, by name, after one without a name for names that none has.
	Webhooks []WebhookStatus `json:"webhooks,omitempty"`
	// Kubernetes tells of each cluster how it is watched.
	Kubernetes []ClusterStatus `json:"kubernetes"`
}

// SlackSocketStatus tells how the connection to an app in Socket Mode does.
type SlackSocketStatus struct {
	// Channels are those whose buttons come over it.
	Channels  []string `json:"channels"`
	Connected bool     `json:"connected"`
	// Since is when that last changed; nil if nothing happened yet.
	Since *time.Time `json:"since,omitempty"`
	// Connects counts the connections so far: Slack closes each after some hours.
	Connects int `json:"connects"`
	// Error is why there is none.
	Error string `json:"error,omitempty"`
}

// WebhookStatus tells how a webhook source does, since the start.
type WebhookStatus struct {
	Webhook string `json:"webhook"`
	// LastTaken is when a body was taken last.
	LastTaken *time.Time `json:"last_taken,omitempty"`
	// LastRefused is the last request that was refused: a secret that was changed on one side only shows here.
	LastRefused *RefusedStatus `json:"last_refused,omitempty"`
}

// RefusedStatus is a request that was refused.
type RefusedStatus struct {
	At time.Time `json:"at"`
	// Reason is a word of quell_webhook_refused_total; Error tells more.
	Reason string `json:"reason"`
	Error  string `json:"error"`
	From   string `json:"from"`
	Code   int    `json:"code"`
	// InARow counts those that were refused since a body was taken last.
	InARow uint64 `json:"in_a_row"`
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

// Server answers requests. It is safe for concurrent use.
type Server struct {
	backend Backend
	admin   Admin
	log     *slog.Logger
	// archive holds a token for each journal that is being written; when it is full, the next one is refused.
	archive chan struct{}
	// pieceTime is journalPieceTime but in tests.
	pieceTime time.Duration
}

// New returns a server.
func New(b Backend, a Admin, log *slog.Logger) *Server {
	return &Server{backend: b, admin: a, log: log, archive: make(chan struct{}, journalReaders), pieceTime: journalPieceTime}
}

// Register adds the paths to a mux. Other methods than a path knows are answered with 405.
func (s *Server) Register(mux *http.ServeMux) {
	for path, methods := range map[string]map[string]http.HandlerFunc{
		"/{$}":                               {http.MethodGet: frontPage},
		"/api/v1/incidents":                  {http.MethodGet: s.listIncidents},
		"/api/v1/incidents/{id}":             {http.MethodGet: s.showIncident},
		"/api/v1/incidents/{id}/why":         {http.MethodGet: s.why},
		"/api/v1/incidents/{id}/cascade.svg": {http.MethodGet: s.cascade("image/svg+xml", (*picture.Image).SVG)},
		"/api/v1/incidents/{id}/cascade.png": {http.MethodGet: s.cascade("image/png", (*picture.Image).PNG)},
		"/api/v1/incidents/{id}/ack":         {http.MethodPost: s.act(correlate.ActionAck)},
		"/api/v1/incidents/{id}/resolve":     {http.MethodPost: s.act(correlate.ActionResolve)},
		"/api/v1/incidents/{id}/feedback":    {http.MethodPost: s.feedback},
		"/api/v1/figures":                    {http.MethodGet: s.figures},
		"/api/v1/journal":                    {http.MethodGet: s.journal},
		"/api/v1/unexplained":                {http.MethodGet: s.unexplained},
		"/api/v1/silences":                   {http.MethodGet: s.listSilences, http.MethodPost: s.putSilence},
		"/api/v1/silences/{id...}":           {http.MethodGet: s.showSilence, http.MethodDelete: s.expireSilence},
		"/api/v1/status":                     {http.MethodGet: s.status},
		"/api/v1/config":                     {http.MethodGet: s.config},
		"/api/v1/topology":                   {http.MethodGet: s.topology}, // POST is package ingest's
		"/-/healthy":                         {http.MethodGet: healthy},
		"/-/ready":                           {http.MethodGet: s.ready},
		"/-/reload":                          {http.MethodPost: s.reload},
		"/api/v1/deliveries":                 {http.MethodGet: s.listDeliveries},
		"/api/v1/deliveries/{id}":            {http.MethodGet: s.showDelivery},
		"/api/v1/deliveries/{id}/retry":      {http.MethodPost: s.retryDelivery},
		"/digest":                            {http.MethodGet: s.digestPage},
		"/api/v1/unseen":                     {http.MethodGet: s.unseen},
		"/api/v1/digest":                     {http.MethodGet: s.digest},
		"/api/v1/heartbeats":                 {http.MethodGet: s.listHeartbeats},
		// POST is package ingest's. Who asks otherwise is told of it here, rather than of DELETE alone.
		"/api/v1/heartbeat/{name}": {http.MethodDelete: s.forgetHeartbeat, http.MethodPost: http.NotFound},
	} {
		mux.Handle(path, Guard(dispatch(methods)))
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

// Guard sets what every answer has. Who may ask at all is decided by the [Gate] before it.
func Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}
