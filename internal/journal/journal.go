// Package journal reads what a quell was told, record by record, from wherever that is kept: a store, exported lines, a running quell, or a
// recording for replays; and it writes and reads the records as JSON Lines.
//
// A line is {"seq": 1, "t": TIME, "inputs": [{"alert": …}, …]}, which is what `quell journal -o json` prints. The first line may be
// {"journal": …} instead: what the journal comes from, and how much of it there is, see [Head].
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quell/correlate"
)

// Record is what one step of the engine was told, and when.
type Record struct {
	// Seq numbers records from 1. It is 0 in a recording, which no store ever had.
	Seq    uint64
	At     time.Time
	Inputs []correlate.Input
	// Where is the place of the record for messages, "file:line" or "record 12".
	Where string
	// Roots are, for commands of a recording that name a root instead of an incident, the roots by the commands' indices in Inputs; nil for
	// all others.
	Roots map[int]string
}

// Head tells what a journal is, before its records.
type Head struct {
	// Source names it for people: a path or an address.
	Source string `json:"-"`
	// StoreID names the store that it comes from; empty if nobody knows.
	StoreID string `json:"store_id,omitempty"`
	// First and Last are the numbers of the first and the last record; zero if nobody knows.
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	// Begin and End are their times.
	Begin time.Time `json:"begin,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Seed stands in for records that are not kept any more, where First is not 1: the policy and the topology of now.
	Seed []correlate.Input `json:"-"`
	// Known are incidents by the numbers that commands and deliveries have for them, where First is not 1: nobody can tell from the records then
	// what they were about.
	Known map[correlate.IncidentID]Known `json:"known,omitempty"`
	// Recording is true for input that was recorded for replays: it tells what came in, and nothing of what was in force, of receivers and
	// of restarts.
	Recording bool `json:"-"`
}

// Known is what is known of an incident of which a journal may not hold the beginning.
type Known struct {
	// Symptoms are its own. One that is an alert or an event, nobody knows which, is there as both.
	Symptoms []correlate.SymptomID `json:"symptoms"`
	// Paged are the times of its pages, in order.
	Paged []time.Time `json:"paged,omitempty"`
}

// Journal is something to read records from. It is for one goroutine.
type Journal interface {
	// Head tells what it is.
	Head() Head
	// Read calls take with all records in order, until there are no more, take fails, or ctx ends. It may be called once.
	Read(ctx context.Context, take func(*Record) error) error
	// Close releases what it needs.
	Close() error
}

// Cut reports whether the beginning of the journal is not kept any more.
func (h *Head) Cut() bool { return h.First > 1 }

// line is a record as JSON has it.
type line struct {
	Journal *headLine                    `json:"journal,omitempty"`
	Seq     uint64                       `json:"seq,omitempty"`
	At      time.Time                    `json:"t,omitzero"`
	Inputs  []map[string]json.RawMessage `json:"inputs,omitempty"`
}

type headLine struct {
	Head
	Seed []map[string]json.RawMessage `json:"seed,omitempty"`
}

// AppendRecord writes a record as a line, with its line feed.
func AppendRecord(b []byte, r *Record) []byte {
	inputs := make([]map[string]any, len(r.Inputs))
	for i, in := range r.Inputs {
		kind, v := View(in)
		inputs[i] = map[string]any{kind: v}
	}
	return appendLine(b, struct {
		Seq    uint64           `json:"seq"`
		At     time.Time        `json:"t"`
		Inputs []map[string]any `json:"inputs"`
	}{r.Seq, r.At, inputs})
}

// AppendHead writes a head as a line, with its line feed.
func AppendHead(b []byte, h *Head) []byte {
	seed := make([]map[string]any, len(h.Seed))
	for i, in := range h.Seed {
		kind, v := View(in)
		seed[i] = map[string]any{kind: v}
	}
	type body struct {
		Head
		Seed []map[string]any `json:"seed,omitempty"`
	}
	return appendLine(b, map[string]body{"journal": {*h, seed}})
}

// appendLine writes a value as encoding/json does without HTML escapes.
func appendLine(b []byte, v any) []byte {
	w := &sink{b}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("journal: record cannot be encoded: " + err.Error()) // no input has a field that could fail
	}
	return w.b
}

type sink struct{ b []byte }

// Write appends.
func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// ParseLine reads a line. Exactly one of the results is not nil, unless there is an error.
func ParseLine(text []byte) (*Record, *Head, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, nil, fmt.Errorf("this is no record: %w", err)
	}
	if l.Journal != nil {
		h := l.Journal.Head
		var err error
		h.Seed, err = readInputs(l.Journal.Seed)
		return nil, &h, err
	}
	if l.Seq == 0 || l.At.IsZero() {
		return nil, nil, errors.New(`this is no record: "seq" or "t" is missing (quell journal -o json writes records)`)
	}
	inputs, err := readInputs(l.Inputs)
	return &Record{Seq: l.Seq, At: l.At.UTC(), Inputs: inputs}, nil, err
}

func readInputs(list []map[string]json.RawMessage) ([]correlate.Input, error) {
	inputs := make([]correlate.Input, 0, len(list))
	for k, one := range list {
		if len(one) != 1 {
			return nil, fmt.Errorf("input %d: want one kind, got %d", k, len(one))
		}
		for kind, body := range one {
			in, err := input(kind, body)
			if err != nil {
				return nil, fmt.Errorf("input %d: %s: %w", k, kind, err)
			}
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}
