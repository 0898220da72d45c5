package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// Writer writes the recordings of cases while a journal is read to it. It is for one goroutine.
type Writer struct {
	dir     string
	waiting []Case // sorted
	open    []*recording
	written []Case
	// early are cases that began before the journal does.
	early []string
	begun bool

	graph  *topology.Graph
	labels map[topology.Entity]map[string]string // of entities that somebody told
	firing map[model.Fingerprint]*correlate.Alert
}

// recording is the file of a case that is being written.
type recording struct {
	Case
	file io.WriteCloser
	enc  *json.Encoder
}

// NewWriter returns one that writes to a folder, which it makes. Files that are there already are replaced.
func NewWriter(dir string, list []Case) (*Writer, error) {
	w := &Writer{
		dir: dir, waiting: slices.Clone(list), graph: topology.New(), labels: make(map[topology.Entity]map[string]string),
		firing: make(map[model.Fingerprint]*correlate.Alert),
	}
	Sort(w.waiting)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of cases: %w", err)
	}
	return w, nil
}

// Take takes the next record of the journal.
func (w *Writer) Take(at time.Time, inputs []correlate.Input) error {
	for len(w.waiting) > 0 && !w.waiting[0].Begin.After(at) {
		if !w.begun && w.waiting[0].Truth.Meta.Opened.Before(at) {
			w.early = append(w.early, w.waiting[0].Name)
		}
		if err := w.begin(w.waiting[0]); err != nil {
			return err
		}
		w.waiting = w.waiting[1:]
	}
	w.begun = true
	if err := w.endBefore(at); err != nil {
		return err
	}
	if len(w.open) > 0 {
		lines := Lines(at, inputs)
		for _, r := range w.open {
			if err := r.write(lines); err != nil {
				return err
			}
		}
	}
	w.learn(at, inputs)
	return nil
}

// Close ends all recordings and writes the truth. It returns the cases that were written, and the names of those among them of which the
// journal does not have the beginning.
func (w *Writer) Close() (written []Case, early []string, err error) {
	var errs []error
	for _, r := range w.open {
		errs = append(errs, r.file.Close())
		w.written = append(w.written, r.Case)
	}
	w.open = nil
	if len(w.written) > 0 {
		errs = append(errs, w.writeTruth())
	}
	Sort(w.written)
	return w.written, w.early, errors.Join(errs...)
}

// writeTruth writes truth.json. What has no root that could be found is kept apart, under a key that readers take for the set's own.
func (w *Writer) writeTruth() error {
	truth, doubts := make(map[string]any, len(w.written)), make(map[string]Truth)
	for _, c := range w.written {
		if len(c.Truth.Roots) > 0 {
			truth[c.Name] = c.Truth
		} else {
			doubts[c.Name] = c.Truth
		}
	}
	if len(doubts) > 0 {
		truth["_not_root"] = doubts
	}
	return w.writeFile("truth.json", truth)
}

// begin opens the recording of a case: the topology as it is known, and what fires already.
func (w *Writer) begin(c Case) error {
	if err := w.writeFile(c.Name+".topology.json", w.topology()); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(w.dir, c.Name+".jsonl"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("write case %s: %w", c.Name, err)
	}
	r := &recording{Case: c, file: file, enc: json.NewEncoder(file)}
	r.enc.SetEscapeHTML(false)
	w.open = append(w.open, r)
	var inputs []correlate.Input
	for _, fp := range slices.Sorted(maps.Keys(w.firing)) {
		inputs = append(inputs, w.firing[fp])
	}
	return r.write(Lines(c.Begin, inputs))
}

// endBefore closes the recordings of cases that ended.
func (w *Writer) endBefore(at time.Time) error {
	var errs []error
	w.open = slices.DeleteFunc(w.open, func(r *recording) bool {
		if !r.End.Before(at) {
			return false
		}
		errs = append(errs, r.file.Close())
		w.written = append(w.written, r.Case)
		return true
	})
	return errors.Join(errs...)
}

// learn keeps what a case that begins later has to know.
func (w *Writer) learn(at time.Time, inputs []correlate.Input) {
	for _, in := range inputs {
		switch in := in.(type) {
		case *correlate.Alert:
			if in.Resolved() {
				delete(w.firing, in.Fingerprint)
			} else {
				w.firing[in.Fingerprint] = in
			}
		case *correlate.Topology:
			for _, l := range in.Entities {
				w.labels[l.ID] = l.Labels
			}
			// What does not fit was not taken then either.
			_, _ = w.graph.Apply(&in.Update, topology.Origin{Source: in.Source, Now: at.UnixNano()})
		}
	}
}

// topology is what is known now.
func (w *Writer) topology() *topology.Update {
	u := &topology.Update{Entities: []topology.Labeled{}, Edges: []topology.Edge{}}
	for n := range w.graph.Nodes() {
		entity := w.graph.Entity(n)
		u.Entities = append(u.Entities, topology.Labeled{ID: entity, Labels: w.labels[entity]})
	}
	slices.SortFunc(u.Entities, func(a, b topology.Labeled) int { return strings.Compare(string(a.ID), string(b.ID)) })
	seen := make(map[topology.Edge]bool)
	for source := range w.graph.Sources() {
		for e := range w.graph.Told(source) {
			if !seen[e] {
				seen[e] = true
				u.Edges = append(u.Edges, e)
			}
		}
	}
	slices.SortFunc(u.Edges, func(a, b topology.Edge) int {
		return strings.Compare(string(a.From)+"\x00"+string(a.To)+"\x00"+a.Type, string(b.From)+"\x00"+string(b.To)+"\x00"+b.Type)
	})
	return u
}

func (w *Writer) writeFile(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, name), append(text, '\n'), 0o640); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (r *recording) write(lines []map[string]any) error {
	for _, l := range lines {
		if err := r.enc.Encode(l); err != nil {
			return fmt.Errorf("write case %s: %w", r.Name, err)
		}
	}
	return nil
}
