package correlate

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quell/correlate/topology"
)

// The language of scenarios. A line is TIME COMMAND ARGUMENTS, where TIME counts from the start and the commands are
//
//	fire NAME ENTITY [label=value…]    an alert; startsAt= and expires= are offsets, source= names who reports. ENTITY may be "-":
//	                                   then the labels alone say what it is about, as packs understand them
//	resolve NAME ENTITY [label=value…] likewise, with endsAt=
//	event REASON ENTITY [warning] [count=N] [id=ID] [by=COMPONENT] [ago=DURATION] [says MESSAGE]
//	state REASON ENTITY [says MESSAGE] an event by quell/state: how an object is
//	edge FROM TYPE TO [source=NAME]    FROM and TO may be lists with commas: each of the one with each of the other
//	unedge FROM TYPE TO [source=NAME]
//	remove ENTITY
//	ack INCIDENT BY
//	close INCIDENT BY                  an operator resolves it
//	gap FROM WHY                       quell saw nothing from then on
//	tick                               time passes
//	repeat N EVERY COMMAND …           the command N times, the first at TIME, one EVERY so often; {n} in it counts from 1. With
//	                                   an EVERY of 0s they are one batch
//
// Lines are played in order of time. A line that begins with "#" is a comment; "# rules: packs" as the first line takes the
// rules of the embedded packs instead of those of rules_test.go.

// scriptLine is one command of a script and when it comes; batch is true if the line before it came in the same step.
type scriptLine struct {
	at    time.Time
	words []string
	batch bool
}

// parseScript reads a script, repeats unrolled, in order of time.
func parseScript(t *testing.T, script string) []scriptLine {
	t.Helper()
	var lines []scriptLine
	for text := range strings.Lines(script) {
		words := strings.Fields(text)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		at := offset(t, words[0])
		if words = words[1:]; words[0] != "repeat" {
			lines = append(lines, scriptLine{at, words, false})
			continue
		}
		n, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		every := offset(t, words[2]).Sub(start)
		for k := range n {
			command := strings.ReplaceAll(strings.Join(words[3:], " "), "{n}", strconv.Itoa(k+1))
			lines = append(lines, scriptLine{at.Add(time.Duration(k) * every), strings.Fields(command), k > 0 && every == 0})
		}
	}
	slices.SortStableFunc(lines, func(a, b scriptLine) int { return a.at.Compare(b.at) })
	return lines
}

// offset is the time that a word of a script names.
func offset(t *testing.T, word string) time.Time {
	t.Helper()
	d, err := time.ParseDuration(word)
	if err != nil {
		t.Fatal(err)
	}
	return start.Add(d)
}

// inputs are what the engine is told by a line; none where only time passes.
func (l scriptLine) inputs(t *testing.T) []Input {
	t.Helper()
	switch words := l.words; words[0] {
	case "fire", "resolve":
		return []Input{l.alert(t)}
	case "event":
		return []Input{l.event(t)}
	case "state":
		l.words = slices.Insert(slices.Clone(l.words), 3, "by=quell/state")
		return []Input{l.event(t)}
	case "edge", "unedge":
		return []Input{l.edges(t)}
	case "remove":
		return []Input{&Topology{Update: topology.Update{RemoveEntities: []topology.Entity{topology.Entity(words[1])}}, Source: "api"}}
	case "ack", "close":
		id, err := ParseIncidentID(words[1])
		if err != nil {
			t.Fatal(err)
		}
		action := map[string]Action{"ack": ActionAck, "close": ActionResolve}[words[0]]
		return []Input{&Command{Action: action, Incident: id, By: words[2]}}
	case "gap":
		return []Input{&Gap{From: offset(t, words[1]), To: l.at, Why: words[2]}}
	case "tick":
		return nil
	}
	t.Fatalf("unknown command %q", l.words)
	return nil
}

func (l scriptLine) edges(t *testing.T) Input {
	t.Helper()
	if len(l.words) < 4 {
		t.Fatalf("%q: want FROM TYPE TO", l.words)
	}
	var edges []topology.Edge
	for from := range strings.SplitSeq(l.words[1], ",") {
		for to := range strings.SplitSeq(l.words[3], ",") {
			edges = append(edges, topology.Edge{From: topology.Entity(from), Type: l.words[2], To: topology.Entity(to)})
		}
	}
	in := &Topology{Source: "api"}
	if len(l.words) > 4 {
		in.Source = strings.TrimPrefix(l.words[4], "source=")
	}
	if l.words[0] == "edge" {
		in.Edges = edges
	} else {
		in.RemoveEdges = edges
	}
	return in
}

func (l scriptLine) event(t *testing.T) Input {
	t.Helper()
	ev := &Event{Reason: l.words[1], Entity: topology.Entity(l.words[2]), At: l.at, Count: 1, Source: "kubernetes/test"}
	options := l.words[3:]
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
			ev.At = l.at.Add(start.Sub(offset(t, v)))
		case "count":
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			ev.Count = n
		default:
			t.Fatalf("unknown option %q of an event", w)
		}
	}
	return ev
}

func (l scriptLine) alert(t *testing.T) *Alert {
	t.Helper()
	pairs := []string{"alertname", l.words[1]}
	if entity := l.words[2]; entity != "-" {
		pairs = append(pairs, "quell_entity", entity)
	}
	a := &Alert{StartsAt: l.at, Source: "prometheus/test"}
	for _, w := range l.words[3:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "startsAt":
			a.StartsAt = offset(t, v)
		case "endsAt":
			a.EndsAt = offset(t, v)
		case "expires":
			a.Expires = offset(t, v)
		case "source":
			a.Source = v
		default:
			pairs = append(pairs, k, v)
		}
	}
	a.Labels = LabelsOf(pairs...)
	a.Fingerprint = a.Labels.Fingerprint()
	if l.words[0] == "resolve" && a.EndsAt.IsZero() {
		a.EndsAt = l.at
	}
	return a
}
