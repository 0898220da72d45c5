//go:build !slim

package alertmanager

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	amnotify "github.com/prometheus/alertmanager/notify"
	amopsgenie "github.com/prometheus/alertmanager/notify/opsgenie"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/notify"
	"quell/notify/template"
	"quell/routing"
)

// integration delivers to one integration. It keeps no connection, token or file between attempts: Alertmanager's notifiers are made
// for one caller at a time, and what a file says now is what counts.
type integration struct {
	settings *settings
	notices  bool
	env      notify.Environment
	external *url.URL
	// dial connects; tests put their own servers behind it.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	now  func() time.Time
}

// New makes the integration for a configuration of [Reader.Integration]; it panics at one that is not. It returns the interface, so
// that it fits [notify.Integrations].
func New(c notify.OtherConfig, env notify.Environment) notify.Notifier {
	if env.Templates == nil {
		env.Templates = template.Default()
	}
	s, err := load(c)
	if err != nil {
		panic("alertmanager: settings that were checked before: " + err.Error())
	}
	external, err := url.Parse(env.ExternalURL)
	if err != nil || env.ExternalURL == "" {
		external = nowhere
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &integration{settings: s, notices: c.Notices, env: env, external: external, dial: dialer.DialContext, now: time.Now}
}

// Notify makes one attempt. Receivers that know no keys get a message of its own for what a human has to know: that an incident pages,
// that its root, severity or state is another, and that it is over. The reference is what they were told last.
func (in *integration) Notify(ctx context.Context, d *routing.Delivery, prev notify.Sent) (ref string, err error) {
	s := in.settings
	switch {
	case d.Action == routing.Notice && !in.notices:
		return "", &notify.RejectedError{Reason: "notice", Text: s.typ + " is not set up for what wakes nobody"}
	case d.Action == routing.Digest && !TakesDigests(s.typ):
		return "", &notify.RejectedError{Reason: "digest", Text: s.typ + " takes no digests"}
	case d.Action != routing.Digest && !d.AboutQuell() && d.Incident == nil:
		return "", &notify.RejectedError{Reason: "request", Text: "a " + string(d.Action) + " without an incident"}
	}
	told := told(d)
	if d.Action == routing.Acknowledge || d.Action == routing.Update && !s.keyed && (s.once || prev.Ref == told) {
		return "", nil // there is no way to say it, or nothing to say
	}
	if d.Action == routing.Resolve && !s.resolves() {
		return "", nil
	}
	if err := in.send(ctx, d); err != nil {
		return "", err
	}
	return told, nil
}

// told is what a message says that matters, in few bytes.
func told(d *routing.Delivery) string {
	switch {
	case d.AboutQuell():
		return string(routing.Operator)
	case d.Incident == nil:
		return ""
	}
	root := ""
	if len(d.Incident.Roots) > 0 {
		root = string(d.Incident.Roots[0].Entity)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %v", root, d.Incident.Severity, d.Incident.State))
	return hex.EncodeToString(sum[:8])
}

// send renders a delivery and hands it over.
func (in *integration) send(ctx context.Context, d *routing.Delivery) error {
	line := &wire{dial: in.dial}
	line.deadline, _ = ctx.Deadline()
	defer context.AfterFunc(ctx, line.cut)()
	m, err := in.message(d)
	if err != nil {
		return in.failure(attempted{err: err})
	}
	if m.typ == "email" {
		return in.failure(line.attempted(in.mail(ctx, line, m, d)))
	}
	n, err := m.build(line.DialContext, in.external)
	if err != nil {
		return &notify.RetryError{Reason: "config", Text: in.redact(err), Unsent: true} // a file is missing that was there before
	}
	retry, err := n.Notify(in.about(ctx, d), in.alerts(d)...)
	a := line.attempted(err)
	a.retry = retry
	return in.failure(a)
}

// about is what Alertmanager's notifiers want to know beside the alerts.
func (in *integration) about(ctx context.Context, d *routing.Delivery) context.Context {
	ctx = amnotify.WithGroupKey(ctx, d.Key)
	ctx = amnotify.WithReceiverName(ctx, d.Target.Receiver)
	ctx = amnotify.WithGroupLabels(ctx, model.LabelSet{"quell_incident": model.LabelValue(subject(d))})
	ctx = amnotify.WithRouteLabels(ctx, model.LabelSet{})
	ctx = amnotify.WithNow(ctx, d.Created)
	reason := amnotify.ReasonFirstNotification
	switch {
	case over(d):
		reason = amnotify.ReasonAllAlertsResolved
	case d.Again || d.Action == routing.Update:
		reason = amnotify.ReasonNewAlertsInGroup
	}
	return amnotify.WithNotificationReason(ctx, reason)
}

// subject is the incident's id, or what else a delivery is about.
func subject(d *routing.Delivery) string {
	if d.Incident != nil {
		return d.Incident.ID.String()
	}
	if d.AboutQuell() {
		return string(routing.Operator)
	}
	return string(d.Action)
}

// over reports whether nothing is to be done about what a delivery tells.
func over(d *routing.Delivery) bool {
	return d.Action == routing.Resolve || d.Action == routing.Digest || d.Incident != nil && !d.Incident.State.Open()
}

// message is a copy of the settings in which all texts are rendered for a delivery. A text that cannot be rendered gives way to
// quell's, and that to the headline: no page is lost to a broken template.
func (in *integration) message(d *routing.Delivery) (*settings, error) {
	s := in.settings
	rendered := *s
	var err error
	if d.Action == routing.Digest {
		return &rendered, in.digest(&rendered, d)
	}
	rendered.receiver, err = s.each(s.receiver, func(path, text string) (string, error) {
		f := s.field(path, text)
		words := in.words(s, d, f)
		if s.typ == "telegram" && path == "message" {
			words = in.telegram(d, f, words)
		}
		return s.literal(f, words), nil
	})
	if err == nil && s.typ == "opsgenie" {
		opsgenie(rendered.receiver.OpsGenieConfigs[0], d)
	}
	return &rendered, err
}

// opsgenie leaves out responders whose name came out empty, which Opsgenie refuses, and changes an alert's text only where there may be one.
func opsgenie(c *amopsgenie.OpsGenieConfig, d *routing.Delivery) {
	c.Responders = slices.DeleteFunc(c.Responders, func(r amopsgenie.OpsGenieConfigResponder) bool {
		return r.ID == "" && r.Name == "" && r.Username == ""
	})
	c.UpdateAlerts = c.UpdateAlerts && (d.Action == routing.Update || d.Again)
}

// words renders a field.
func (in *integration) words(s *settings, d *routing.Delivery, f notify.Field) string {
	if text, ok := in.env.Words(d, f); ok {
		return text
	}
	f.Text = cmp.Or(s.texts[f.Name], titleText)
	if text, ok := in.env.Words(d, f); ok {
		return text
	}
	f.Text = headline(d)
	return f.Text
}

// literal is a text as Alertmanager's notifier has to get it: what it executes as a template comes out as it is.
func (s *settings) literal(f notify.Field, words string) string {
	if f.Name == s.body && s.bodyRunes > 0 {
		words = cut(words, s.bodyRunes)
	}
	switch {
	case s.typ == "sns" && f.Name == "subject":
		words = plainASCII(words, maxSNSSubject)
	case f.Name == s.body && (s.typ == "msteams" || s.typ == "msteamsv2"):
		words = strings.ReplaceAll(words, "\n", "\n\n") // Teams joins lines that no empty one parts
	case f.Name == s.body && s.typ == "webex":
		words = strings.ReplaceAll(words, "\n", "  \n") // so does Webex, without two blanks at the end
	}
	switch {
	case s.typ == "email":
		return words // nobody executes it again
	case f.HTML:
		return template.LiteralHTML(words)
	}
	return template.Literal(words)
}

// maxSNSSubject is what Amazon SNS takes, of printable ASCII.
const maxSNSSubject = 100

// headline is what is said of a delivery whatever templates do.
func headline(d *routing.Delivery) string {
	switch {
	case d.Incident != nil:
		return notify.Line(fmt.Sprintf("%s [%s] %s", d.Incident.ID, d.Incident.Severity, d.Incident.Title), 200)
	case d.Text != "":
		return notify.Line(notify.OperatorText(d), 1000)
	}
	return "quell " + string(d.Action)
}

// alertTime is when something ended as Alertmanager's notifiers must see it: they compare with the wall clock, and quell's own may be
// ahead of it.
func alertTime(t time.Time) time.Time {
	if now := time.Now().Add(-time.Second); t.After(now) {
		return now
	}
	return t
}

// rootSymptom is the oldest symptom of the root that still lasts, or else its oldest; nil if the root is silent.
func rootSymptom(i *correlate.Incident) *correlate.SymptomView {
	if len(i.Roots) == 0 {
		return nil
	}
	var best *correlate.SymptomView
	for n := range i.Symptoms {
		s := &i.Symptoms[n]
		if s.Entity == i.Roots[0].Entity && (best == nil || best.Ended != nil && s.Ended == nil) {
			best = s
		}
	}
	return best
}
