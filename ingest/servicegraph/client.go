package servicegraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// querier is what a [Poller] needs of Prometheus.
type querier interface {
	// instant evaluates a query now, by the clock of Prometheus. warnings are what it has to say about an answer.
	instant(ctx context.Context, query string) (v model.Vector, warnings []string, err error)
}

// client asks Prometheus over HTTP.
type client struct{ api promv1.API }

// newClient makes a client. Files with credentials are read anew when they change, so that tokens may expire.
func newClient(c *Config) (*client, error) {
	transport, err := promconfig.NewRoundTripperFromConfig(c.HTTP, Source(c.Name))
	if err != nil {
		return nil, fmt.Errorf("service graph %s: %w", c.Name, err)
	}
	h := &http.Client{Transport: bounded{transport, c.MaxResponseBytes}}
	if !c.HTTP.FollowRedirects {
		h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	a, err := api.NewClient(api.Config{Address: c.URL, Client: h})
	if err != nil {
		return nil, fmt.Errorf("service graph %s: %w", c.Name, err)
	}
	return &client{promv1.NewAPI(a)}, nil
}

func (c *client) instant(ctx context.Context, query string) (model.Vector, []string, error) {
	v, warnings, _, err := c.api.Query(ctx, query, time.Time{})
	if e, ok := errors.AsType[*promv1.Error](err); ok && e.Detail != "" {
		return nil, nil, fmt.Errorf("%w: %s", err, e.Detail) // the body, which says why
	}
	if err != nil {
		return nil, nil, err
	}
	vector, ok := v.(model.Vector)
	if !ok {
		return nil, nil, fmt.Errorf("the query gives a %s, not an instant vector", v.Type())
	}
	return vector, warnings, nil
}

// bounded cuts off answers that are too large: the library reads them as a whole.
type bounded struct {
	next http.RoundTripper
	max  int64
}

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, b.max)
	}
	return resp, err
}
