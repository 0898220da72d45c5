package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of the Events API v2.
const (
	maxEventBytes   = 512_000
	maxDedupKey     = 255
	maxSummaryRunes = 1024
)

// maxRecords bounds what a fake remembers of each kind.
const maxRecords = 20_000

// PagerDuty is a fake of the Events API v2. There is one open incident for each routing key and dedup key: another trigger
// is added to it, a resolve ends it, and a trigger after that opens a new one. Its methods may be called concurrently.
type PagerDuty struct {
	server

	state     sync.Mutex
	incidents []*PDIncident
	open      map[pdKey]*PDIncident
	events    []PDEvent
	onEvent   func(PDEvent)
}

type pdKey struct{ routing, dedup string }

// PDIncident is one incident as the service would show it.
type PDIncident struct {
	RoutingKey, Key string
	Opened          time.Time
	// Acknowledged and Resolved are zero as long as that did not happen.
	Acknowledged, Resolved time.Time
	// Triggers counts the events that were added to it, the first included.
	Triggers int
	// Summary is the title it was opened with, and Last the newest event with a payload.
	Summary string
	Last    PDEvent
}

// PDEvent is one event that was accepted.
type PDEvent struct {
	At         time.Time       `json:"-"`
	RoutingKey string          `json:"routing_key"`
	Action     string          `json:"event_action"`
	DedupKey   string          `json:"dedup_key"`
	Client     string          `json:"client"`
	ClientURL  string          `json:"client_url"`
	Links      []PDLink        `json:"links"`
	Payload    *PDPayload      `json:"payload"`
	Images     json.RawMessage `json:"images"`
	// Opened is true if this event opened an incident: somebody's telephone rang.
	Opened bool `json:"-"`
}

// PDLink is a link in an event.
type PDLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// PDPayload is what an event says.
type PDPayload struct {
	Summary   string          `json:"summary"`
	Source    string          `json:"source"`
	Severity  string          `json:"severity"`
	Timestamp string          `json:"timestamp"`
	Component string          `json:"component"`
	Group     string          `json:"group"`
	Class     string          `json:"class"`
	Details   json.RawMessage `json:"custom_details"`
}

// StartPagerDuty starts a server; [PagerDuty.Close] ends it.
func StartPagerDuty() (*PagerDuty, error) {
	p := &PagerDuty{open: make(map[pdKey]*PDIncident)}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /v2/enqueue", p.enqueue)
	return p, p.start(routes)
}

// OnEvent sets what is called for every accepted event, in order, before it is answered. It must not call back.
func (p *PagerDuty) OnEvent(f func(PDEvent)) {
	p.state.Lock()
	defer p.state.Unlock()
	p.onEvent = f
}

// Incidents returns copies of all incidents in the order in which they were opened.
func (p *PagerDuty) Incidents() []PDIncident {
	p.state.Lock()
	defer p.state.Unlock()
	list := make([]PDIncident, 0, len(p.incidents))
	for _, i := range p.incidents {
		list = append(list, *i)
	}
	return list
}

// Events returns the accepted events in order.
func (p *PagerDuty) Events() []PDEvent {
	p.state.Lock()
	defer p.state.Unlock()
	return slices.Clone(p.events)
}

func (p *PagerDuty) enqueue(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var event PDEvent
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	fault := p.nextFault(event.Action)
	if p.prevents(fault, w, r) {
		return
	}
	if len(body) > maxEventBytes {
		p.refuse(fault, w, http.StatusRequestEntityTooLarge, fmt.Errorf("event is larger than %d bytes", maxEventBytes))
		return
	}
	if err != nil {
		p.refuse(fault, w, http.StatusBadRequest, errors.New("body is no valid JSON event"))
		return
	}
	if err := event.validate(); err != nil {
		p.refuse(fault, w, http.StatusBadRequest, err)
		return
	}
	event.At = time.Now()
	p.accept(&event)
	p.answer(fault, w, http.StatusAccepted, map[string]string{"status": "success", "message": "Event processed", "dedup_key": event.DedupKey})
}

func (p *PagerDuty) refuse(f Fault, w http.ResponseWriter, status int, problem error) {
	p.answer(f, w, status, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": []string{problem.Error()}})
}

// validate checks what the API documents as required.
func (e *PDEvent) validate() error {
	switch {
	case e.RoutingKey == "":
		return errors.New("'routing_key' is missing or blank")
	case !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
		return errors.New("'event_action' is invalid")
	case utf8.RuneCountInString(e.DedupKey) > maxDedupKey:
		return fmt.Errorf("'dedup_key' is longer than %d characters", maxDedupKey)
	case e.DedupKey == "" && e.Action != "trigger":
		return errors.New("'dedup_key' is missing or blank")
	case e.Action != "trigger":
		return nil
	case e.Payload == nil || e.Payload.Summary == "":
		return errors.New("'payload.summary' is missing or blank")
	case utf8.RuneCountInString(e.Payload.Summary) > maxSummaryRunes:
		return fmt.Errorf("'payload.summary' is longer than %d characters", maxSummaryRunes)
	case e.Payload.Source == "":
		return errors.New("'payload.source' is missing or blank")
	case !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity):
		return errors.New("'payload.severity' is invalid")
	}
	if e.Payload.Timestamp != "" {
		if _, err := time.Parse(time.RFC3339Nano, e.Payload.Timestamp); err != nil {
			return errors.New("'payload.timestamp' is invalid")
		}
	}
	for _, l := range e.Links {
		if l.Href == "" {
			return errors.New("'links.href' is missing or blank")
		}
	}
	return nil
}

// accept gives an event its effect.
func (p *PagerDuty) accept(e *PDEvent) {
	p.state.Lock()
	defer p.state.Unlock()
	if e.DedupKey == "" {
		e.DedupKey = fmt.Sprintf("generated-%d", len(p.events)+1)
	}
	key := pdKey{e.RoutingKey, e.DedupKey}
	incident := p.open[key]
	switch {
	case e.Action == "trigger" && incident == nil:
		e.Opened = true
		incident = &PDIncident{RoutingKey: e.RoutingKey, Key: e.DedupKey, Opened: e.At, Summary: e.Payload.Summary, Triggers: 1, Last: *e}
		p.open[key] = incident
		p.incidents = append(p.incidents, incident)
	case e.Action == "trigger":
		incident.Triggers++
		incident.Last = *e
	case incident == nil: // Nothing is open under this key: accepted, without effect.
	case e.Action == "acknowledge":
		incident.Acknowledged = e.At
	case e.Action == "resolve":
		incident.Resolved = e.At
		delete(p.open, key)
	}
	p.events = append(p.events, *e)
	p.forget()
	if p.onEvent != nil {
		p.onEvent(*e)
	}
}

// forget keeps memory bounded. An open incident that is forgotten is opened anew by its next trigger.
func (p *PagerDuty) forget() {
	if len(p.events) > maxRecords {
		p.events = slices.Delete(p.events, 0, maxRecords/10)
	}
	if len(p.incidents) > maxRecords {
		for _, old := range p.incidents[:maxRecords/10] {
			if key := (pdKey{old.RoutingKey, old.Key}); p.open[key] == old {
				delete(p.open, key)
			}
		}
		p.incidents = slices.Delete(p.incidents, 0, maxRecords/10)
	}
}
