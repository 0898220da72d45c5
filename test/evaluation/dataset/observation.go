package dataset

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"
)

// maxLineBytes bounds a line of a recording.
const maxLineBytes = 64 << 20

// Observation is one line of a recording, as far as a simple method needs it: states of objects and commands are left out.
type Observation struct {
	At       time.Time
	Symptoms []Symptom
	// Topology is nil in most lines.
	Topology *Topology
}

// Symptom is an alert or a Warning event.
type Symptom struct {
	// Key tells the symptoms of an entity apart, also from those of others.
	Key    string
	Entity string
	// Name is the alert's name or the event's reason.
	Name string
	// Severity is the alert's label; events have none.
	Severity string
	// Firing is false when an alert resolves.
	Firing bool
	// Event marks a Warning event: nothing resolves it.
	Event bool
}

// Topology holds entities and what depends on what.
type Topology struct {
	Entities []struct {
		ID string `json:"id"`
	} `json:"entities"`
	Edges []struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"edges"`
}

// ReadTopology reads a topology file.
func ReadTopology(path string) (*Topology, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	t := new(Topology)
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

type line struct {
	At           time.Time `json:"t"`
	Alertmanager struct {
		Alerts []struct {
			Status      string            `json:"status"`
			Labels      map[string]string `json:"labels"`
			Fingerprint string            `json:"fingerprint"`
		} `json:"alerts"`
	} `json:"alertmanager"`
	Kubernetes struct {
		Type           string  `json:"type"`
		Reason         string  `json:"reason"`
		InvolvedObject *object `json:"involvedObject"`
		Regarding      *object `json:"regarding"`
	} `json:"kubernetes"`
	Topology *Topology `json:"topology"`
	Deleted  bool      `json:"deleted"`
}

type object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (o *object) entity() string {
	parts := []string{strings.ToLower(o.Kind), o.Namespace, o.Name}
	if o.Namespace == "" {
		parts = []string{parts[0], o.Name}
	}
	return strings.Join(parts, "/")
}

// Observations yields the lines of a recording. It ends with the first error, which names file and line.
func Observations(path string) iter.Seq2[Observation, error] {
	return func(yield func(Observation, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Observation{}, fmt.Errorf("read recording: %w", err))
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		lines := bufio.NewScanner(f)
		lines.Buffer(make([]byte, 0, 1<<20), maxLineBytes)
		n := 0
		for lines.Scan() {
			n++
			var l line
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				yield(Observation{}, fmt.Errorf("%s:%d: %w", path, n, err))
				return
			}
			if !yield(Observation{At: l.At, Symptoms: l.symptoms(), Topology: l.Topology}, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Observation{}, fmt.Errorf("%s:%d: %w", path, n+1, err))
		}
	}
}

func (l *line) symptoms() []Symptom {
	var all []Symptom
	for _, a := range l.Alertmanager.Alerts {
		all = append(all, Symptom{
			Key: a.Fingerprint, Entity: a.Labels["quell_entity"], Name: a.Labels["alertname"],
			Severity: a.Labels["severity"], Firing: a.Status != "resolved",
		})
	}
	about := l.Kubernetes.InvolvedObject
	if about == nil {
		about = l.Kubernetes.Regarding
	}
	if l.Kubernetes.Type == "Warning" && about != nil && !l.Deleted {
		e := about.entity()
		all = append(all, Symptom{Key: "event " + e + " " + l.Kubernetes.Reason, Entity: e, Name: l.Kubernetes.Reason, Firing: true, Event: true})
	}
	return all
}
