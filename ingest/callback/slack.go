package callback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	api "github.com/slack-go/slack"

	"quell/correlate"
	"quell/internal/secret"
)

const (
	// slackBodyMax bounds a request of Slack's: it repeats the message that a button is in.
	slackBodyMax = 1 << 20
	// slackActWait is how long an action may take before Slack gets its answer: it waits for three seconds, network included. What takes longer
	// may still be carried out, and who asked is told so.
	slackActWait = 2 * time.Second
	// slackAfterWait bounds what follows the answer: a dialog, or a message to who asked.
	slackAfterWait = 5 * time.Second
)

// SlackDesk carries out what people ask for at Slack. In all methods, refused is true if it never will be possible, since the incident is
// gone or its state forbids it; from is where the request came from, for the audit log. They are called concurrently.
type SlackDesk interface {
	Commander
	// Silence keeps what is ill now, and what depends on the incident's root, from paging. It returns once that is durable.
	Silence(ctx context.Context, order *SilenceOrder, from string) (made *SilenceMade, refused bool, err error)
	// Feedback keeps what somebody says of an incident's root, once however often it is said.
	Feedback(ctx context.Context, f *correlate.Feedback, from string) (refused bool, err error)
	// Incident returns one, be it over or not. refused is true if there is none.
	Incident(ctx context.Context, id correlate.IncidentID) (inc *correlate.Incident, refused bool, err error)
}

// SilenceOrder asks for a silence that ends when an incident is over for good, if not before.
type SilenceOrder struct {
	Incident   correlate.IncidentID
	Generation int
	// For is how long it lasts at most. Zero is as long as a silence may.
	For time.Duration
	// By is who wants it.
	By string
}

// SilenceMade is a silence that is in force.
type SilenceMade struct {
	ID    string
	Until time.Time
}

// SlackPlace is a channel where people can act, and the app that posts there.
type SlackPlace struct {
	// SigningSecret is what the app signs requests with, AppToken what opens its socket. Empty is not used.
	SigningSecret, AppToken secret.Text
	// BotToken opens dialogs.
	BotToken secret.Text
	// APIURL is the base address, ending in a slash; empty means Slack's.
	APIURL string
	// Channel is a name with its #, or an id.
	Channel string
	// AllowedUsers are the ids of those who may act. None is whoever sees the channel.
	AllowedUsers []string
}

// SlackConfig is what a [Slack] needs.
type SlackConfig struct {
	// StoreID is the store whose incidents these are.
	StoreID string
	// Places are where people can act. It is called for each request, concurrently, so that a reload counts at once.
	Places func() []SlackPlace
	// HTTP is for calls to Slack. It must follow no redirects.
	HTTP *http.Client
	// Registerer gets the metrics.
	Registerer prometheus.Registerer
}

// Slack hears what people do with the buttons of messages, over HTTP ([Slack.Register]) or over sockets that quell opens itself ([Slack.Socket]). It is safe for
// concurrent use.
//
// Nothing in a request is believed before its signature is checked, and of what it says no address is called but Slack's own. An action is
// durable before Slack hears that it was taken; repeated, it is done once.
type Slack struct {
	cfg     SlackConfig
	desk    SlackDesk
	log     *slog.Logger
	metrics *slackMetrics
	intake  intake

	mu   sync.Mutex
	seen *recent // under mu: requests, and clicks
}

// NewSlack returns one that hears nothing yet.
func NewSlack(cfg SlackConfig, desk SlackDesk, log *slog.Logger) *Slack {
	return &Slack{cfg: cfg, desk: desk, log: log, metrics: newSlackMetrics(cfg.Registerer), intake: newIntake(), seen: newRecent(recentMax)}
}

// Register adds the path that Slack posts to.
func (s *Slack) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/slack", s.post)
}

// slackOrigin is where a request came from.
type slackOrigin struct {
	// places are those of the app that sent it.
	places []SlackPlace
	// address is for the audit log.
	address string
}

// post takes a request of Slack's over HTTP. The answer is complete before what only follows from the action is done.
func (s *Slack) post(w http.ResponseWriter, r *http.Request) {
	body, err := s.intake.read(w, r, slackBodyMax)
	if err != nil {
		s.metrics.refuse("body")
		return
	}
	places, reason := s.proved(r.Header, body)
	if reason != "" {
		s.metrics.refuse(reason)
		answer(w, http.StatusForbidden, result{Error: "the request is not proved to be Slack's: " + reason})
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !form.Has("payload") {
		s.metrics.refuse("form")
		answer(w, http.StatusBadRequest, result{Error: "the body is no form with a payload"})
		return
	}
	id := "slack/" + digest(r.Header.Get("X-Slack-Request-Timestamp")+"\n"+string(body))
	if !s.first(id) {
		s.metrics.refuse("replayed")
		answer(w, http.StatusForbidden, result{Error: "the request was answered already"})
		return
	}
	in, err := readInteraction([]byte(form.Get("payload")))
	if err != nil {
		s.metrics.refuse("payload")
		answer(w, http.StatusBadRequest, result{Error: err.Error()})
		return
	}
	reply, after := s.handle(r.Context(), in, slackOrigin{places, r.RemoteAddr})
	if reply != nil {
		w.Header().Set("Content-Type", "application/json")
	} else {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(reply) // Slack hung up, and nobody else wants to know
	if after != nil {
		_ = http.NewResponseController(w).Flush() // without it the answer leaves later
		after(context.WithoutCancel(r.Context()))
	}
}

// proved returns the places whose app signed a request, or why none did.
func (s *Slack) proved(h http.Header, body []byte) (places []SlackPlace, reason string) {
	var secrets []secret.Text
	all := s.cfg.Places()
	for _, p := range all {
		if p.SigningSecret != "" && !slices.Contains(secrets, p.SigningSecret) {
			secrets = append(secrets, p.SigningSecret)
		}
	}
	reason = "no secret"
	for _, known := range secrets {
		err := signedBySlack(h, body, known)
		if err == nil {
			return slices.DeleteFunc(slices.Clone(all), func(p SlackPlace) bool { return p.SigningSecret != known }), ""
		}
		switch {
		case errors.Is(err, api.ErrMissingHeaders):
			reason = "no signature"
		case errors.Is(err, api.ErrExpiredTimestamp):
			reason = "old or of the future"
		default:
			reason = "wrong signature"
		}
	}
	return nil, reason
}

// signedBySlack checks a signature in constant time, and that it was made within five minutes of now.
func signedBySlack(h http.Header, body []byte, known secret.Text) error {
	v, err := api.NewSecretsVerifier(h, string(known))
	if err != nil {
		return err
	}
	if _, err := v.Write(body); err != nil {
		return err
	}
	return v.Ensure()
}

// digest names a request without keeping it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// first notes an id, and reports whether it was new.
func (s *Slack) first(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.add(id)
}

// again lets an id come once more.
func (s *Slack) again(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.remove(id)
}

// interaction is what we read of Slack's payloads, block_actions and view_submission.
type interaction struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	User        struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Username string `json:"username"`
		TeamID   string `json:"team_id"`
	} `json:"user"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"`
	Channel slackChannel `json:"channel"`
	Actions []struct {
		ID    string `json:"action_id"`
		Block string `json:"block_id"`
		Value string `json:"value"`
		At    string `json:"action_ts"`
	} `json:"actions"`
	View struct {
		ID         string `json:"id"`
		CallbackID string `json:"callback_id"`
		Metadata   string `json:"private_metadata"`
		State      struct {
			// Values are by block and action.
			Values map[string]map[string]struct {
				Value    string `json:"value"`
				Selected struct {
					Value string `json:"value"`
				} `json:"selected_option"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// slackChannel is a channel as Slack's payloads name it. A private one has no name of its own there.
type slackChannel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func readInteraction(payload []byte) (*interaction, error) {
	in := new(interaction)
	if err := json.Unmarshal(payload, in); err != nil {
		return nil, errors.New("the payload is no interaction of Slack's")
	}
	if in.Type == "" || in.User.ID == "" {
		return nil, errors.New("the payload says neither what was done nor by whom")
	}
	return in, nil
}

// by is who acts, for people.
func (in *interaction) by() string {
	name := in.User.Name
	if name == "" {
		name = in.User.Username
	}
	if name == "" {
		name = in.User.ID
	}
	return person(name, "Slack")
}

// from is who acts and from where, for the audit log: names can be changed, ids cannot.
func (o *slackOrigin) from(in *interaction) string {
	return "Slack user " + plainWord(in.User.ID) + " of " + plainWord(in.User.TeamID) + " by " + o.address
}
