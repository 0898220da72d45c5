// Package dataset reads sets of labelled incidents: a folder with one recording and one topology for each case, and the truth
// about all of them in truth.json.
package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Set is one folder of cases.
type Set struct {
	Name string
	// Dir is the folder.
	Dir string
	// Cases are in order of their names; a set may have a stream only.
	Cases []Case
	// Stream is the recording of a whole day or log, empty if the set has none.
	Stream string
}

// Case is one labelled incident.
type Case struct {
	Name string
	// Input and Topology are files.
	Input, Topology string
	Truth           Truth
	// RootAlerts says whether one of the root entities fires an alert or has a Warning event in Input at all. Who names only
	// what alerts cannot be right in the other cases.
	RootAlerts bool
}

// Truth is what is known about a case, and never shown to a method.
type Truth struct {
	// Roots are the entities of which each is a right answer.
	Roots []string `json:"root_entities"`
	// Affected depend on a root and alert.
	Affected []string `json:"affected"`
	// Healed and Unrecovered are entities that were healthy again at the end, or not. Nil where a set does not know that.
	Healed      []string `json:"healed"`
	Unrecovered []string `json:"unrecovered"`
}

// Family is what a set has in common with others of the same system: its name up to the last hyphen, so that "shop-low" and
// "shop-high" are of one family.
func (s *Set) Family() string {
	if i := strings.LastIndexByte(s.Name, '-'); i > 0 {
		return s.Name[:i]
	}
	return s.Name
}

// All opens the sets below a folder, in order of their names. A folder without truth.json is none.
func All(dir string) ([]*Set, error) {
	truths, err := filepath.Glob(filepath.Join(dir, "*", "truth.json"))
	if err != nil {
		return nil, fmt.Errorf("look for sets: %w", err)
	}
	if len(truths) == 0 {
		return nil, fmt.Errorf("no set in %s", dir)
	}
	slices.Sort(truths)
	sets := make([]*Set, 0, len(truths))
	for _, t := range truths {
		s, err := Open(filepath.Dir(t))
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// Open reads one set.
func Open(dir string) (*Set, error) {
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		return nil, fmt.Errorf("open set: %w", err)
	}
	var truth map[string]json.RawMessage
	if err := json.Unmarshal(text, &truth); err != nil {
		return nil, fmt.Errorf("%s: truth.json: %w", dir, err)
	}
	s := &Set{Name: filepath.Base(dir), Dir: dir}
	for _, name := range slices.Sorted(maps.Keys(truth)) {
		if strings.HasPrefix(name, "_") { // what belongs to the set as a whole
			continue
		}
		c := Case{Name: name, Input: filepath.Join(dir, name+".jsonl"), Topology: filepath.Join(dir, name+".topology.json")}
		if !exists(c.Topology) {
			c.Topology = filepath.Join(dir, "topology.json")
		}
		if err := json.Unmarshal(truth[name], &c.Truth); err != nil {
			return nil, fmt.Errorf("%s: truth of %s: %w", dir, name, err)
		}
		if c.RootAlerts, err = alerts(c.Input, c.Truth.Roots); err != nil {
			return nil, err
		}
		s.Cases = append(s.Cases, c)
	}
	if stream := filepath.Join(dir, "stream.jsonl"); exists(stream) {
		s.Stream = stream
	}
	return s, nil
}

// alerts reports whether one of the entities has a symptom in a recording.
func alerts(path string, entities []string) (bool, error) {
	for o, err := range Observations(path) {
		if err != nil {
			return false, err
		}
		for _, s := range o.Symptoms {
			if s.Firing && slices.Contains(entities, s.Entity) {
				return true, nil
			}
		}
	}
	return false, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
