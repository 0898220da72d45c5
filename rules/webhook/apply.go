package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules/expr"
)

// Limits of what one item may become.
const (
	maxLabels, maxLabelBytes = 64, 4 << 10
	maxAnnotationBytes       = 64 << 10
	maxWordBytes             = 256
	maxMessageBytes          = 4 << 10
	maxURLBytes              = 8 << 10
	maxReasonBytes           = 300
)

// Request is what a sender posted.
type Request struct {
	// Body is made of nil, bool, int64, float64, string, []any and map[string]any.
	Body any
	// Headers are by lower-case names.
	Headers, Query map[string]string
	// Name is the source's: it becomes the label webhook, and "webhook/NAME" the source of all that comes of it.
	Name string
	// Labels are added to alerts that do not have them; the one of name cluster also to entities of events.
	Labels map[string]string
	// Now is when the body was received.
	Now time.Time
	// MaxItems is how many items are looked at. Stop, if it is not nil, is asked before each: items after the first true count as faults.
	MaxItems int
	Stop     func() bool
}

// Result is what a body becomes.
type Result struct {
	// Items are in order. An item of a body may be there several times, and each is an alert or an event.
	Items []Item
	// Ignored counts the items that the mapping says are no news.
	Ignored int
	// Faults are the items that could not be mapped, the first hundred of them; FaultCount counts all.
	Faults     []Fault
	FaultCount int
}

// Item is one thing that an item of a body became.
type Item struct {
	// Index counts the items of the body from 0.
	Index int
	// Outcome is the name that the mapping has for it.
	Outcome string
	// Input is an *[correlate.Alert] or *[correlate.Event].
	Input correlate.Input
	// Instead are the alerts that this one takes the place of if they fire: the same one with other severities. They are resolved.
	Instead []*correlate.Alert
}

// Fault says why an item of a body became nothing.
type Fault struct {
	// Index counts the items of the body from 0; -1 is the body as a whole.
	Index int
	// Reason begins with the place in the mapping, "file:line:col".
	Reason string
}

const maxFaults = 100

func (r *Result) fault(index int, reason string) {
	if r.FaultCount++; r.FaultCount <= maxFaults {
		r.Faults = append(r.Faults, Fault{Index: index, Reason: bounded(reason, maxReasonBytes)})
	}
}

// Apply maps a body. The same request gives the same result.
func (m *Mapping) Apply(r *Request) *Result {
	res := new(Result)
	a := &application{mapping: m, request: r, result: res, values: expr.Values{"body": r.Body, "headers": r.Headers, "query": r.Query}}
	items := []any{r.Body}
	if m.each.given() {
		a.values["item"] = r.Body
		list, err := m.each.program.List(a.values)
		if err != nil {
			res.fault(-1, m.each.says("each", err))
			return res
		}
		items = list
	}
	for i, item := range items {
		switch {
		case i >= r.MaxItems:
			res.fault(i, fmt.Sprintf("the body has %d items, and %d are looked at (raise max_items, or send less at once)", len(items), r.MaxItems))
			res.FaultCount += len(items) - i - 1
			return res
		case r.Stop != nil && r.Stop():
			res.fault(i, fmt.Sprintf("the body takes too long: %d of its %d items were not looked at", len(items)-i, len(items)))
			res.FaultCount += len(items) - i - 1
			return res
		}
		a.item(i, item)
	}
	return res
}

// application is one Apply.
type application struct {
	mapping *Mapping
	request *Request
	result  *Result
	values  expr.Values
}

// item maps one item by the first outcome that is for it.
func (a *application) item(index int, item any) {
	a.values["item"] = item
	for _, o := range a.mapping.outcomes {
		fits := true
		if o.when.given() {
			var err error
			if fits, err = o.when.program.Bool(a.values); err != nil {
				a.result.fault(index, o.when.says(o.name+".when", err))
				return
			}
		}
		switch {
		case !fits:
			continue
		case o.ignore:
			a.result.Ignored++
			return
		}
		it, err := a.become(o)
		if err != nil {
			a.result.fault(index, err.Error())
			return
		}
		it.Index, it.Outcome = index, o.name
		a.result.Items = append(a.result.Items, it)
		return
	}
	a.result.fault(index, `nothing of the mapping is for it: every "when" is false`)
}

func (a *application) become(o *outcome) (it Item, err error) {
	f := &fields{values: a.values, outcome: o.name}
	switch {
	case o.alert != nil:
		it = a.alert(f, o.alert)
	case o.event != nil:
		it = a.event(f, o.event, "")
	default:
		it = a.event(f, o.change, correlate.ChangeComponent)
	}
	return it, f.err
}

func (a *application) alert(f *fields, from *alert) Item {
	labels := f.pairs("labels", from.labels)
	set := func(name, value string) {
		if value != "" {
			labels[name] = value
		}
	}
	set(model.AlertNameLabel, f.text("name", &from.name))
	set("severity", f.text("severity", &from.severity))
	for name, value := range a.request.Labels {
		if labels[name] == "" {
			labels[name] = value
		}
	}
	labels["webhook"] = a.request.Name
	if f.err == nil && labels[model.AlertNameLabel] == "" {
		f.err = errors.New(from.name.place(f.outcome+".name") + "the alert has no name")
	}
	in := &correlate.Alert{
		Annotations:  annotationsOf(f.pairs("annotations", from.annotations)),
		GeneratorURL: bounded(f.text("url", &from.url), maxURLBytes),
		Source:       "webhook/" + a.request.Name,
		StartsAt:     a.past(f.time("starts_at", &from.startsAt)),
	}
	ended := a.past(f.time("ends_at", &from.endsAt))
	resolved := f.bool("resolved", &from.resolved, !ended.IsZero())
	if resolved {
		in.EndsAt, in.StartsAt = span(in.StartsAt, ended, a.request.Now)
	} else {
		if in.StartsAt.IsZero() {
			in.StartsAt = a.request.Now
		}
		if from.timeout > 0 {
			in.Expires = a.request.Now.Add(from.timeout)
		}
	}
	identity := f.text("fingerprint", &from.fingerprint)
	if f.err == nil {
		f.err = labelsFault(labels)
	}
	return Item{Input: a.identify(in, labels, identity), Instead: a.instead(in, labels, identity, from.severities)}
}

// identify gives an alert its labels and what tells it from others: these, or what the mapping says, and then its severity, which several
// alerts of one identity may have in turn.
func (a *application) identify(in *correlate.Alert, labels map[string]string, identity string) *correlate.Alert {
	list := make([]correlate.Label, 0, len(labels))
	for name, value := range labels {
		if value != "" {
			list = append(list, correlate.Label{Name: name, Value: value})
		}
	}
	all := correlate.NewLabels(list)
	in.Labels, in.Fingerprint = bounds(all), all.Fingerprint()
	if identity != "" {
		in.Fingerprint = correlate.LabelsOf("webhook", a.request.Name, "identity", identity, "severity", labels["severity"]).Fingerprint()
	}
	return in
}

// instead are the ends of the alerts that in takes the place of.
func (a *application) instead(in *correlate.Alert, labels map[string]string, identity string, severities []string) []*correlate.Alert {
	var list []*correlate.Alert
	for _, s := range severities {
		if s == labels["severity"] {
			continue
		}
		other := *in
		other.EndsAt, other.Expires = a.request.Now, time.Time{}
		if in.Resolved() {
			other.EndsAt = in.EndsAt
		}
		with := maps.Clone(labels)
		with["severity"] = s
		list = append(list, a.identify(&other, with, identity))
	}
	return list
}

// event makes an event of a component, if that does not come from the mapping.
func (a *application) event(f *fields, from *event, component string) Item {
	in := &correlate.Event{
		Reason:    word(f.text("reason", &from.reason)),
		Message:   bounded(f.text("message", &from.message), maxMessageBytes),
		ID:        word(f.text("id", &from.id)),
		Component: word(f.text("component", &from.component)),
		Warning:   f.bool("warning", &from.warning, false),
		At:        a.past(f.time("at", &from.at)),
		Count:     1,
		Source:    "webhook/" + a.request.Name,
	}
	in.Component = cmp.Or(component, in.Component, in.Source)
	id := f.text("entity", &from.entity)
	if cluster := a.request.Labels["cluster"]; cluster != "" && !strings.Contains(id, "@") {
		id += "@" + cluster
	}
	entity, err := topology.ParseEntity(id)
	switch {
	case f.err != nil:
	case err != nil:
		f.err = errors.New(from.entity.place(f.outcome+".entity") + err.Error())
	case in.Reason == "":
		f.err = errors.New(from.reason.place(f.outcome+".reason") + "the event has no reason")
	}
	in.Entity = entity
	return Item{Input: in}
}

// past is a time, or now if it is in the future, or zero if it is not known. An end that is told without a time is now, and must not precede
// the start that a sender's clock put into the future.
func (a *application) past(t time.Time) time.Time {
	switch {
	case t.Year() <= 1 || t.Year() > 2200:
		return time.Time{}
	case t.After(a.request.Now):
		return a.request.Now
	}
	return t.UTC().Round(0)
}

// span makes an end of what a sender says of one, and a start that is not after it.
func span(starts, ends, now time.Time) (end, start time.Time) {
	if ends.IsZero() || ends.After(now) || ends.Before(starts) {
		ends = now
	}
	if starts.IsZero() || starts.After(ends) {
		starts = ends
	}
	return ends, starts
}

// labelsFault says what is wrong with labels, nil if nothing is.
func labelsFault(labels map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch value := labels[name]; {
		case name == "":
			return errors.New("a label has no name")
		case !utf8.ValidString(name) || !utf8.ValidString(value) || strings.ContainsRune(name+value, 0):
			return fmt.Errorf("label %.40q is no text", name)
		case len(name) >= maxLabelBytes:
			return fmt.Errorf("label %.40q… has a name of %d bytes", name, len(name))
		}
	}
	return nil
}
