package fake

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// PDHook is one webhook of version 3, as PagerDuty sends it when somebody does something about an incident there.
type PDHook struct {
	// ID is the event's, Type is "incident.acknowledged" or so, Key the dedup key of the incident, Agent who did it.
	ID, Type, Key, Agent string
	// AgentType is the kind of the agent; empty is a user. An event of the Events API has the service for its agent.
	AgentType string
	// ResolveReason is the type of the reason for a resolve, as "merge_resolve_reason"; empty is none.
	ResolveReason string
	At            time.Time
}

// Request makes the request that PagerDuty would send to an address, signed with a subscription's secret.
func (h PDHook) Request(url, secret string) (*http.Request, error) {
	reference := func(id, kind, summary string) map[string]any {
		return map[string]any{
			"id": id, "type": kind, "summary": summary,
			"self": "https://api.pagerduty.example/" + id, "html_url": "https://acme.pagerduty.example/" + id,
		}
	}
	var reason any
	if h.ResolveReason != "" {
		reason = map[string]any{"type": h.ResolveReason, "incident": reference("PTARGET", "incident_reference", "another")}
	}
	body, err := json.Marshal(map[string]any{"event": map[string]any{
		"id": h.ID, "event_type": h.Type, "resource_type": "incident", "occurred_at": h.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		"agent": reference("PLH1HKV", cmp.Or(h.AgentType, "user_reference"), h.Agent), "client": nil,
		"data": map[string]any{
			"id": "PGR0VU2", "type": "incident", "number": 2, "status": "acknowledged", "incident_key": h.Key, "title": "something is down",
			"service": reference("PF9KMXH", "service_reference", "shop"), "assignees": []any{}, "teams": []any{}, "urgency": "high", "resolve_reason": reason,
		},
	}})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "PagerDuty-Webhook/V3.0")
	// While a secret is changed for another, there are two signatures.
	r.Header.Set("X-PagerDuty-Signature", "v1="+hex.EncodeToString(make([]byte, sha256.Size))+",v1="+hex.EncodeToString(mac.Sum(nil)))
	return r, nil
}
