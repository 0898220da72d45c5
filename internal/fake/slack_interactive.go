package fake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How Slack treats what an interaction comes with.
const (
	slackTriggerLasts  = 3 * time.Second
	slackAnswerLasts   = 3 * time.Second
	slackResponseUses  = 5
	slackResponseLasts = 30 * time.Minute
)

// slackPeople is the half of Slack that people see: who clicks, the dialogs that open, and what only one of them is told.
type slackPeople struct {
	mu        sync.Mutex
	appToken  string
	last      int64
	triggers  map[string]time.Time // when each was made; used ones are gone
	used      map[string]bool
	responses map[string]*slackResponse
	told      []SlackWhisper
	views     []SlackView
	tickets   map[string]bool
	sockets   []*slackSocket
	opened    int
}

// slackResponse is what a response address may still be used for.
type slackResponse struct {
	user string
	made time.Time
	uses int
}

// SlackWhisper is a message that one person saw.
type SlackWhisper struct{ User, Text string }

// SlackView is a dialog that was opened.
type SlackView struct {
	ID         string
	CallbackID string
	Metadata   string
	// User is who sees it.
	User string
	// Blocks is its Block Kit JSON, Choices the values of its radio buttons with their texts, in order.
	Blocks  json.RawMessage
	Choices []SlackChoice
}

// SlackChoice is one radio button.
type SlackChoice struct{ Value, Text, Description string }

// SlackPerson is somebody who acts.
type SlackPerson struct {
	ID, Name string
	// Team is the workspace that they are of; empty is that of the app.
	Team string
}

// SlackClick is a click on a button of a message.
type SlackClick struct {
	Person SlackPerson
	// TS is the message's, Action the button's id.
	TS, Action string
	// Value overrides what the button holds, or stands for a button that the message lacks.
	Value string
}

// slackTeam is the workspace in which all happens.
const slackTeam = "T0000001"

// start makes the maps.
func (p *slackPeople) start() {
	p.triggers, p.used = make(map[string]time.Time), make(map[string]bool)
	p.responses, p.tickets = make(map[string]*slackResponse), make(map[string]bool)
}

// people adds the paths of this half.
func (s *Slack) people(routes *http.ServeMux) {
	s.persons.start()
	routes.HandleFunc("/api/views.open", func(w http.ResponseWriter, r *http.Request) { s.serve("views.open", s.openView, w, r) })
	routes.HandleFunc("POST /hooks/actions/{id}", s.respond)
	routes.HandleFunc("/api/apps.connections.open", s.openConnection)
	routes.HandleFunc("GET /link", s.link)
}

// Whispers returns what people were told that nobody else sees.
func (s *Slack) Whispers() []SlackWhisper {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	return slices.Clone(s.persons.told)
}

// Views returns the dialogs that were opened, oldest first.
func (s *Slack) Views() []SlackView {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	return slices.Clone(s.persons.views)
}

// id makes one that no other has.
func (p *slackPeople) id(prefix string) string {
	p.last++
	return fmt.Sprintf("%s%08d", prefix, p.last)
}

// Payload makes the interaction of a click, as Slack sends it.
func (s *Slack) Payload(c SlackClick) ([]byte, error) {
	messages := s.Messages()
	at := slices.IndexFunc(messages, func(m SlackMessage) bool { return m.TS == c.TS })
	if at < 0 {
		return nil, errors.New("fake Slack: there is no such message")
	}
	m := messages[at]
	channel := s.channelName(m.Channel)
	block := "quell_actions"
	if c.Value == "" {
		found, ok := slackButton(m.Blocks, c.Action)
		if !ok {
			return nil, fmt.Errorf("fake Slack: the message has no button %q", c.Action)
		}
		c.Value, block = found.value, found.block
	}
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	now := time.Now()
	trigger, response := s.persons.id("13345224609."), s.persons.id("")
	s.persons.triggers[trigger] = now
	s.persons.responses[response] = &slackResponse{user: c.Person.ID, made: now}
	return json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]string{"id": slackTeam, "domain": "fake"}, "user": c.Person.json(),
		"api_app_id": "A0000001", "token": "deprecated", "trigger_id": trigger, "response_url": s.URL() + "/hooks/actions/" + response,
		"container": map[string]any{"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": false},
		"channel":   map[string]string{"id": m.Channel, "name": channel},
		"message":   map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "blocks": m.Blocks},
		"state":     map[string]any{"values": map[string]any{}}, "is_enterprise_install": false, "enterprise": nil,
		"actions": []map[string]any{{
			"type": "button", "action_id": c.Action, "block_id": block, "value": c.Value, "text": map[string]any{"type": "plain_text", "text": c.Action},
			"action_ts": fmt.Sprintf("%d.%06d", now.Unix(), s.persons.last%1e6),
		}},
	})
}

// Submission makes the interaction of who sends a dialog: the value of a radio button, and a comment.
func (s *Slack) Submission(v SlackView, p SlackPerson, choice, comment string) ([]byte, error) {
	values := map[string]any{
		"quell_root":    map[string]any{"root": map[string]any{"type": "radio_buttons", "selected_option": map[string]any{"value": choice}}},
		"quell_comment": map[string]any{"comment": map[string]any{"type": "plain_text_input", "value": comment}},
	}
	return json.Marshal(map[string]any{
		"type": "view_submission", "team": map[string]string{"id": slackTeam, "domain": "fake"}, "user": p.json(), "api_app_id": "A0000001",
		"view": map[string]any{
			"id": v.ID, "type": "modal", "callback_id": v.CallbackID, "private_metadata": v.Metadata, "state": map[string]any{"values": values},
		},
		"response_urls": []any{}, "is_enterprise_install": false, "enterprise": nil,
	})
}

func (p SlackPerson) json() map[string]string {
	team := p.Team
	if team == "" {
		team = slackTeam
	}
	return map[string]string{"id": p.ID, "username": strings.ToLower(p.Name), "name": p.Name, "team_id": team}
}

func (s *Slack) channelName(id string) string {
	s.state.Lock()
	defer s.state.Unlock()
	for _, c := range s.channels {
		if c.ID == id {
			return c.Name
		}
	}
	return "privategroup"
}

// SlackRequest makes the signed request that carries an interaction to an address. The time is that of the signature.
func SlackRequest(address, secret string, payload []byte, at time.Time) (*http.Request, error) {
	body := url.Values{"payload": {string(payload)}}.Encode()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", stamp, body) // a hash takes everything
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r, nil
}

// Post sends an interaction to an address and returns the body of the answer. As Slack does, it waits for three seconds, and takes no other
// status than 200.
func (s *Slack) Post(address, secret string, payload []byte) ([]byte, error) {
	r, err := SlackRequest(address, secret, payload, time.Now())
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: slackAnswerLasts}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", resp.Status, bytes.TrimSpace(body))
	}
	return body, err
}

// respond is a response address.
func (s *Slack) respond(w http.ResponseWriter, r *http.Request) {
	fault := s.nextFault("response_url")
	if s.prevents(fault, w, r) {
		return
	}
	var message struct {
		Type    string `json:"response_type"`
		Replace bool   `json:"replace_original"`
		Text    string `json:"text"`
	}
	bad := json.NewDecoder(r.Body).Decode(&message) != nil || message.Text == "" || len(message.Text) > 40_000 || message.Type != "ephemeral" || message.Replace
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	known := s.persons.responses[r.PathValue("id")]
	switch {
	case known == nil || time.Since(known.made) > slackResponseLasts:
		http.Error(w, `{"ok":false,"error":"expired_url"}`, http.StatusNotFound)
	case known.uses == slackResponseUses:
		http.Error(w, `{"ok":false,"error":"used_url"}`, http.StatusNotFound)
	case bad:
		http.Error(w, `{"ok":false,"error":"invalid_payload"}`, http.StatusBadRequest)
	default:
		known.uses++
		s.persons.told = append(s.persons.told, SlackWhisper{known.user, message.Text})
		s.answer(fault, w, http.StatusOK, map[string]bool{"ok": true})
	}
}

// openView is views.open.
func (s *Slack) openView(args url.Values) (map[string]any, string) {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	trigger := args.Get("trigger_id")
	made, known := s.persons.triggers[trigger]
	switch {
	case s.persons.used[trigger]:
		return nil, "exchanged_trigger_id"
	case !known:
		return nil, "invalid_trigger_id"
	case time.Since(made) > slackTriggerLasts:
		return nil, "expired_trigger_id"
	}
	v, code := parseView([]byte(args.Get("view")))
	if code != "" {
		return nil, code
	}
	delete(s.persons.triggers, trigger)
	s.persons.used[trigger] = true
	v.ID = s.persons.id("V")
	s.persons.views = append(s.persons.views, v)
	return map[string]any{"view": map[string]string{"id": v.ID, "type": "modal"}}, ""
}
