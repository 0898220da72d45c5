package app

import (
	"context"

	"quell/correlate"
	"quell/internal/secret"
)

// callbacks carry out what people do at the receivers of pages.
type callbacks struct{ backend backend }

// Command carries out an operator's action, and reports whether it never will be possible.
func (x callbacks) Command(ctx context.Context, c *correlate.Command, from string) (refused bool, err error) {
	err = x.backend.Command(ctx, c, from)
	return never(err), err
}

// pagerDutySecrets are those that webhook subscriptions sign with.
func (a *App) pagerDutySecrets() []secret.Text {
	var secrets []secret.Text
	for _, r := range a.current.Load().config.Receivers {
		for _, p := range r.PagerDuty {
			if p.WebhookSecret != "" {
				secrets = append(secrets, p.WebhookSecret)
			}
		}
	}
	return secrets
}
