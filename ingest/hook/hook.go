// Package hook takes in whatever other tools post: `POST /api/v1/webhook/NAME`, for the sources that a configuration names. Each source says
// how its sender proves who it is, and how its bodies become alerts and events (package rules/webhook).
//
// Nothing that an authenticated sender says is lost in silence: what cannot be mapped becomes an alert about the source itself.
package hook

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/ingest"
	"quell/rules/webhook"
)

// Source is somebody who posts.
type Source struct {
	// Name is part of the path, and of what comes of it: the label webhook.
	Name    string
	Mapping *webhook.Mapping
	Auth    Auth
	// AllowUnauthenticated lets everybody post who can reach quell, if Auth is empty. Otherwise only this machine may.
	AllowUnauthenticated bool
	// Labels are added to alerts that do not have them.
	Labels map[string]string
	// MaxItems is how many items of a body are looked at.
	MaxItems int
}

// Report is an input on its way to the engine.
type Report struct {
	Input correlate.Input
	// IfFiring is true for the end of an alert that counts only if the alert fires: senders tell of ends whose beginning nobody heard.
	IfFiring bool
}

// Submitter takes reports on their way to the engine.
type Submitter interface {
	// SubmitReports blocks until the reports are durable, and returns an error if they may not be: then the sender is asked to send them again.
	// It is called concurrently.
	SubmitReports(ctx context.Context, reports []Report) error
}

// Config is what a [Server] needs.
type Config struct {
	// Sources returns the sources in force by their names. It is called for each request, concurrently, so that a reload counts at once.
	Sources func() map[string]*Source
	// Body bounds how bodies are read. A zero MaxBytes means 4 MiB.
	Body ingest.BodyConfig
	// Now tells the time. Nil means [time.Now].
	Now func() time.Time
	// Local reports whether a request comes from this machine, which needs no proof where a source asks for none. Nil believes nobody.
	Local func(*http.Request) bool
	// Transport reaches Amazon's SNS. Nil means [http.DefaultTransport].
	Transport http.RoundTripper
	// Quarantine is told of each body of which something could not be mapped, as in [ingest.Config].
	Quarantine func(path string, body []byte, reason string)
}

const (
	// DefaultMaxItems is how many items of a body are looked at where a source says nothing.
	DefaultMaxItems = 1000
	// maxBodyBytes is how long a body may be.
	maxBodyBytes = 4 << 20
	// maxValues bounds the values of a body: a value takes up some 50 times the two bytes that it has in a hostile body.
	maxValues = 200_000
	// mapFor is how long mapping one body may take.
	mapFor = 5 * time.Second
	// clockSkew is how far clocks may be apart.
	clockSkew = 10 * time.Minute
	// maxQuarantineBytes is how much of a body is kept.
	maxQuarantineBytes = 64 << 10

	path = "/api/v1/webhook/"
)

// Server answers sources. It is safe for concurrent use.
type Server struct {
	cfg     Config
	to      Submitter
	bodies  *ingest.BodyReader
	sns     *snsClient
	seen    *recent
	metrics *metrics
	log     *slog.Logger
	warned  *warned
	// standings are told at [Server.Standings].
	standings *standings
}

// New returns a server that gives what it maps to a submitter. It panics if its metrics are registered already.
func New(cfg Config, to Submitter, reg prometheus.Registerer, log *slog.Logger) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport
	}
	if cfg.Body.MaxBytes == 0 {
		cfg.Body.MaxBytes = maxBodyBytes
	}
	return &Server{
		cfg: cfg, to: to, bodies: ingest.NewBodyReader(cfg.Body), sns: newSNSClient(cfg.Transport, cfg.Now), seen: newRecent(),
		metrics: newMetrics(reg), log: log, warned: newWarned(), standings: newStandings(),
	}
}

// Register adds the server's path to mux.
func (s *Server) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+path+"{name}", s.post)
}

// headersOf are a request's headers by lower-case names. Those of CloudEvents are percent-decoded, as its protocol binding has it.
func headersOf(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for name, values := range h {
		name = strings.ToLower(name)
		switch {
		case name == "authorization" || name == "cookie":
			// Credentials become no labels.
		case strings.HasPrefix(name, "ce-"):
			all[name] = attribute(values[0])
		default:
			all[name] = values[0]
		}
	}
	return all
}
