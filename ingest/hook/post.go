package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quell/ingest"
	"quell/rules/webhook"
)

// reply is the body of every answer, for those who look at the sender's log of deliveries.
type reply struct {
	Accepted int         `json:"accepted"`
	Ignored  int         `json:"ignored,omitempty"`
	Rejected []rejection `json:"rejected,omitempty"`
	// RejectedTotal counts those too that are not listed.
	RejectedTotal int    `json:"rejected_total,omitempty"`
	Note          string `json:"note,omitempty"`
}

type rejection struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// call is one request of a source on its way.
type call struct {
	*Server
	source *Source
	r      *http.Request
	now    time.Time
	body   []byte
	// message is there if the source is SNS.
	message snsMessage
}

// post answers a request.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	c := &call{Server: s, source: s.cfg.Sources()[r.PathValue("name")], r: r, now: s.cfg.Now()}
	if c.source == nil {
		c.source = new(Source)
		c.answer(w, nil, &refusal{reasonUnknown, http.StatusNotFound, fmt.Sprintf("there is no webhook %.100q (see webhooks in the configuration)", r.PathValue("name"))})
		return
	}
	taken, err := c.serve(w)
	c.answer(w, taken, err)
}

// answer writes the outcome of a request.
func (c *call) answer(w http.ResponseWriter, taken *reply, err error) {
	code, body := http.StatusOK, any(taken)
	if err != nil {
		why, ok := errors.AsType[*refusal](err)
		if !ok {
			why = &refusal{reasonStore, http.StatusServiceUnavailable, "not stored, send again: " + err.Error()}
		}
		code = why.code
		c.metrics.refused.WithLabelValues(c.source.Name, why.reason).Inc()
		c.standings.refused(c.source.Name, &Refused{At: c.now, Reason: why.reason, Text: why.text, From: c.r.RemoteAddr, Code: code})
		if c.warned.first(c.source.Name+" "+why.reason, c.now) {
			c.log.LogAttrs(c.r.Context(), slog.LevelWarn, "webhook refused", slog.String("webhook", c.source.Name),
				slog.String("reason", why.reason), slog.String("from", c.r.RemoteAddr), slog.String("error", why.text))
		}
		if taken == nil {
			body = struct {
				Error string `json:"error"`
			}{why.text}
		}
	}
	if err == nil {
		c.standings.took(c.source.Name, c.now)
	}
	if code == http.StatusServiceUnavailable {
		// Senders that were turned away together should not come back together.
		w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	}
	if code == http.StatusUnauthorized && c.source.Auth.Basic != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="quell", charset="UTF-8"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	// An error here means that the sender is gone.
	_ = json.NewEncoder(w).Encode(body)
	c.metrics.requests.WithLabelValues(c.source.Name, strconv.Itoa(code)).Inc()
}

// serve takes a request in. An error is a [*refusal], or says why what it holds may not be durable.
func (c *call) serve(w http.ResponseWriter) (*reply, error) {
	if err := c.source.Auth.header(c.r, c.source.AllowUnauthenticated || c.cfg.Local != nil && c.cfg.Local(c.r)); err != nil {
		return nil, err
	}
	if err := c.mediaType(); err != nil {
		return c.refused(err)
	}
	read, err := c.bodies.ReadBody(w, c.r)
	if err != nil {
		return c.refused(unread(err))
	}
	defer read.Release()
	c.body = read.Bytes
	if h := c.source.Auth.HMAC; h != nil {
		if err := h.verify(c.r.Header, c.body, c.now); err != nil {
			return nil, err
		}
	}
	body, err := ingest.DecodeValue(c.body, maxValues)
	if err != nil {
		return c.malformed(err)
	}
	if c.source.Auth.SNS != nil {
		if taken, err := c.receive(body); taken != nil || err != nil {
			return taken, err
		}
	}
	if c.source.Mapping.SNS {
		body = webhook.Unwrap(body)
	}
	return c.take(body)
}

// mediaType refuses what is no JSON. SNS says that its JSON is plain text; from others that is not taken, for any web page may make a browser
// send plain text to a machine that only the browser can reach.
func (c *call) mediaType() error {
	ct := c.r.Header.Get("Content-Type")
	t, _, err := mime.ParseMediaType(ct)
	switch {
	case ct == "" || err == nil && strings.Contains(t, "json"):
		return nil
	case err == nil && t == "text/plain" && c.source.Auth.SNS != nil:
		return nil
	}
	return &refusal{reasonMediaType, http.StatusUnsupportedMediaType, fmt.Sprintf("content type %.100q is not JSON (want application/json)", ct)}
}

// unread says what an error of reading a body means to its sender.
func unread(err error) error {
	code := http.StatusInternalServerError
	if e, ok := errors.AsType[*ingest.StatusError](err); ok {
		code = e.Code
	}
	return &refusal{reasonBody, code, err.Error()}
}

// refused tells of a body that was not read, if who sent it proved who it is without it, and would not come back with another one: an alert may
// have been in it.
func (c *call) refused(why error) (*reply, error) {
	r, ok := errors.AsType[*refusal](why)
	proven := c.source.Auth.Bearer != "" || c.source.Auth.Basic != nil
	if !ok || !proven || r.code != http.StatusRequestEntityTooLarge && r.code != http.StatusUnsupportedMediaType {
		return nil, why
	}
	if err := c.to.SubmitReports(c.r.Context(), []Report{{Input: c.unmapped(r.text, 1)}}); err != nil {
		return nil, err
	}
	return nil, why
}

// malformed tells of a body that is no JSON. Who sent it is believed, unless that takes its content.
func (c *call) malformed(err error) (*reply, error) {
	why := &refusal{reasonMalformed, http.StatusBadRequest, err.Error()}
	if c.source.Auth.SNS != nil {
		return nil, why
	}
	if err := c.to.SubmitReports(c.r.Context(), []Report{{Input: c.unmapped(err.Error(), 1)}}); err != nil {
		return nil, err
	}
	c.quarantine(err.Error())
	return nil, why
}

// receive verifies a message of SNS. It returns an answer if the message is about the subscription and not about what was published.
func (c *call) receive(body any) (*reply, error) {
	m, err := readSNS(body)
	if err != nil {
		return nil, err
	}
	if err := c.sns.verify(c.r.Context(), m, c.source.Auth.SNS); err != nil {
		return nil, err
	}
	c.message = m
	if c.seen.known(c.key()) {
		return &reply{Note: "this message was taken already"}, nil
	}
	switch m["Type"] {
	case snsSubscribe:
		if err := c.sns.confirm(c.r.Context(), m); err != nil {
			return nil, &refusal{reasonConfirm, http.StatusServiceUnavailable, "the subscription could not be confirmed: " + err.Error()}
		}
		c.log.Info("subscription confirmed", slog.String("webhook", c.source.Name), slog.String("topic", m["TopicArn"]))
		c.seen.add(c.key())
		return &reply{Note: "the subscription is confirmed"}, nil
	case snsUnsubscribe:
		if err := c.to.SubmitReports(c.r.Context(), []Report{{Input: c.unsubscribed(m["TopicArn"])}}); err != nil {
			return nil, err
		}
		c.seen.add(c.key())
		return &reply{Accepted: 1, Note: "this source hears no more of the topic"}, nil
	}
	return nil, nil
}

// key tells messages of SNS apart.
func (c *call) key() string {
	return c.source.Name + " " + c.message["Type"] + " " + c.message["MessageId"]
}

// take maps a body and stores what it becomes, with what it did not become.
func (c *call) take(body any) (*reply, error) {
	started := time.Now()
	res := c.source.Mapping.Apply(&webhook.Request{
		Body: body, Headers: headersOf(c.r.Header), Query: queryOf(c.r.URL.Query()), Name: c.source.Name, Labels: c.source.Labels,
		Now: c.now.UTC().Round(0), MaxItems: c.source.MaxItems,
		Stop: func() bool { return time.Since(started) > mapFor || c.r.Context().Err() != nil },
	})
	if err := c.store(res); err != nil {
		return nil, err
	}
	if c.message != nil {
		c.seen.add(c.key())
	}
	c.metrics.took(c.source.Name, res)
	taken := &reply{Accepted: len(res.Items), Ignored: res.Ignored, RejectedTotal: res.FaultCount}
	for _, f := range res.Faults {
		taken.Rejected = append(taken.Rejected, rejection(f))
	}
	if res.FaultCount == 0 {
		return taken, nil
	}
	why := fmt.Sprintf("%d of its items could not be mapped, first: %s", res.FaultCount, res.Faults[0].Reason)
	c.quarantine(why)
	if len(res.Items) == 0 && res.Ignored == 0 {
		return taken, &refusal{reasonUnmapped, http.StatusBadRequest, why}
	}
	if c.warned.first(c.source.Name+" some "+reasonUnmapped, c.now) {
		c.log.LogAttrs(c.r.Context(), slog.LevelWarn, "items of a webhook not mapped", slog.String("webhook", c.source.Name), slog.String("error", why))
	}
	return taken, nil
}

// store makes the result of a body durable.
func (c *call) store(res *webhook.Result) error {
	var reports []Report
	for _, it := range res.Items {
		reports = append(reports, Report{Input: it.Input, IfFiring: ends(it.Input)})
		for _, other := range it.Instead {
			reports = append(reports, Report{Input: other, IfFiring: true})
		}
	}
	if res.FaultCount > 0 {
		reports = append(reports, Report{Input: c.unmapped(res.Faults[0].Reason, res.FaultCount)})
	}
	if len(reports) == 0 {
		return nil
	}
	return c.to.SubmitReports(context.WithoutCancel(c.r.Context()), reports)
}

func (c *call) quarantine(reason string) {
	if c.cfg.Quarantine != nil {
		c.cfg.Quarantine(path+c.source.Name, c.body[:min(len(c.body), maxQuarantineBytes)], reason)
	}
}

// queryOf are the parameters of an address, the first of each name.
func queryOf(q url.Values) map[string]string {
	all := make(map[string]string, len(q))
	for name, values := range q {
		all[name] = values[0]
	}
	return all
}
