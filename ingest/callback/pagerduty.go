package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty/webhookv3"

	"quell/correlate"
)

// pagerDutyOldest is how old an event may be. PagerDuty gives a webhook up before that; whatever comes later was recorded by somebody.
const pagerDutyOldest = 48 * time.Hour

// pagerDutyBodyMax bounds a webhook: the library reads no more of it.
const pagerDutyBodyMax = 2 << 20

// pagerDutyHook is what we read of a webhook of version 3.
type pagerDutyHook struct {
	Event struct {
		ID         string    `json:"id"`
		Type       string    `json:"event_type"`
		OccurredAt time.Time `json:"occurred_at"`
		Agent      *struct {
			Summary string `json:"summary"`
			Type    string `json:"type"`
		} `json:"agent"`
		Data struct {
			// Key is the dedup key of the event that opened the incident.
			Key string `json:"incident_key"`
			// ResolveReason is there if an incident was resolved for another reason than that its trouble is over.
			ResolveReason *struct {
				Type string `json:"type"`
			} `json:"resolve_reason"`
		} `json:"data"`
	} `json:"event"`
}

// pagerDutyActions are the events that say that a person did something about the incident.
var pagerDutyActions = map[string]correlate.Action{
	"incident.acknowledged": correlate.ActionAck,
	"incident.resolved":     correlate.ActionResolve,
}

// pagerDuty takes a webhook of version 3. The status follows what PagerDuty makes of it: it sends again after 5xx only.
func (s *Server) pagerDuty(w http.ResponseWriter, r *http.Request) {
	body, err := s.intake.read(w, r, pagerDutyBodyMax)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := s.signed(r); err != nil {
		status := http.StatusForbidden
		if errors.Is(err, webhookv3.ErrMalformedHeader) || errors.Is(err, webhookv3.ErrMalformedBody) {
			status = http.StatusBadRequest
		}
		answer(w, status, result{Error: err.Error()})
		return
	}
	var hook pagerDutyHook
	if err := json.NewDecoder(r.Body).Decode(&hook); err != nil {
		answer(w, http.StatusBadRequest, result{Error: "the body is no webhook of PagerDuty: " + err.Error()})
		return
	}
	e := &hook.Event
	action, known := pagerDutyActions[e.Type]
	if !known {
		answer(w, http.StatusOK, result{Ignored: "events of this type mean nothing here"})
		return
	}
	if age := s.cfg.Now().Sub(e.OccurredAt); age > pagerDutyOldest {
		answer(w, http.StatusOK, result{Ignored: "the event is older than 48h"})
		return
	}
	id, generation, ours := s.incidentOf(e.Data.Key)
	if !ours {
		answer(w, http.StatusOK, result{Ignored: "the incident's key is none of this quell's"})
		return
	}
	// What quell itself tells PagerDuty comes back as an event of the service: before a new page, for one, it resolves an acknowledged
	// incident there, and that must not close the incident here.
	if e.Agent == nil || e.Agent.Type != "user_reference" {
		answer(w, http.StatusOK, result{Ignored: "nobody did it: the agent is no user"})
		return
	}
	if why := e.Data.ResolveReason; why != nil && strings.HasPrefix(why.Type, "merge") {
		answer(w, http.StatusOK, result{Ignored: "the incident was merged into another there, and goes on"})
		return
	}
	s.carryOut(w, r, "pagerduty/"+e.ID, &correlate.Command{
		Action: action, Incident: id, Generation: generation, By: person(e.Agent.Summary, "PagerDuty"),
	})
}

// signed checks a request's signature against all secrets that there are. It leaves the body to be read.
func (s *Server) signed(r *http.Request) error {
	secrets := s.cfg.PagerDuty()
	if len(secrets) == 0 {
		return errors.New("no pagerduty_configs has a webhook_secret_file")
	}
	var err error
	for _, s := range secrets {
		if err = webhookv3.VerifySignature(r, string(s)); err == nil {
			return nil
		}
	}
	return err
}
