package notify

import (
	"context"
	"fmt"

	"quell/routing"
)

// OtherConfig is one integration that Alertmanager's own packages deliver to. It is comparable.
type OtherConfig struct {
	// Type is the kind as routing has it: email, webhook, …
	Type string
	// Index counts integrations of one type in a receiver from 0.
	Index int
	// Settings is a configuration in Alertmanager's own YAML that has this integration and nothing else, the global defaults that it
	// relies on included. Paths in it are absolute, and secrets are names of files.
	Settings string
	// Notices is true if people read there and nobody is woken: then it gets notices and digests.
	Notices bool
}

// Target is where routing finds the integration.
func (c OtherConfig) Target(receiver string) routing.Target {
	return routing.Target{Receiver: receiver, Type: c.Type, Index: c.Index}
}

// valid reports what is wrong with an integration of the receiver of an index.
func (c OtherConfig) valid(receiver int) error {
	if c.Type == "" || c.Settings == "" {
		return fmt.Errorf("receivers[%d]: an integration has no type or no settings", receiver)
	}
	return nil
}

// other makes a notifier, or one that refuses everything where this quell has none of the kind.
func (i *Integrations) other(c OtherConfig, env Environment) Notifier {
	if i.Other == nil {
		return missing(c.Type)
	}
	return i.Other(c, env)
}

// missing stands for an integration that this quell was built without. Configurations that name one are refused, so it is seen only
// by those who make their own.
type missing string

// Notify refuses the delivery.
func (m missing) Notify(context.Context, *routing.Delivery, Sent) (ref string, err error) {
	return "", &RejectedError{Reason: "unsupported", Text: "this quell has no integration of type " + string(m)}
}

// TransportFailure describes an error of a network connection as a [*RetryError], without the address, which may hold a secret.
func TransportFailure(err error) *RetryError { return transportFailure(err) }
