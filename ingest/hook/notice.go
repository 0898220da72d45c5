package hook

import (
	"fmt"
	"time"

	"quell/correlate"
)

// Names of the alerts about sources themselves.
const (
	unmappedName     = "WebhookUnmapped"
	unsubscribedName = "WebhookUnsubscribed"
)

const (
	// ownSource is the source of what this package itself finds.
	ownSource = "quell/webhook"
	// unmappedFor is how long such an alert counts without being told again. Nothing resolves it before: that something else of the source could
	// be mapped since does not tell what was missed.
	unmappedFor     = time.Hour
	unsubscribedFor = 30 * 24 * time.Hour
)

// unmapped is the alert of a source of which something could not be mapped: it might have been a page.
func (c *call) unmapped(reason string, count int) *correlate.Alert {
	summary := fmt.Sprintf("webhook %s sent something that quell could not map: %s", c.source.Name, reason)
	if count > 1 {
		summary = fmt.Sprintf("webhook %s sent %d items that quell could not map, first: %s", c.source.Name, count, reason)
	}
	description := "It may have been an alert that nobody hears of otherwise."
	if c.body != nil {
		description += fmt.Sprintf(" The body is in the store's quarantine; 'quell webhook try %s BODY.json' shows what a body becomes.", c.source.Name)
	}
	return c.own(unmappedName, summary, description, unmappedFor)
}

// unsubscribed is the alert of a source that hears no more.
func (c *call) unsubscribed(topic string) *correlate.Alert {
	return c.own(unsubscribedName, fmt.Sprintf("webhook %s hears no more of %s: somebody ended the subscription", c.source.Name, topic),
		"Subscribe again, or remove the webhook.", unsubscribedFor)
}

func (c *call) own(name, summary, description string, lasts time.Duration) *correlate.Alert {
	labels := correlate.LabelsOf("alertname", name, "severity", "error", "webhook", c.source.Name, "quell_entity", "webhook/"+c.source.Name)
	now := c.now.UTC().Round(0)
	return &correlate.Alert{
		Fingerprint: labels.Fingerprint(), Labels: labels, Annotations: correlate.LabelsOf("summary", summary, "description", description),
		Source: ownSource, StartsAt: now, Expires: now.Add(lasts),
	}
}

// ends reports whether an input is the end of an alert.
func ends(in correlate.Input) bool {
	a, ok := in.(*correlate.Alert)
	return ok && a.Resolved()
}
