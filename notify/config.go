package notify

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"
)

// Secret is a credential. It never shows itself: not in logs, errors, JSON or %v. Convert it to string to use it.
type Secret string

const hidden = "<secret>"

// String hides the value.
func (s Secret) String() string { return hidden }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return hidden }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Receiver is a named group of integrations: a delivery to it goes to each.
type Receiver struct {
	Name      string
	PagerDuty []PagerDutyConfig
	Slack     []SlackConfig
}

// PagerDutyConfig is one service at PagerDuty (Events API v2).
type PagerDutyConfig struct {
	// RoutingKey is the integration key of the service.
	RoutingKey Secret
	// URL is the base address, without /v2/enqueue. Empty means https://events.pagerduty.com.
	URL string
}

// SlackConfig is one channel of a workspace.
type SlackConfig struct {
	// Token is a bot token (xoxb-…) that may write to the channel.
	Token Secret
	// Channel is a name with its # or an id.
	Channel string
	// APIURL is the base address, ending in a slash. Empty means https://slack.com/api/.
	APIURL string
}

// Config is the dispatcher's configuration.
type Config struct {
	Receivers []Receiver
	// ExternalURL is how people reach quell, for links. Empty means no links.
	ExternalURL string
	// Timeout bounds one attempt, answer included. Zero means 10s.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the pause between attempts; it doubles from one to the other with jitter.
	// Zero means 1s and 1m. A receiver that asks for more with Retry-After gets it, up to ten minutes.
	MinBackoff, MaxBackoff time.Duration
	// RatePerMinute is how many attempts one integration takes at most, after a burst of ten; more wait. Zero means 60.
	RatePerMinute int
	// Workers is how many attempts may be under way at once. There is always one for each integration, so that
	// receivers that hang cannot delay the others. Zero means 8.
	Workers int
	// MaxPending is how many deliveries the dispatcher keeps in memory. Zero means 100,000.
	MaxPending int
}

// withDefaults fills zero fields.
func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.MinBackoff = cmp.Or(c.MinBackoff, time.Second)
	c.MaxBackoff = max(cmp.Or(c.MaxBackoff, time.Minute), c.MinBackoff)
	c.RatePerMinute = cmp.Or(c.RatePerMinute, 60)
	c.Workers = cmp.Or(c.Workers, 8)
	c.MaxPending = cmp.Or(c.MaxPending, 100_000)
	return c
}

// Validate reports every problem.
func (c *Config) Validate() error {
	errs := []error{validURL("external_url", c.ExternalURL)}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"timeout", int64(c.Timeout)},
		{"min_backoff", int64(c.MinBackoff)},
		{"max_backoff", int64(c.MaxBackoff)},
		{"rate_per_minute", int64(c.RatePerMinute)},
		{"workers", int64(c.Workers)},
		{"max_pending", int64(c.MaxPending)},
	} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s: is negative", n.name))
		}
	}
	names := make(map[string]bool)
	for i, r := range c.Receivers {
		if r.Name == "" {
			errs = append(errs, fmt.Errorf("receivers[%d]: name is missing", i))
		} else if names[r.Name] {
			errs = append(errs, fmt.Errorf("receivers[%d]: second receiver of name %q", i, r.Name))
		}
		names[r.Name] = true
		for j, p := range r.PagerDuty {
			if p.RoutingKey == "" {
				errs = append(errs, fmt.Errorf("receivers[%d].pagerduty_configs[%d]: routing key is missing", i, j))
			}
			errs = append(errs, validURL(fmt.Sprintf("receivers[%d].pagerduty_configs[%d].url", i, j), p.URL))
		}
		for j, s := range r.Slack {
			if s.Token == "" || s.Channel == "" {
				errs = append(errs, fmt.Errorf("receivers[%d].slack_configs[%d]: token and channel are needed", i, j))
			}
			errs = append(errs, validURL(fmt.Sprintf("receivers[%d].slack_configs[%d].api_url", i, j), s.APIURL))
		}
	}
	return errors.Join(errs...)
}

func validURL(field, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The address is not shown: it may hold a password.
		return fmt.Errorf("%s: is no http or https address", field)
	}
	return nil
}
