package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"quell/correlate"
)

// client speaks to quell as Alertmanager and people do.
type client struct {
	root string
	http http.Client
}

const maxAnswerBytes = 64 << 20

// post sends a body and returns when quell has it on disk.
func (c *client) post(ctx context.Context, path string, body []byte) error {
	return c.do(ctx, http.MethodPost, path, body, nil)
}

// incidents asks for all incidents, newest first, without their symptoms.
func (c *client) incidents(ctx context.Context) ([]*correlate.Incident, error) {
	var answer struct {
		Incidents []*correlate.Incident `json:"incidents"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/incidents?limit=1000", nil, &answer)
	return answer.Incidents, err
}

// incident asks for one with all that is known.
func (c *client) incident(ctx context.Context, id correlate.IncidentID) (*correlate.Incident, error) {
	inc := new(correlate.Incident)
	return inc, c.do(ctx, http.MethodGet, "/api/v1/incidents/"+id.String(), nil, inc)
}

// acknowledge says that somebody looks at an incident.
func (c *client) acknowledge(ctx context.Context, id correlate.IncidentID, by string) error {
	body, err := json.Marshal(map[string]string{"by": by})
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, "/api/v1/incidents/"+id.String()+"/ack", body, nil)
}

// pending counts messages that are still on their way to receivers.
func (c *client) pending(ctx context.Context) (int, error) {
	var answer struct {
		Pending int `json:"pending_deliveries"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/status", nil, &answer)
	return answer.Pending, err
}

func (c *client) do(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.root+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %.200s", method, path, resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
