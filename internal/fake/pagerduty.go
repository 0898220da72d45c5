package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// RoutingKey is an integration key of the form that PagerDuty gives out.
const RoutingKey = "e93facc04764012d7bfb002500d5d1a6"

// maxRecords bounds what a fake remembers of each kind.
const maxRecords = 20_000

// PagerDuty is a fake of the Events API v2. There is one open incident for each routing key and dedup key: another trigger
// is added to it, a resolve ends it, and a trigger after that opens a new one. Change events are kept beside them, each by itself, however
// often one comes. Its methods may be called concurrently.
//
// Faults are asked for with the event's action, which is "change" for a change event.
type PagerDuty struct {
	server

	state     sync.Mutex
	incidents []*PDIncident
	open      map[pdKey]*PDIncident
	events    []PDEvent
	changes   []PDChange
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
	At         time.Time  `json:"-"`
	RoutingKey string     `json:"routing_key"`
	Action     string     `json:"event_action"`
	DedupKey   string     `json:"dedup_key"`
	Client     string     `json:"client"`
	ClientURL  string     `json:"client_url"`
	Links      []PDLink   `json:"links"`
	Payload    *PDPayload `json:"payload"`
	Images     []PDImage  `json:"images"`
	// Opened is true if this event opened an incident: somebody's telephone rang.
	Opened bool `json:"-"`
}

// PDLink is a link in an event.
type PDLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// PDImage is a picture in an event. PagerDuty's pages load it from its source.
type PDImage struct {
	Src  string `json:"src"`
	Href string `json:"href"`
	Alt  string `json:"alt"`
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
	routes.HandleFunc("POST /v2/change/enqueue", p.enqueueChange)
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
	var event PDEvent
	problems := readEvent(r, &event)
	fault := p.nextFault(event.Action)
	if p.prevents(fault, w, r) {
		return
	}
	if problems == nil {
		problems = event.problems()
	}
	if problems != nil {
		p.refuse(fault, w, problems)
		return
	}
	event.At = time.Now()
	p.accept(&event)
	p.answer(fault, w, http.StatusAccepted, map[string]string{"status": "success", "message": "Event processed", "dedup_key": event.DedupKey})
}

// readEvent reads a request's body, and says what is wrong with it.
func readEvent(r *http.Request, into any) (problems []string) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || len(body) > maxEventBytes:
		return []string{fmt.Sprintf("Event is larger than %d bytes", maxEventBytes)}
	case json.Unmarshal(body, into) != nil:
		return []string{"JSON parse error"}
	}
	return nil
}

// refuse answers as the Events API does: 400 whatever is wrong with an event, its size included.
func (p *PagerDuty) refuse(f Fault, w http.ResponseWriter, problems []string) {
	p.answer(f, w, http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": problems})
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
