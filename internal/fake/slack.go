package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Slack is a fake of the part of the Web API that quell uses. Unlike PagerDuty it deduplicates nothing: each post is
// another message. Its methods may be called concurrently.
type Slack struct {
	server
	persons slackPeople

	state    sync.Mutex
	token    string
	scopes   map[string]bool
	channels []SlackChannel
	messages []*SlackMessage
	mentions []string
	lastTS   int64
	onEvent  func(SlackEvent)
	files    slackFiles
}

// SlackChannel is a channel.
type SlackChannel struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Archived bool   `json:"is_archived"`
	// Outside is true if nobody invited the bot.
	Outside bool `json:"-"`
}

// SlackMessage is one message as it stands now.
type SlackMessage struct {
	Channel string `json:"-"`
	TS      string `json:"ts"`
	// ThreadTS is the message that this one answers to, or empty.
	ThreadTS string `json:"thread_ts,omitempty"`
	// Broadcast is true if an answer shows in the channel, too.
	Broadcast bool   `json:"reply_broadcast,omitempty"`
	Text      string `json:"text"`
	// Blocks is the Block Kit JSON.
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata *SlackMetadata  `json:"metadata,omitempty"`
	// Edits counts chat.update calls.
	Edits int `json:"-"`
}

// SlackMetadata is what an app attaches to its message.
type SlackMetadata struct {
	EventType    string         `json:"event_type"`
	EventPayload map[string]any `json:"event_payload"`
}

// SlackEvent is one call that posted or edited a message.
type SlackEvent struct {
	At time.Time
	// Method is chat.postMessage or chat.update.
	Method  string
	Message SlackMessage
}

// StartSlack starts a server with the channel #ops that takes any token that begins with "xoxb-"; [Slack.Close] ends it.
func StartSlack() (*Slack, error) {
	s := &Slack{channels: []SlackChannel{{ID: "C0000001", Name: "ops"}}}
	routes := http.NewServeMux()
	s.people(routes)
	for name, method := range map[string]slackMethod{
		"auth.test": s.authTest, "chat.postMessage": s.post, "chat.update": s.update,
		"conversations.history": s.history, "conversations.list": s.list,
		"files.getUploadURLExternal": s.uploadURL, "files.completeUploadExternal": s.completeUpload,
	} {
		routes.HandleFunc("/api/"+name, func(w http.ResponseWriter, r *http.Request) { s.serve(name, method, w, r) })
	}
	routes.HandleFunc("POST "+uploadPath+"{id}", s.takeUpload)
	return s, s.start(routes)
}

// slackScopes are what the methods need.
var slackScopes = map[string]string{
	"chat.postMessage": "chat:write", "chat.update": "chat:write", "conversations.history": "channels:history",
	"conversations.list": "channels:read", "files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write",
}

// APIURL is the base address for clients, with the slash at its end.
func (s *Slack) APIURL() string { return s.URL() + "/api/" }

// RequireToken makes every other token invalid.
func (s *Slack) RequireToken(token string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.token = token
}

// GrantScopes takes all scopes away from the bot but these.
func (s *Slack) GrantScopes(scopes ...string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.scopes = make(map[string]bool)
	for _, scope := range scopes {
		s.scopes[scope] = true
	}
}

// SetChannel adds a channel, or changes the one of that id.
func (s *Slack) SetChannel(c SlackChannel) {
	s.state.Lock()
	defer s.state.Unlock()
	s.channels = append(slices.DeleteFunc(s.channels, func(other SlackChannel) bool { return other.ID == c.ID }), c)
}

// OnEvent sets what is called for every message posted or edited, in order, before it is answered. It must not call back.
func (s *Slack) OnEvent(f func(SlackEvent)) {
	s.state.Lock()
	defer s.state.Unlock()
	s.onEvent = f
}

// Messages returns copies of all messages, answers in threads included, oldest first.
func (s *Slack) Messages() []SlackMessage {
	s.state.Lock()
	defer s.state.Unlock()
	list := make([]SlackMessage, 0, len(s.messages))
	for _, m := range s.messages {
		list = append(list, *m)
	}
	return list
}

// Delete removes a message, as a person would.
func (s *Slack) Delete(ts string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(m *SlackMessage) bool { return m.TS == ts })
}

// Mentions returns the texts in which "<!" or "<@" stood unescaped, so that somebody was called. Such a message is refused.
func (s *Slack) Mentions() []string {
	s.state.Lock()
	defer s.state.Unlock()
	return slices.Clone(s.mentions)
}

// slackMethod returns an answer's fields, or an error code of Slack's. It runs under the lock.
type slackMethod func(args url.Values) (answer map[string]any, code string)

// serve does what all methods have in common. Errors come with HTTP status 200, as Slack sends them.
func (s *Slack) serve(name string, method slackMethod, w http.ResponseWriter, r *http.Request) {
	args, ok := arguments(r)
	fault := s.nextFault(name)
	if s.prevents(fault, w, r) {
		return
	}
	answer, code := map[string]any(nil), "invalid_form_data"
	switch {
	case fault.Code != "":
		code = fault.Code
	case ok:
		answer, code = s.call(name, method, args)
	}
	if answer == nil {
		answer = map[string]any{}
	}
	if code != "" {
		answer["error"] = code
	}
	answer["ok"] = code == ""
	s.answer(fault, w, http.StatusOK, answer)
}

func (s *Slack) call(name string, method slackMethod, args url.Values) (map[string]any, string) {
	s.state.Lock()
	defer s.state.Unlock()
	token := args.Get("token")
	switch {
	case token == "":
		return nil, "not_authed"
	case s.token != "" && token != s.token, !strings.HasPrefix(token, "xoxb-"):
		return nil, "invalid_auth"
	}
	if needed := slackScopes[name]; s.scopes != nil && needed != "" && !s.scopes[needed] {
		provided := strings.Join(slices.Sorted(maps.Keys(s.scopes)), ",")
		return map[string]any{"needed": needed, "provided": provided}, "missing_scope"
	}
	return method(args)
}

// arguments reads a form or a JSON object, and the token from wherever it is. Values that are not strings stay JSON.
func arguments(r *http.Request) (url.Values, bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	args := make(url.Values)
	if kind == "application/json" {
		var object map[string]json.RawMessage
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &object) != nil {
			return nil, false
		}
		for name, raw := range object {
			text := string(raw)
			if unquoted := ""; json.Unmarshal(raw, &unquoted) == nil {
				text = unquoted
			}
			args.Set(name, text)
		}
	} else {
		if r.ParseForm() != nil {
			return nil, false
		}
		args = r.Form
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		args.Set("token", bearer)
	}
	return args, true
}

func (s *Slack) authTest(url.Values) (map[string]any, string) {
	return map[string]any{"url": s.URL() + "/", "team": "fake", "user": "quell", "team_id": "T0000001", "user_id": "U0000001", "bot_id": "B0000001"}, ""
}

// channel finds a channel as chat.postMessage does, by id or by name with or without its #, and tells why nothing can be posted there.
func (s *Slack) channel(name string) (id, code string) {
	for _, c := range s.channels {
		if name != c.ID && strings.TrimPrefix(name, "#") != c.Name {
			continue
		}
		switch {
		case c.Archived:
			return c.ID, "is_archived"
		case c.Outside:
			return c.ID, "not_in_channel"
		}
		return c.ID, ""
	}
	return "", "channel_not_found"
}

// channelByID is for the methods that take no names.
func (s *Slack) channelByID(id string) (code string) {
	if found, code := s.channel(id); found == id && id != "" {
		return code
	}
	return "channel_not_found"
}

func (s *Slack) post(args url.Values) (map[string]any, string) {
	channel, code := s.channel(args.Get("channel"))
	if code != "" {
		return nil, code
	}
	m := &SlackMessage{Channel: channel}
	// Where the thread's first message was deleted, Slack posts to the channel.
	if s.find(channel, args.Get("thread_ts")) != nil {
		m.ThreadTS, m.Broadcast = args.Get("thread_ts"), args.Get("reply_broadcast") == "true"
	}
	if code := s.fill(m, args); code != "" {
		return nil, code
	}
	m.TS = s.nextTS()
	s.messages = append(s.messages, m)
	if len(s.messages) > maxRecords {
		s.messages = slices.Delete(s.messages, 0, maxRecords/10)
	}
	s.tell("chat.postMessage", m)
	return map[string]any{"channel": channel, "ts": m.TS, "message": m}, ""
}

func (s *Slack) update(args url.Values) (map[string]any, string) {
	// Unlike chat.postMessage, chat.update wants the id.
	if code := s.channelByID(args.Get("channel")); code != "" {
		return nil, code
	}
	m := s.find(args.Get("channel"), args.Get("ts"))
	if m == nil {
		return nil, "message_not_found"
	}
	edited := *m
	if code := s.fill(&edited, args); code != "" {
		return nil, code
	}
	edited.Edits++
	*m = edited
	s.tell("chat.update", m)
	return map[string]any{"channel": m.Channel, "ts": m.TS, "text": m.Text}, ""
}

// fill takes a message's contents from a call, if it is within the limits.
func (s *Slack) fill(m *SlackMessage, args url.Values) (code string) {
	text, blocks := args.Get("text"), args.Get("blocks")
	if text == "" && blocks == "" {
		return "no_text"
	}
	if utf8.RuneCountInString(text) > maxTextRunes {
		return "msg_too_long"
	}
	m.Text, m.Blocks = text, nil
	if blocks != "" {
		m.Blocks = json.RawMessage(blocks)
		if code := checkBlocks(m.Blocks); code != "" {
			return code
		}
	}
	if meta := args.Get("metadata"); meta != "" {
		m.Metadata = new(SlackMetadata)
		if json.Unmarshal([]byte(meta), m.Metadata) != nil || m.Metadata.EventType == "" {
			return "invalid_metadata_format"
		}
	}
	if called := mentionsIn(text, m.Blocks); called != "" {
		s.mentions = append(s.mentions, called)
		s.mentions = s.mentions[max(0, len(s.mentions)-100):]
		return "invalid_blocks"
	}
	return ""
}

func (s *Slack) find(channel, ts string) *SlackMessage {
	if ts == "" {
		return nil
	}
	for _, m := range slices.Backward(s.messages) { // What is sought is mostly recent.
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// nextTS makes the time stamps that serve as ids: they never repeat in a channel.
func (s *Slack) nextTS() string {
	s.lastTS = max(s.lastTS+1, time.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

func (s *Slack) tell(method string, m *SlackMessage) {
	if s.onEvent != nil {
		s.onEvent(SlackEvent{At: time.Now(), Method: method, Message: *m})
	}
}

// history lists a channel's own messages (not those in threads), newest first, in pages.
func (s *Slack) history(args url.Values) (map[string]any, string) {
	channel := args.Get("channel")
	if code := s.channelByID(channel); code != "" {
		return nil, code
	}
	metadata := args.Get("include_all_metadata") == "1" || args.Get("include_all_metadata") == "true"
	found := []SlackMessage{}
	for _, m := range slices.Backward(s.messages) {
		if m.Channel == channel && m.ThreadTS == "" && m.TS > args.Get("oldest") {
			shown := *m
			if !metadata {
				shown.Metadata = nil
			}
			found = append(found, shown)
		}
	}
	limit, err := strconv.Atoi(args.Get("limit"))
	if err != nil || limit < 1 || limit > 999 {
		limit = 100
	}
	skip, _ := strconv.Atoi(args.Get("cursor"))
	rest := found[min(max(skip, 0), len(found)):]
	next := ""
	if len(rest) > limit {
		rest, next = rest[:limit], strconv.Itoa(skip+limit)
	}
	return map[string]any{"messages": rest, "has_more": next != "", "response_metadata": map[string]string{"next_cursor": next}}, ""
}

func (s *Slack) list(url.Values) (map[string]any, string) {
	return map[string]any{"channels": s.channels, "response_metadata": map[string]string{"next_cursor": ""}}, ""
}
