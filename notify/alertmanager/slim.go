//go:build slim

package alertmanager

import (
	"context"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/routing"
)

// Supported reports whether this build has Alertmanager's packages; see the build tag slim.
const Supported = false

// Reader refuses what a configuration file says of Alertmanager's integrations.
type Reader struct {
	// File and Check are not asked.
	File  func(n strictyaml.Node, secret bool) (path string, ok bool)
	Check func(notify.Field) error
}

// Global refuses the section global.
func (*Reader) Global(n strictyaml.Node) {
	n.Problem("global is for receivers that this quell was built without", "remove it, or use a quell that was built without the tag slim")
}

// Integration refuses an integration.
func (*Reader) Integration(typ string, n strictyaml.Node) (notify.OtherConfig, bool) {
	n.Problem("this quell was built without "+typ+"_configs", "use pagerduty_configs or slack_configs, or a quell that was built without the tag slim")
	return notify.OtherConfig{}, false
}

// New makes a notifier that refuses everything: no configuration that was read has one of its kind.
func New(c notify.OtherConfig, _ notify.Environment) notify.Notifier { return refuser(c.Type) }

type refuser string

// Notify refuses the delivery.
func (r refuser) Notify(context.Context, *routing.Delivery, notify.Sent) (ref string, err error) {
	return "", &notify.RejectedError{Reason: "request", Text: "this quell was built without integrations of type " + string(r)}
}
