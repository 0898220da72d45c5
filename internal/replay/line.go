package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

// lineKind says what a line holds. The zero value is invalid.
type lineKind uint8

const (
	webhookLine lineKind = iota + 1
	kubernetesLine
	topologyLine
	commandLine
	heartbeatLine
	recorderLine
	eventLine
)

var lineKinds = map[string]lineKind{
	"alertmanager": webhookLine, "kubernetes": kubernetesLine, "topology": topologyLine, "command": commandLine,
	"heartbeat": heartbeatLine, "silence": silenceLine, "alertmanager_events": recorderLine, "event": eventLine,
}

// lineWords are the keys of lineKinds, for people.
const lineWords = "alertmanager, alertmanager_events, kubernetes, event, topology, command, silence and heartbeat"

// line is one line of input, taken apart as far as is needed to hand it to the decoder of its kind.
type line struct {
	at   time.Time
	kind lineKind
	// body is JSON whose end was found, and that was not checked otherwise. It shares memory with the line.
	body    []byte
	deleted bool
}

// earliest and latest bound the times that the engine can count in nanoseconds.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 1, time.UTC)
	latest   = time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseLine takes a line apart; ok is false for a blank one. The outer object is scanned by hand, since encoding/json would read
// every body twice, and that is most of what a replay has to do.
func parseLine(text []byte) (l line, ok bool, err error) {
	c := cursor{text: text}
	if c.skipSpace(); c.pos == len(text) {
		return line{}, false, nil
	}
	seen := make([]string, 0, 4)
	err = c.object(func(key string, value []byte) error {
		for _, k := range seen {
			if k == key {
				return fmt.Errorf("key %q stands there twice", key)
			}
		}
		seen = append(seen, key)
		return l.set(key, value)
	})
	switch {
	case err != nil:
		return line{}, false, err
	case l.at.IsZero():
		return line{}, false, errors.New(`there is no time ("t")`)
	case l.kind == 0:
		return line{}, false, errors.New("there is none of " + lineWords)
	case l.deleted && l.kind != kubernetesLine:
		return line{}, false, errors.New("deleted can only stand beside kubernetes")
	}
	return l, true, nil
}

// set takes over the value of one key.
func (l *line) set(key string, value []byte) error {
	switch key {
	case "t":
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return errors.New("t is no text")
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return fmt.Errorf("t is no time: %w", err)
		}
		if l.at = at.UTC(); l.at.Before(earliest) || l.at.After(latest) {
			return fmt.Errorf("t is %s, which is not between the years 1970 and 2260", s)
		}
	case "deleted":
		if err := json.Unmarshal(value, &l.deleted); err != nil {
			return errors.New("deleted is neither true nor false")
		}
	default:
		kind, ok := lineKinds[key]
		if !ok {
			return fmt.Errorf("unknown key %q (want t and one of %s)", key, lineWords)
		}
		if l.kind != 0 {
			return errors.New("there is more than one of " + lineWords)
		}
		l.kind, l.body = kind, value
	}
	return nil
}

// parseCommand reads an operator's action on an incident, or on the one that is rooted in an entity: somebody who writes a recording knows
// what was broken, and not by which number quell will call it.
func parseCommand(body []byte) (c *correlate.Command, root topology.Entity, err error) {
	var v struct {
		Action   correlate.Action     `json:"action"`
		Incident correlate.IncidentID `json:"incident"`
		Root     topology.Entity      `json:"root"`
		By       string               `json:"by"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return nil, "", fmt.Errorf("command: %w", err)
	}
	if v.Action != correlate.ActionAck && v.Action != correlate.ActionResolve {
		return nil, "", fmt.Errorf("command: unknown action %q (ack and resolve are known)", v.Action)
	}
	if (v.Incident == 0) == (v.Root == "") {
		return nil, "", errors.New("command: it needs either an incident or a root")
	}
	return &correlate.Command{Action: v.Action, Incident: v.Incident, By: v.By}, v.Root, nil
}

// parseEvent reads an event as quell itself has it, in the notation of `quell journal`: an entity of a cluster that has a name can be told
// in no other way.
func parseEvent(body []byte) (*correlate.Event, error) {
	var e struct {
		ID        string    `json:"id"`
		Entity    string    `json:"entity"`
		Reason    string    `json:"reason"`
		Component string    `json:"component"`
		Message   string    `json:"message"`
		Warning   bool      `json:"warning"`
		Count     int       `json:"count"`
		At        time.Time `json:"t"`
		Source    string    `json:"source"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	entity, err := topology.ParseEntity(e.Entity)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return &correlate.Event{
		ID: e.ID, Entity: entity, Reason: e.Reason, Component: e.Component, Message: e.Message, Warning: e.Warning, Count: max(1, e.Count),
		At: e.At, Source: e.Source,
	}, nil
}

// parseHeartbeat reads what somebody says who reports by itself, or that an operator expects it no longer.
func parseHeartbeat(body []byte) (*correlate.Heartbeat, error) {
	in := new(correlate.Heartbeat)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return nil, fmt.Errorf("heartbeat: %w", err)
	}
	if in.Name == "" {
		return nil, errors.New("heartbeat: there is no name")
	}
	return in, nil
}

// cursor walks over one JSON object and finds where its values end, without looking at what is in them.
type cursor struct {
	text []byte
	pos  int
}

var errLine = errors.New("the line is no JSON object")

// object calls visit for each key and its value.
func (c *cursor) object(visit func(key string, value []byte) error) error {
	if !c.take('{') {
		return errLine
	}
	for first := true; !c.take('}'); first = false {
		if !first && !c.take(',') {
			return errLine
		}
		key, err := c.key()
		if err != nil {
			return err
		}
		begin := c.pos
		if !c.value() {
			return errLine
		}
		if err := visit(key, c.text[begin:c.pos]); err != nil {
			return err
		}
	}
	if c.skipSpace(); c.pos != len(c.text) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// key reads a key and the colon behind it.
func (c *cursor) key() (string, error) {
	c.skipSpace()
	begin := c.pos
	if !c.text1('"') || !c.quoted() {
		return "", errLine
	}
	raw := c.text[begin:c.pos]
	if !c.take(':') {
		return "", errLine
	}
	c.skipSpace()
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var key string
	if err := json.Unmarshal(raw, &key); err != nil {
		return "", errLine
	}
	return key, nil
}

// take skips space and then b, if that is what follows.
func (c *cursor) take(b byte) bool {
	if c.skipSpace(); !c.text1(b) {
		return false
	}
	c.pos++
	return true
}

// text1 reports whether b is next.
func (c *cursor) text1(b byte) bool { return c.pos < len(c.text) && c.text[c.pos] == b }

func (c *cursor) skipSpace() {
	for c.pos < len(c.text) {
		switch c.text[c.pos] {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return
		}
	}
}

// quoted skips a string, whose opening quote is next.
func (c *cursor) quoted() bool {
	for i := c.pos + 1; i < len(c.text); i++ {
		switch c.text[i] {
		case '\\':
			i++
		case '"':
			c.pos = i + 1
			return true
		}
	}
	return false
}

// value skips a value. Brackets are counted, not matched: the decoder of the body does that.
func (c *cursor) value() bool {
	begin, depth := c.pos, 0
	for c.pos < len(c.text) {
		switch c.text[c.pos] {
		case '"':
			if !c.quoted() {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return c.pos > begin
			}
			if depth--; depth == 0 {
				c.pos++
				return true
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return c.pos > begin
			}
		}
		c.pos++
	}
	return false
}
