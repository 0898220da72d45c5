package fake

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// slackSocket is a connection in Socket Mode.
type slackSocket struct {
	conn *websocket.Conn

	write sync.Mutex // gorilla's connections take one writer

	mu   sync.Mutex
	acks map[string]chan json.RawMessage
	over chan struct{} // closed when nothing can be heard any more
}

// RequireAppToken makes every other app-level token invalid.
func (s *Slack) RequireAppToken(token string) {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	s.persons.appToken = token
}

// Sockets returns how many connections in Socket Mode are open, and how many ever were asked for.
func (s *Slack) Sockets() (open, asked int) {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	return len(s.persons.sockets), s.persons.opened
}

// openConnection is apps.connections.open: the only method that wants an app-level token.
func (s *Slack) openConnection(w http.ResponseWriter, r *http.Request) {
	fault := s.nextFault("apps.connections.open")
	if s.prevents(fault, w, r) {
		return
	}
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	s.persons.opened++
	token, code := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ""
	switch {
	case token == "":
		code = "not_authed"
	case strings.HasPrefix(token, "xoxb-"):
		code = "not_allowed_token_type"
	case !strings.HasPrefix(token, "xapp-"), s.persons.appToken != "" && token != s.persons.appToken:
		code = "invalid_auth"
	}
	if code != "" {
		s.answer(fault, w, http.StatusOK, map[string]any{"ok": false, "error": code})
		return
	}
	ticket := s.persons.id("ticket-")
	s.persons.tickets[ticket] = true
	s.answer(fault, w, http.StatusOK, map[string]any{"ok": true, "url": "ws://" + s.addr + "/link?ticket=" + ticket + "&app_id=A0000001"})
}

// link is where sockets connect. A ticket is good for one.
func (s *Slack) link(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.persons.mu.Lock()
	good := s.persons.tickets[ticket]
	delete(s.persons.tickets, ticket)
	s.persons.mu.Unlock()
	if !good {
		http.Error(w, "no such ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it was answered
	}
	k := &slackSocket{conn: conn, acks: make(map[string]chan json.RawMessage), over: make(chan struct{})}
	s.persons.mu.Lock()
	s.persons.sockets = append(s.persons.sockets, k)
	s.persons.mu.Unlock()
	_ = k.send(map[string]any{
		"type": "hello", "num_connections": 1, "connection_info": map[string]string{"app_id": "A0000001"},
		"debug_info": map[string]any{"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
	})
	go s.pings(k)
	k.listen()
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	s.persons.sockets = slices.DeleteFunc(s.persons.sockets, func(other *slackSocket) bool { return other == k })
}

// pings keeps a connection alive until it is over, or the server is.
func (s *Slack) pings(k *slackSocket) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-k.over:
			return
		case <-s.closed.Done():
			_ = k.conn.Close() // nothing is written there any more
			return
		case <-ticker.C:
			_ = k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-fake"), time.Now().Add(time.Second)) // reading finds out
		}
	}
}

// listen hands acknowledgements to who waits for them, until the connection ends.
func (k *slackSocket) listen() {
	defer close(k.over)
	defer func() { _ = k.conn.Close() }() // it is over
	for {
		var ack struct {
			Envelope string          `json:"envelope_id"`
			Payload  json.RawMessage `json:"payload"`
		}
		if err := k.conn.ReadJSON(&ack); err != nil {
			return
		}
		k.mu.Lock()
		waiting := k.acks[ack.Envelope]
		delete(k.acks, ack.Envelope)
		k.mu.Unlock()
		if waiting != nil {
			waiting <- ack.Payload
		}
	}
}

func (k *slackSocket) send(message any) error {
	k.write.Lock()
	defer k.write.Unlock()
	return k.conn.WriteJSON(message)
}

// SendEnvelope sends an interaction over the newest socket and returns the payload of the acknowledgement, for which it waits for three
// seconds. An id that was sent before is a retry.
func (s *Slack) SendEnvelope(id string, payload []byte) (json.RawMessage, error) {
	over, ack, err := s.StartEnvelope(id, payload)
	if err != nil {
		return nil, err
	}
	select {
	case reply := <-ack:
		return reply, nil
	case <-over:
		return nil, errors.New("fake Slack: the socket was closed before the envelope was acknowledged")
	case <-time.After(slackAnswerLasts):
		return nil, errors.New("fake Slack: the envelope was not acknowledged in time")
	}
}

// StartEnvelope sends an interaction over the newest socket, and does not wait: over is closed when the socket is, ack gets the payload of the
// acknowledgement.
func (s *Slack) StartEnvelope(id string, payload []byte) (over <-chan struct{}, ack <-chan json.RawMessage, err error) {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	if len(s.persons.sockets) == 0 {
		return nil, nil, errors.New("fake Slack: there is no socket")
	}
	k := s.persons.sockets[len(s.persons.sockets)-1]
	waiting := make(chan json.RawMessage, 1)
	k.mu.Lock()
	k.acks[id] = waiting
	k.mu.Unlock()
	return k.over, waiting, k.send(map[string]any{
		"envelope_id": id, "type": "interactive", "accepts_response_payload": true, "payload": json.RawMessage(payload),
	})
}

// SendRaw sends text over the newest socket.
func (s *Slack) SendRaw(text string) error {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	if len(s.persons.sockets) == 0 {
		return errors.New("fake Slack: there is no socket")
	}
	k := s.persons.sockets[len(s.persons.sockets)-1]
	k.write.Lock()
	defer k.write.Unlock()
	return k.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// Disconnect asks all sockets to connect again, for a reason such as refresh_requested, and closes them.
func (s *Slack) Disconnect(reason string) {
	for _, k := range s.openSockets() {
		_ = k.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]string{"host": "applink-fake"}}) // it goes anyway
		_ = k.conn.Close()                                                                                                          // it is over
	}
}

// DropSockets closes all sockets without a word.
func (s *Slack) DropSockets() {
	for _, k := range s.openSockets() {
		_ = k.conn.Close() // that is the point
	}
}

func (s *Slack) openSockets() []*slackSocket {
	s.persons.mu.Lock()
	defer s.persons.mu.Unlock()
	return slices.Clone(s.persons.sockets)
}
