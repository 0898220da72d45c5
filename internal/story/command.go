package story

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// command is one command that is read: its words, and when it is given.
type command struct {
	clock
	words []string
}

// verbs are the commands of the language, with the least number of their arguments.
var verbs = map[string]struct {
	least int
	form  string
	read  func(command) (correlate.Input, error)
}{
	"fire":      {1, "fire NAME{label=\"value\"}", command.alert},
	"resolve":   {1, "resolve NAME{label=\"value\"}", command.alert},
	"event":     {2, "event REASON ENTITY", command.event},
	"state":     {2, "state REASON ENTITY", command.event},
	"edge":      {3, "edge FROM TYPE TO", command.edges},
	"unedge":    {3, "unedge FROM TYPE TO", command.edges},
	"remove":    {1, "remove ENTITY", command.remove},
	"ack":       {2, "ack INCIDENT BY", command.operator},
	"close":     {2, "close INCIDENT BY", command.operator},
	"silence":   {1, "silence ID", command.silence},
	"unsilence": {1, "unsilence ID", command.silence},
	"gap":       {2, "gap FROM WHY", command.gap},
	"beat":      {1, "beat NAME", command.heartbeat},
	"forget":    {1, "forget NAME", command.heartbeat},
	"tick":      {0, "tick", nil},
}

// verbNames are the commands, sorted.
var verbNames = slices.Sorted(maps.Keys(verbs))

// command reads one command.
func (c clock) command(text string) (Moment, error) {
	m := Moment{At: c.at, Text: text}
	list, err := words(text)
	if err != nil {
		return m, err
	}
	verb, known := verbs[list[0]]
	switch {
	case !known:
		hint := strictyaml.Suggest(list[0], verbNames)
		if hint == "" {
			hint = "there are " + strings.Join(verbNames, ", ")
		}
		return m, fmt.Errorf("unknown command %s (%s)", strictyaml.Quote(list[0]), hint)
	case len(list) <= verb.least:
		return m, fmt.Errorf("%s says too little (want %s)", strictyaml.Quote(text), verb.form)
	case verb.read == nil:
		return m, nil
	}
	in, err := verb.read(command{c, list})
	if err != nil {
		return m, err
	}
	m.Inputs = []correlate.Input{in}
	if cmd, ok := in.(*correlate.Command); ok && cmd.Incident == 0 {
		m.Root = topology.Entity(list[1])
	}
	return m, nil
}

func (c command) offset(word string) (time.Time, error) { return offset(c.start, word) }

// alert reads an alert that fires or resolves.
func (c command) alert() (correlate.Input, error) {
	pairs, options, err := c.named()
	if err != nil {
		return nil, err
	}
	a := &correlate.Alert{StartsAt: c.at, Source: "prometheus/test"}
	for _, w := range options {
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("%s is neither an entity nor label=value", strictyaml.Quote(w))
		}
		switch k {
		case "startsAt":
			a.StartsAt, err = c.offset(v)
		case "endsAt":
			a.EndsAt, err = c.offset(v)
		case "expires":
			a.Expires, err = c.offset(v)
		case "source":
			a.Source = v
		default:
			pairs = append(pairs, k, v)
		}
		if err != nil {
			return nil, err
		}
	}
	a.Labels = correlate.LabelsOf(pairs...)
	a.Fingerprint = a.Labels.Fingerprint()
	if c.words[0] == "resolve" && a.EndsAt.IsZero() {
		a.EndsAt = c.at
	}
	return a, nil
}

// named takes the name of an alert apart, with what stands in braces behind it or the entity that follows, and returns the other words.
func (c command) named() (pairs, options []string, err error) {
	name, braces, ok := strings.Cut(c.words[1], "{")
	options = c.words[2:]
	if name != "" {
		pairs = append(pairs, "alertname", name)
	}
	if ok {
		ms, err := equalities("{" + braces)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range ms {
			pairs = append(pairs, m.Name, m.Value)
		}
		return pairs, options, nil
	}
	if len(options) == 0 {
		return pairs, options, nil
	}
	if label, _, is := strings.Cut(options[0], "="); is && !strings.Contains(label, "/") {
		return pairs, options, nil
	}
	if options[0] == "-" {
		return pairs, options[1:], nil
	}
	entity, err := topology.ParseEntity(options[0])
	if err != nil {
		return nil, nil, err
	}
	return append(pairs, "quell_entity", string(entity)), options[1:], nil
}

// equalities reads labels in braces.
func equalities(text string) (labels.Matchers, error) {
	if strings.Trim(text, "{} ") == "" {
		return nil, nil
	}
	ms, err := strictyaml.ParseMatchers(text)
	if err != nil {
		return nil, fmt.Errorf("bad labels %s: %w", strictyaml.Quote(text), err)
	}
	for _, m := range ms {
		if m.Type != labels.MatchEqual {
			return nil, fmt.Errorf("%s: an alert has labels, not matchers (write %s=\"…\")", m, m.Name)
		}
	}
	return ms, nil
}

// event reads a Kubernetes event.
func (c command) event() (correlate.Input, error) {
	entity, err := topology.ParseEntity(c.words[2])
	if err != nil {
		return nil, err
	}
	ev := &correlate.Event{Reason: c.words[1], Entity: entity, At: c.at, Count: 1, Source: "kubernetes/test"}
	if c.words[0] == "state" {
		ev.Component = "quell/state"
	}
	options := c.words[3:]
	if k := slices.Index(options, "says"); k >= 0 {
		options, ev.Message = options[:k], strings.Join(options[k+1:], " ")
	}
	for _, w := range options {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "warning":
			ev.Warning = true
		case "id":
			ev.ID = v
		case "by":
			ev.Component = v
		case "ago":
			var ago time.Duration
			ago, err = span(v)
			ev.At = c.at.Add(-ago)
		case "count":
			ev.Count, err = strconv.Atoi(v)
		default:
			err = fmt.Errorf("unknown option %s of an event (there are warning, count=, id=, by=, ago= and says)", strictyaml.Quote(w))
		}
		if err != nil {
			return nil, err
		}
	}
	return ev, nil
}

// edges reads dependencies that are there, or no longer are.
func (c command) edges() (correlate.Input, error) {
	edges, err := edgesOf(c.words[1], c.words[2], c.words[3])
	if err != nil {
		return nil, err
	}
	in := &correlate.Topology{Source: "api"}
	for _, w := range c.words[4:] {
		name, ok := strings.CutPrefix(w, "source=")
		if !ok {
			return nil, fmt.Errorf("unknown option %s of a dependency (there is source=)", strictyaml.Quote(w))
		}
		in.Source = name
	}
	if c.words[0] == "edge" {
		in.Edges = edges
	} else {
		in.RemoveEdges = edges
	}
	return in, nil
}

// edgesOf are the dependencies of each of a list with commas on each of another.
func edgesOf(froms, edgeType, tos string) ([]topology.Edge, error) {
	var edges []topology.Edge
	for from := range strings.SplitSeq(froms, ",") {
		for to := range strings.SplitSeq(tos, ",") {
			f, err := topology.ParseEntity(from)
			t, toErr := topology.ParseEntity(to)
			if err := errors.Join(err, toErr); err != nil {
				return nil, err
			}
			edges = append(edges, topology.Edge{From: f, Type: edgeType, To: t})
		}
	}
	if len(edges) > maxMoments {
		return nil, errTooLong
	}
	return edges, nil
}

func (c command) remove() (correlate.Input, error) {
	entity, err := topology.ParseEntity(c.words[1])
	return &correlate.Topology{Update: topology.Update{RemoveEntities: []topology.Entity{entity}}, Source: "api"}, err
}

// operator reads what somebody does. What is no number of an incident is the entity that it is rooted in.
func (c command) operator() (correlate.Input, error) {
	action := map[string]correlate.Action{"ack": correlate.ActionAck, "close": correlate.ActionResolve}[c.words[0]]
	in := &correlate.Command{Action: action, By: c.words[2]}
	if strings.Contains(c.words[1], "/") {
		_, err := topology.ParseEntity(c.words[1])
		return in, err
	}
	id, err := correlate.ParseIncidentID(c.words[1])
	in.Incident = id
	return in, err
}

func (c command) gap() (correlate.Input, error) {
	from, err := c.offset(c.words[1])
	return &correlate.Gap{From: from, To: c.at, Why: c.words[2]}, err
}

// silence reads a silence. One that is changed keeps its start, so that line has to tell it.
func (c command) silence() (correlate.Input, error) {
	in := &correlate.Silence{By: "ada", Expire: c.words[0] == "unsilence"}
	in.ID, in.CreatedBy, in.StartsAt = c.words[1], "ada", c.at
	lasts := time.Hour
	for _, w := range c.words[2:] {
		var err error
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "for":
			lasts, err = span(v)
		case "from":
			in.StartsAt, err = c.offset(v)
		case "entity":
			in.Entities = append(in.Entities, topology.Entity(v))
		case "incident":
			var id correlate.IncidentID
			id, err = correlate.ParseIncidentID(v)
			in.Incident = uint64(id)
		case "force":
			in.Force = true
		default:
			in.Matchers = append(in.Matchers, &labels.Matcher{Type: labels.MatchEqual, Name: k, Value: v})
		}
		if err != nil {
			return nil, err
		}
	}
	in.EndsAt = in.StartsAt.Add(lasts)
	if !in.Expire {
		if err := in.Validate(); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// heartbeat reads what somebody says who reports by itself, or that nobody expects it any more.
func (c command) heartbeat() (correlate.Input, error) {
	in := &correlate.Heartbeat{Name: c.words[1], Forget: c.words[0] == "forget", Source: "heartbeat/test"}
	options := c.words[2:]
	if k := slices.Index(options, "says"); k >= 0 {
		options, in.Message = options[:k], strings.Join(options[k+1:], " ")
	}
	var pairs []string
	for _, o := range options {
		if o == "fail" {
			in.Failed = true
			continue
		}
		k, v, _ := strings.Cut(o, "=")
		pairs = append(pairs, k, v)
	}
	in.Labels = correlate.LabelsOf(pairs...)
	return in, nil
}
