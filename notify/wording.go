package notify

import (
	"log/slog"

	"quell/routing"
)

// Field is a text that users gave an integration in place of ours, as a template.
type Field struct {
	// Name is the key in the configuration, for logs.
	Name string
	// Text is the template. Empty means that there is none.
	Text string
	// HTML is true if the text becomes part of a page: what comes from outside is escaped for it.
	HTML bool
	// Escape is applied to all that comes from outside, for markup of other kinds; nil means that it stays as it is.
	Escape func(string) string
}

// Templates renders fields. Implementations are safe for concurrent use.
type Templates interface {
	// Render returns a field's text for a delivery, or an error within bounded time: users' templates may be wrong for an incident that
	// nobody thought of. ExternalURL is how people reach quell; it may be empty.
	Render(f Field, d *routing.Delivery, externalURL string) (string, error)
	// ID identifies what was parsed: integrations are made anew when it changes.
	ID() string
}

// Words renders a field for a delivery. It is false if there is no such text or if it cannot be rendered, which is logged and counted:
// then the integration says it in its own words, since no message may be lost to a broken template.
func (e *Environment) Words(d *routing.Delivery, f Field) (text string, ok bool) {
	if f.Text == "" || e.Templates == nil {
		return "", false
	}
	text, err := e.Templates.Render(f, d, e.ExternalURL)
	if err == nil {
		return text, true
	}
	if e.Broken != nil {
		e.Broken(d, f.Name, err)
	}
	return "", false
}

// broken tells of a template that could not be rendered, once for each field and integration until the receivers change.
func (d *Dispatcher) broken(delivery *routing.Delivery, field string, err error) {
	d.metrics.templates.WithLabelValues(delivery.Target.Type).Inc()
	d.mu.Lock()
	at := brokenField{delivery.Target, field}
	known := d.brokenFields[at]
	if d.brokenFields == nil {
		d.brokenFields = make(map[brokenField]bool)
	}
	d.brokenFields[at] = true
	d.mu.Unlock()
	if !known {
		d.opts.Log.Warn("render template: the default is sent instead", slog.String("target", delivery.Target.String()),
			slog.String("field", field), slog.String("key", delivery.Key), slog.String("error", Line(err.Error(), 500)))
	}
}

// brokenField is a template of a receiver that failed. There are as many at most as the configuration has.
type brokenField struct {
	target routing.Target
	name   string
}
