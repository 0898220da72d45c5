package notify

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"quell/internal/secret"
)

// Secret is a credential, which never shows itself.
type Secret = secret.Text

// CheckSecret returns a [*RetryError] if a credential stands for one that could not be read: it may be there soon, and its receiver need not
// hear of it.
func CheckSecret(s Secret) error {
	if !s.Absent() {
		return nil
	}
	return &RetryError{Reason: "no_credentials", Text: "its secret file could not be read", Unsent: true}
}

// Receiver is a named group of integrations: a delivery to it goes to each.
type Receiver struct {
	Name string
	// Limits are those of each of its integrations.
	Limits    Limits
	PagerDuty []PagerDutyConfig
	Slack     []SlackConfig
	// Others are those that Alertmanager's own packages deliver to.
	Others []OtherConfig
}

// Limits bound how an integration is used. Zero fields mean what [Config] says, or its defaults.
type Limits struct {
	// RatePerMinute is how many attempts it takes at most, after Burst at once; more wait.
	RatePerMinute, Burst int
	// Timeout bounds one attempt, answer included.
	Timeout time.Duration
	// DeliverWithin is how long it has to accept a page before the next step of the policy is taken. It concerns package
	// routing, not the dispatcher.
	DeliverWithin time.Duration
}

// or fills zero fields. The burst is at most what a minute takes, unless the receiver says otherwise.
func (l Limits) or(c *Config) Limits {
	l.RatePerMinute = cmp.Or(l.RatePerMinute, c.RatePerMinute)
	l.Burst = cmp.Or(l.Burst, min(burst, l.RatePerMinute))
	l.Timeout = cmp.Or(l.Timeout, c.Timeout)
	return l
}

// PagerDutyConfig is one service at PagerDuty (Events API v2).
type PagerDutyConfig struct {
	// RoutingKey is the integration key of the service.
	RoutingKey Secret
	// URL is the base address, without /v2/enqueue. Empty means https://events.pagerduty.com.
	URL string
	// WebhookSecret is what the service's webhook subscription signs with, so that what people do there counts here. Empty means that
	// nobody listens.
	WebhookSecret Secret
	// NoChangeEvents keeps what was changed before an incident from being told as change events.
	NoChangeEvents bool
	// NoPictures leaves out the picture of the cascade, which PagerDuty's pages load from [Config.ExternalURL].
	NoPictures bool
	// Description is a template of the event's summary. Empty means the default.
	Description string
	// Details are templates of custom details, by name. They are added to those that quell tells.
	Details map[string]string
}

// SlackConfig is one channel of a workspace.
type SlackConfig struct {
	// Token is a bot token (xoxb-…) that may write to the channel.
	Token Secret
	// Channel is a name with its # or an id.
	Channel string
	// SigningSecret is what the app signs requests with when somebody clicks a button; AppToken (xapp-…) opens the socket over which it
	// sends them in Socket Mode instead. Empty means that nobody listens there.
	SigningSecret, AppToken Secret
	// AllowedUsers are the ids of those who may act by buttons. None is whoever sees the channel, but for people of other workspaces.
	AllowedUsers []string
	// APIURL is the base address, ending in a slash. Empty means https://slack.com/api/.
	APIURL string
	// Title and Text are templates of the headline and of what stands below it. Empty means the default.
	Title, Text string
	// NoPictures leaves the pictures out of threads.
	NoPictures bool
	// Buttons shows buttons on incidents. It takes somebody who listens for the clicks.
	Buttons bool
}

// Config is the dispatcher's configuration.
type Config struct {
	Receivers []Receiver
	// ExternalURL is how people reach quell, for links. Empty means no links.
	ExternalURL string
	// Templates renders the fields of receivers that are templates. Nil means that all are left to the defaults.
	Templates Templates
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
		if l := r.Limits; l.RatePerMinute < 0 || l.Burst < 0 || l.Timeout < 0 || l.DeliverWithin < 0 {
			errs = append(errs, fmt.Errorf("receivers[%d]: a limit is negative", i))
		}
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
		for _, o := range r.Others {
			errs = append(errs, o.valid(i))
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
