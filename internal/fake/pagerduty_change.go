package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// PDChange is one change event that was accepted.
type PDChange struct {
	At         time.Time       `json:"-"`
	RoutingKey string          `json:"routing_key"`
	Payload    PDChangePayload `json:"payload"`
	Links      []PDLink        `json:"links"`
}

// PDChangePayload is what a change event says.
type PDChangePayload struct {
	Summary   string          `json:"summary"`
	Source    string          `json:"source"`
	Timestamp string          `json:"timestamp"`
	Details   json.RawMessage `json:"custom_details"`
}

// Changes returns the accepted change events in order.
func (p *PagerDuty) Changes() []PDChange {
	p.state.Lock()
	defer p.state.Unlock()
	return slices.Clone(p.changes)
}

func (p *PagerDuty) enqueueChange(w http.ResponseWriter, r *http.Request) {
	var change PDChange
	problems := readEvent(r, &change)
	fault := p.nextFault("change")
	if p.prevents(fault, w, r) {
		return
	}
	if problems == nil {
		problems = change.problems()
	}
	if problems != nil {
		p.refuse(fault, w, problems)
		return
	}
	change.At = time.Now()
	p.state.Lock()
	p.changes = append(p.changes, change)
	if len(p.changes) > maxRecords {
		p.changes = slices.Delete(p.changes, 0, maxRecords/10)
	}
	p.state.Unlock()
	p.answer(fault, w, http.StatusAccepted, map[string]string{"status": "success", "message": "Change event processed"})
}

// problems checks what the API documents of a change event.
func (c *PDChange) problems() []string {
	var found problems
	found.routingKey(c.RoutingKey)
	found.summary(c.Payload.Summary)
	found.timestamp(c.Payload.Timestamp)
	found.details(c.Payload.Details)
	found.links(c.Links)
	return found
}
