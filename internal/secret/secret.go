// Package secret holds credentials so that they do not leak by accident.
package secret

import (
	"crypto/rand"
	"log/slog"
	"strings"
)

// Text is a credential. It never shows itself: not in logs, errors, JSON, YAML or %v. Convert it to string to use it.
//
// One hole is left: package fmt calls no methods of what it finds in an unexported field, so a struct that holds a Text in one must not be
// printed whole.
type Text string

const hidden = "<secret>"

// String hides the value.
func (t Text) String() string { return hidden }

// GoString hides the value from %#v.
func (t Text) GoString() string { return hidden }

// LogValue hides the value from slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value from JSON and YAML.
func (t Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// absent begins what stands for a credential that is not there: one word, and an address where one is wanted.
const absent = "https://secret.invalid/absent/"

// NewAbsent makes up what stands for a credential that could not be read. Nobody knows it: who is let in by a credential must not be let in by
// everybody while it is not there.
func NewAbsent() Text { return Text(absent + rand.Text()) }

// Absent reports whether t stands for a credential that could not be read.
func (t Text) Absent() bool { return strings.HasPrefix(string(t), absent) }
