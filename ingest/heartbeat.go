package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

const (
	heartbeatPath = "/api/v1/heartbeat/{name}"
	// heartbeatLabels, heartbeatValueBytes and heartbeatNameBytes bound what tells a heartbeat from others.
	heartbeatLabels     = 10
	heartbeatValueBytes = 256
	heartbeatNameBytes  = 128
)

// heartbeat takes a beat: `POST /api/v1/heartbeat/NAME?status=ok|fail&exit_code=N&LABEL=VALUE…`, with a text as its body if there is
// more to say. It takes no GET: those are repeated, prefetched and previewed by programs that mean nothing by it.
func (s *Server) heartbeat(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a := s.beat(w, r)
	a.write(w)
	s.metrics.requests.WithLabelValues(heartbeatPath, strconv.Itoa(a.code)).Inc()
	s.metrics.seconds.Observe(time.Since(start).Seconds())
}

func (s *Server) beat(w http.ResponseWriter, r *http.Request) answer {
	rt := route{path: heartbeatPath}
	in, err := decodeBeat(r.PathValue("name"), r.URL.Query())
	if err != nil {
		return fail(http.StatusBadRequest, err.Error())
	}
	body, err := s.bodies.ReadBody(w, r)
	if err != nil {
		return s.unread(r.Context(), rt, err)
	}
	defer body.Release()
	in.Message = strings.ToValidUTF8(string(cut(body.Bytes, s.messageBytes())), "\uFFFD")
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		in.Source = "heartbeat/" + host
	}
	err = s.sub.Submit(r.Context(), []correlate.Input{in})
	if refused, ok := errors.AsType[*correlate.HeartbeatError](err); ok {
		if s.mayWarn(rt.path + " refused") {
			s.log.LogAttrs(r.Context(), slog.LevelWarn, "heartbeat refused", slog.String("reason", refused.Reason))
		}
		if refused.Unknown {
			return fail(http.StatusNotFound, refused.Reason)
		}
		return fail(http.StatusBadRequest, refused.Reason)
	}
	if err != nil {
		a := fail(http.StatusServiceUnavailable, "not stored, send again: "+err.Error())
		a.isRetryable = true
		return a
	}
	return answer{code: http.StatusOK, body: success{Accepted: 1}}
}

func (s *Server) messageBytes() int { return s.cfg.Limits.withDefaults().MessageBytes }

// decodeBeat reads what a beat's address tells.
func decodeBeat(name string, query url.Values) (*correlate.Heartbeat, error) {
	in := &correlate.Heartbeat{Name: name}
	if name == "" || len(name) > heartbeatNameBytes || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`/@{}"*`, c) }) {
		return nil, fmt.Errorf("%s is no name of a heartbeat", quote([]byte(name)))
	}
	var pairs []correlate.Label
	for key, values := range query {
		switch value := values[0]; {
		case len(values) > 1:
			return nil, fmt.Errorf("%s is given twice", quote([]byte(key)))
		case key == "status":
			if value != "ok" && value != "fail" {
				return nil, fmt.Errorf("status %s is neither ok nor fail", quote([]byte(value)))
			}
			in.Failed = in.Failed || value == "fail"
		case key == "exit_code":
			code, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("exit_code %s is no number", quote([]byte(value)))
			}
			in.Failed = in.Failed || code != 0
		case key == "" || len(key) > heartbeatNameBytes || len(value) > heartbeatValueBytes || strings.ContainsRune(key+value, 0) ||
			strings.ToValidUTF8(key+value, "") != key+value:
			return nil, fmt.Errorf("label %s is no text, or longer than %d bytes", quote([]byte(key)), heartbeatValueBytes)
		case value != "":
			pairs = append(pairs, correlate.Label{Name: key, Value: value})
		}
	}
	if len(pairs) > heartbeatLabels {
		return nil, fmt.Errorf("more than %d labels", heartbeatLabels)
	}
	in.Labels = correlate.NewLabels(pairs)
	return in, nil
}
