// Package callback receives what people do at the receivers of pages: acknowledging or resolving there counts here as well.
//
// Callers prove with a signature that the receiver sent the request; nothing else about it is trusted. What it asks for is done once, however
// often it arrives, and only to the generation of the incident that the page was about.
package callback

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"quell/correlate"
	"quell/internal/secret"
)

// Commander carries out operators' actions.
type Commander interface {
	// Command returns once the action is durable, or says why it is not possible: refused is true if it never will be, since the
	// incident is gone or its state forbids it. from is where the request came from, for the audit log. It is called concurrently.
	Command(ctx context.Context, c *correlate.Command, from string) (refused bool, err error)
}

// Config is what a [Server] needs.
type Config struct {
	// StoreID is the store whose incidents these are: pages of other stores may share a receiver.
	StoreID string
	// PagerDuty returns the secrets that webhook subscriptions at PagerDuty sign with; none turns the path off. It is called for each
	// request, concurrently, so that a reload counts at once.
	PagerDuty func() []secret.Text
	// Now tells the time. Nil means [time.Now].
	Now func() time.Time
}

// Server answers receivers. It is safe for concurrent use.
type Server struct {
	cfg    Config
	to     Commander
	log    *slog.Logger
	intake intake
	mu     sync.Mutex
	seen   *recent // under mu
}

// New returns a server.
func New(cfg Config, to Commander, log *slog.Logger) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{cfg: cfg, to: to, log: log, intake: newIntake(), seen: newRecent(recentMax)}
}

// Register adds the server's paths to mux.
func (s *Server) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/pagerduty", s.pagerDuty)
}

// result is the body of every answer, for those who look at the receiver's log of deliveries.
type result struct {
	// Done is what was carried out, Ignored why nothing was, Error why it could not be.
	Done    string `json:"done,omitempty"`
	Ignored string `json:"ignored,omitempty"`
	Error   string `json:"error,omitempty"`
}

func answer(w http.ResponseWriter, status int, r result) {
	b, err := json.Marshal(r)
	if err != nil {
		panic("callback: answer cannot be encoded: " + err.Error()) // it holds strings only
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone, and nobody else wants to know
}

// carryOut has a command carried out unless the request of this id was before, and answers.
func (s *Server) carryOut(w http.ResponseWriter, r *http.Request, id string, c *correlate.Command) {
	if !s.first(id) {
		answer(w, http.StatusOK, result{Ignored: "it was carried out already"})
		return
	}
	done := string(c.Action) + " " + c.Incident.String()
	refused, err := s.to.Command(r.Context(), c, r.RemoteAddr)
	switch {
	case err == nil:
		answer(w, http.StatusOK, result{Done: done})
	case refused:
		answer(w, http.StatusOK, result{Ignored: err.Error()})
	default:
		s.again(id)
		s.log.Warn("what a receiver told was not carried out", slog.String("command", done), slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, result{Error: err.Error()})
	}
}

// first notes an id, and reports whether it was new.
func (s *Server) first(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.add(id)
}

// again lets an id come once more.
func (s *Server) again(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.remove(id)
}

// recentMax is how many requests are remembered: more than a receiver sends while it tries one again.
const recentMax = 10_000

// recent remembers the last ids, each in a ring of fixed size.
type recent struct {
	ring []string
	next int
	has  map[string]bool
}

func newRecent(size int) *recent {
	return &recent{ring: make([]string, size), has: make(map[string]bool)}
}

func (r *recent) add(id string) bool {
	if r.has[id] {
		return false
	}
	delete(r.has, r.ring[r.next])
	r.ring[r.next], r.has[id] = id, true
	r.next = (r.next + 1) % len(r.ring)
	return true
}

func (r *recent) remove(id string) { delete(r.has, id) }

// incidentOf reads a dedup key of this store.
func (s *Server) incidentOf(key string) (id correlate.IncidentID, generation int, ok bool) {
	return incidentOfKey(s.cfg.StoreID, key)
}

// incidentOfKey reads a dedup key, "quell/STORE/inc-7/2", of a store.
func incidentOfKey(storeID, key string) (id correlate.IncidentID, generation int, ok bool) {
	rest, ok := strings.CutPrefix(key, "quell/"+storeID+"/")
	if !ok {
		return 0, 0, false
	}
	written, number, _ := strings.Cut(rest, "/")
	id, err := correlate.ParseIncidentID(written)
	n, wrong := strconv.ParseUint(number, 10, 31)
	return id, int(n), err == nil && wrong == nil && n > 0
}

// person makes a name for the audit log out of what a receiver calls somebody.
func person(name, at string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name))
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60]) + "…"
	}
	if name == "" {
		name = "somebody"
	}
	return name + " at " + at
}
