package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"quell/routing"
)

// Notifier delivers to one integration. Implementations are safe for concurrent use: the dispatcher calls them for
// several deliveries at once, though never for two of one key.
type Notifier interface {
	// Notify makes one attempt and returns before ctx ends. The delivery is read only. A non-empty ref replaces the one
	// in prev, even beside an error. The error is a [*RejectedError] where another attempt is pointless and a
	// [*RetryError] where more is known than that it went wrong. It never contains a credential.
	Notify(ctx context.Context, d *routing.Delivery, prev Sent) (ref string, err error)
}

// Sent is what is known of earlier messages under a delivery's key.
type Sent struct {
	// Ref is what the integration needs to edit its own earlier message; empty if there is none or it was lost.
	Ref string
	// Maybe is true if this very delivery may have arrived already: quell crashed before it noted the answer, or the
	// answer was lost. A receiver without dedup keys has to look before it posts again.
	Maybe bool
}

// Environment is what every integration gets besides its own configuration.
type Environment struct {
	// HTTP follows no redirect, bounds answers and names us; see [NewHTTPClient].
	HTTP *http.Client
	// ExternalURL is how people reach quell. Empty means no links.
	ExternalURL string
	// StoreID tells several quells apart where they write to one receiver.
	StoreID string
	// Templates renders what users wrote into fields of their receivers; nil means that nobody wrote any. See [Environment.Words].
	Templates Templates
	// Broken is told of each field that could not be rendered; it may be nil.
	Broken func(d *routing.Delivery, field string, err error)
	// Log gets what does not keep a delivery from its receiver. Nil means nobody.
	Log *slog.Logger

	countExtra func(integration string, what Extra, err error)
}

// Integrations makes notifiers from configurations. Its functions are called by [NewDispatcher] and
// [Dispatcher.Reconfigure]; they start nothing and connect to nothing. They are passed in because the packages of the
// integrations import this one.
type Integrations struct {
	PagerDuty func(PagerDutyConfig, Environment) Notifier
	Slack     func(SlackConfig, Environment) Notifier
	// Other is for what Alertmanager's packages deliver to. Nil means that there must be none.
	Other func(OtherConfig, Environment) Notifier
	// Probe is what [ProbeTarget] stands for: deliveries to it go through the dispatcher like any other, to nobody. Nil means that
	// there is none.
	Probe Notifier
}

// ProbeTarget is where quell sends to find out whether the dispatcher works. No receiver is of its type.
var ProbeTarget = routing.Target{Receiver: "quell", Type: "probe"}

// RejectedError says that the receiver will never take this delivery: wrong credentials, no such channel, bad request.
type RejectedError struct {
	// Reason is one of few words, for metrics: http_403, invalid_auth, …
	Reason string
	// Text says more to people.
	Text string
}

// Error tells both.
func (e *RejectedError) Error() string { return fmt.Sprintf("rejected (%s): %s", e.Reason, e.Text) }

// RetryError says that another attempt may succeed.
type RetryError struct {
	// Reason is one of few words, for metrics: timeout, connection, http_429, …
	Reason string
	// Text says more to people.
	Text string
	// After is how long the receiver wants to be left alone, by everybody; zero if it did not say.
	After time.Duration
	// Unsent is true if the delivery certainly has not arrived.
	Unsent bool
}

// Error tells reason and text.
func (e *RetryError) Error() string { return fmt.Sprintf("%s: %s", e.Reason, e.Text) }
