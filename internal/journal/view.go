package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
)

type alertView struct {
	Fingerprint  string           `json:"fingerprint"`
	Labels       correlate.Labels `json:"labels"`
	Annotations  correlate.Labels `json:"annotations"`
	GeneratorURL string           `json:"generator_url,omitempty"`
	StartsAt     time.Time        `json:"starts_at,omitzero"`
	EndsAt       time.Time        `json:"ends_at,omitzero"`
	Expires      time.Time        `json:"expires,omitzero"`
	Source       string           `json:"source"`
}

type eventView struct {
	ID        string          `json:"id,omitempty"`
	Entity    topology.Entity `json:"entity"`
	Reason    string          `json:"reason"`
	Component string          `json:"component,omitempty"`
	Message   string          `json:"message,omitempty"`
	Warning   bool            `json:"warning"`
	Count     int             `json:"count"`
	At        time.Time       `json:"t,omitzero"`
	Source    string          `json:"source"`
}

type topologyView struct {
	topology.Update
	Source string `json:"source"`
}

type commandView struct {
	Action     correlate.Action     `json:"action"`
	Incident   correlate.IncidentID `json:"incident"`
	Generation int                  `json:"generation,omitempty"`
	By         string               `json:"by"`
}

type deliveryView struct {
	Incident    correlate.IncidentID `json:"incident"`
	Generation  int                  `json:"generation"`
	Receiver    string               `json:"receiver"`
	Integration string               `json:"integration"`
	Action      string               `json:"action"`
	Error       string               `json:"error,omitempty"`
	Deferred    bool                 `json:"deferred,omitempty"`
	Superseded  bool                 `json:"superseded,omitempty"`
	Retried     string               `json:"retried,omitempty"`
	Withdrawn   bool                 `json:"withdrawn,omitempty"`
	Unseen      bool                 `json:"unseen,omitempty"`
}

type refreshView struct {
	Alerts  []uint64  `json:"alerts"`
	Expires time.Time `json:"expires,omitzero"`
	Source  string    `json:"source"`
	Heard   time.Time `json:"heard,omitzero"`
}

type gapView struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

type feedbackView struct {
	Incident        correlate.IncidentID `json:"incident"`
	By              string               `json:"by"`
	ShouldHavePaged *bool                `json:"should_have_paged,omitempty"`
	Root            topology.Entity      `json:"root,omitempty"`
	NotRoot         topology.Entity      `json:"not_root,omitempty"`
	Comment         string               `json:"comment,omitempty"`
}

// View names an input's kind and shows it in the notation of the API. Conversions keep the views in step with the vocabulary:
// a field that is added there stops this from compiling. It panics on a type that is no input.
func View(in correlate.Input) (kind string, v any) {
	switch in := in.(type) {
	case *correlate.Alert:
		return "alert", alertView{
			in.Fingerprint.String(), in.Labels, in.Annotations, in.GeneratorURL, in.StartsAt, in.EndsAt, in.Expires, in.Source,
		}
	case *correlate.Event:
		return "event", eventView(*in)
	case *correlate.Topology:
		return "topology", topologyView(*in)
	case *correlate.Command:
		return "command", commandView(*in)
	case *correlate.Delivery:
		return "delivery", deliveryView(*in)
	case *correlate.Refresh:
		return "refresh", refreshView(*in)
	case *correlate.Gap:
		return "gap", gapView(*in)
	case *correlate.Policy:
		return "policy", in
	case *correlate.Feedback:
		return "feedback", feedbackView(*in)
	case *correlate.Silence:
		return "silence", in
	case *correlate.Heartbeat:
		return "heartbeat", in
	case *correlate.Unseen:
		return "unseen", in
	}
	panic(fmt.Sprintf("journal: unknown input %T", in))
}

// input reads what [View] showed.
func input(kind string, body []byte) (correlate.Input, error) {
	switch kind {
	case "alert":
		v, err := decode[alertView](body)
		if err != nil {
			return nil, err
		}
		return &correlate.Alert{
			Fingerprint: v.Labels.Fingerprint(), Labels: v.Labels, Annotations: v.Annotations, GeneratorURL: v.GeneratorURL,
			StartsAt: v.StartsAt, EndsAt: v.EndsAt, Expires: v.Expires, Source: v.Source,
		}, nil
	case "event":
		v, err := decode[eventView](body)
		return (*correlate.Event)(&v), err
	case "topology":
		v, err := decode[topologyView](body)
		return (*correlate.Topology)(&v), err
	case "command":
		v, err := decode[commandView](body)
		return (*correlate.Command)(&v), err
	case "delivery":
		v, err := decode[deliveryView](body)
		return (*correlate.Delivery)(&v), err
	case "refresh":
		v, err := decode[refreshView](body)
		return (*correlate.Refresh)(&v), err
	case "gap":
		v, err := decode[gapView](body)
		return (*correlate.Gap)(&v), err
	case "feedback":
		v, err := decode[feedbackView](body)
		return (*correlate.Feedback)(&v), err
	}
	return plainInput(kind, body)
}

// plainInput reads those that are shown as they are.
func plainInput(kind string, body []byte) (correlate.Input, error) {
	switch kind {
	case "policy":
		v, err := decode[correlate.Policy](body)
		return &v, err
	case "silence":
		v, err := decode[correlate.Silence](body)
		return &v, err
	case "heartbeat":
		v, err := decode[correlate.Heartbeat](body)
		return &v, err
	case "unseen":
		v, err := decode[correlate.Unseen](body)
		return &v, err
	}
	return nil, fmt.Errorf("unknown kind of input %q (written by a newer quell?)", kind)
}

func decode[V any](body []byte) (v V, err error) {
	err = json.Unmarshal(body, &v)
	return v, err
}
