package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxRetryAfter caps what a receiver may ask for: a broken clock over there must not silence us for a day.
const maxRetryAfter = 10 * time.Minute

// NewHTTPClient makes the client that all integrations share. It follows no redirects (a receiver that is taken over
// must not send our credentials elsewhere) and calls itself quell. Deadlines are the caller's context's; the size of an
// answer is bounded by the [Exchange].
func NewHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{
		Transport: &politeTransport{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    5 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type politeTransport struct{ next *http.Transport }

func (t *politeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "quell")
	return t.next.RoundTrip(r)
}

func (t *politeTransport) CloseIdleConnections() { t.next.CloseIdleConnections() }

// boundedBody fails instead of ending at the limit: JSON cut in two must not be taken for the whole.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("answer is too long")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Exchange stands in for the HTTP client of a client library during one attempt, and remembers what such libraries
// hide or garble: the status, Retry-After in both its forms, and the transport's error. It is for one goroutine.
type Exchange struct {
	client         *http.Client
	maxAnswerBytes int
	// status is the last answer's, and zero if there was none; then err says why.
	status     int
	retryAfter time.Duration
	err        error
}

// NewExchange begins an attempt over client. Reading more than maxAnswerBytes of an answer's body is an error.
func NewExchange(client *http.Client, maxAnswerBytes int) *Exchange {
	return &Exchange{client: client, maxAnswerBytes: maxAnswerBytes}
}

// Do performs the request and takes notes.
func (x *Exchange) Do(r *http.Request) (*http.Response, error) {
	x.status, x.retryAfter, x.err = 0, 0, nil
	resp, err := x.client.Do(r)
	if err != nil {
		x.err = err
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: x.maxAnswerBytes}
	x.status = resp.StatusCode
	x.retryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	return resp, nil
}

// Status is the last answer's HTTP status, or zero if there was no answer.
func (x *Exchange) Status() int { return x.status }

// RetryAfter is how long the last answer asked to be left alone, at most ten minutes; zero if it did not.
func (x *Exchange) RetryAfter() time.Duration { return x.retryAfter }

// Failure judges the last exchange, of which text is what the receiver said (cleaned of credentials by the caller).
// It returns a [*RejectedError] or a [*RetryError]. A status of success here means that the answer made no sense.
func (x *Exchange) Failure(text string) error {
	switch s := x.status; {
	case s == 0 && x.err == nil:
		return &RejectedError{Reason: "request", Text: "no request could be made of it"}
	case s == 0:
		return transportFailure(x.err)
	case s == http.StatusTooManyRequests:
		return &RetryError{Reason: "http_429", Text: text, After: max(x.retryAfter, time.Second), Unsent: true}
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		return &RetryError{Reason: statusReason(s), Text: fmt.Sprintf("HTTP status %d: %s", s, text), After: x.retryAfter}
	case s >= 300:
		return &RejectedError{Reason: statusReason(s), Text: fmt.Sprintf("HTTP status %d: %s", s, text)}
	default:
		return &RetryError{Reason: "answer", Text: fmt.Sprintf("HTTP status %d, but the answer makes no sense: %s", s, text)}
	}
}

// statusReason keeps the number of metric series small, whatever a server answers.
func statusReason(status int) string {
	switch status {
	case 400, 401, 403, 404, 408, 413, 500, 502, 503, 504:
		return "http_" + strconv.Itoa(status)
	}
	return fmt.Sprintf("http_%dxx", status/100)
}

// transportFailure describes an error of the HTTP client without the address: it may hold userinfo or a secret path.
func transportFailure(err error) *RetryError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	fail := &RetryError{Reason: "connection", Text: err.Error()}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		fail.Unsent = true
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		fail.Reason = "timeout"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		fail.Reason = "dns"
	}
	if isTLS(err) {
		fail.Reason, fail.Unsent = "tls", true
	}
	return fail
}

func isTLS(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return verify || record || unknown
}

// parseRetryAfter reads seconds or an HTTP date (RFC 9110, section 10.2.3); what it cannot read counts as absent.
func parseRetryAfter(header string, now time.Time) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		after = at.Sub(now)
	}
	return max(0, min(after, maxRetryAfter))
}
