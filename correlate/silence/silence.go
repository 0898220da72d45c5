// Package silence defines what a silence is: which alerts it is about, when it begins and ends, and what makes it invalid or too broad.
// Silences mean what Alertmanager's mean. Beyond that, a silence may be about entities, with everything that depends on them, or about an
// incident until that is over. Maintenance windows are silences that recur. The package knows nothing of the engine: it is told who
// depends on whom.
package silence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate/topology"
)

// Bounds of one silence.
const (
	maxIDBytes     = 200
	maxMatchers    = 64
	maxEntities    = 200
	maxTextBytes   = 4096 // of a comment, of a matcher's name and value, of an annotation
	maxNameBytes   = 256  // of who made it
	maxAnnotations = 32
)

// Silence keeps alerts from paging for a while. An alert has to be meant by each of Matchers, Entities and Incident that is there.
type Silence struct {
	// ID is unique; people copy it.
	ID string `json:"id"`
	// Matchers must all match the labels of an alert; a label that is missing counts as empty.
	Matchers labels.Matchers `json:"matchers,omitempty"`
	// Entities are those whose trouble is meant, with all that depends on one of them.
	Entities []topology.Entity `json:"entities,omitempty"`
	// Incident is the number of the incident whose root, with all that depends on it, is meant until the incident is over, whatever
	// comes first: that or EndsAt. Zero is none.
	Incident uint64 `json:"incident,omitempty"`
	// StartsAt is included in the time, EndsAt is not.
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
	// CreatedBy and Comment say who wanted it, and why.
	CreatedBy string `json:"created_by"`
	Comment   string `json:"comment"`
	// Annotations are passed on to readers.
	Annotations map[string]string `json:"annotations,omitempty"`
	// UpdatedAt is when it was made or changed last.
	UpdatedAt time.Time `json:"updated_at"`
}

// State is where a silence is in its time. The zero value is invalid.
type State uint8

// States of a silence.
const (
	Pending State = iota + 1
	Active
	Expired
)

// String returns Alertmanager's word for it.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Active:
		return "active"
	case Expired:
		return "expired"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText returns the word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *State) UnmarshalText(b []byte) error {
	for _, known := range []State{Pending, Active, Expired} {
		if known.String() == string(b) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("silence: unknown state %q", b)
}

// State tells where it is in its time.
func (s *Silence) State(now time.Time) State {
	switch {
	case now.Before(s.StartsAt):
		return Pending
	case now.Before(s.EndsAt):
		return Active
	}
	return Expired
}

// Matches reports whether the matchers, if there are any, match what value tells of each label.
func (s *Silence) Matches(value func(label string) string) bool { return matches(s.Matchers, value) }

func matches(ms labels.Matchers, value func(label string) string) bool {
	for _, m := range ms {
		if !m.Matches(value(m.Name)) {
			return false
		}
	}
	return true
}

// InvalidError says what makes a silence none, whoever insists on it.
type InvalidError struct{ Reason string }

// Error returns the reason.
func (e *InvalidError) Error() string { return "invalid silence: " + e.Reason }

// Validate reports the first thing, in Alertmanager's words where it has some, that makes it no silence, as an [*InvalidError].
func (s *Silence) Validate() error {
	if err := s.check(); err != nil {
		return &InvalidError{err.Error()}
	}
	return nil
}

func (s *Silence) check() error {
	switch {
	case s.ID == "" || len(s.ID) > maxIDBytes || strings.HasPrefix(s.ID, WindowPrefix):
		return fmt.Errorf("%q can be no id", s.ID)
	case s.StartsAt.IsZero():
		return errors.New("invalid zero start timestamp")
	case s.EndsAt.IsZero():
		return errors.New("invalid zero end timestamp")
	case s.EndsAt.Before(s.StartsAt):
		return errors.New("end time must not be before start time")
	case len(s.CreatedBy) > maxNameBytes:
		return fmt.Errorf("the creator's name has %d bytes (limit %d)", len(s.CreatedBy), maxNameBytes)
	case len(s.Comment) > maxTextBytes:
		return fmt.Errorf("the comment has %d bytes (limit %d)", len(s.Comment), maxTextBytes)
	case len(s.Annotations) > maxAnnotations:
		return fmt.Errorf("%d annotations (limit %d)", len(s.Annotations), maxAnnotations)
	}
	for name, value := range s.Annotations {
		if len(name) > maxTextBytes || len(value) > maxTextBytes {
			return fmt.Errorf("an annotation has more than %d bytes", maxTextBytes)
		}
	}
	return checkScope(s.Matchers, s.Entities, s.Incident != 0)
}

// checkScope reports what is wrong with what a silence is about.
func checkScope(ms labels.Matchers, entities []topology.Entity, bound bool) error {
	switch {
	case len(ms)+len(entities) == 0 && !bound:
		return errors.New("at least one matcher, entity or incident is needed")
	case len(ms) > maxMatchers:
		return fmt.Errorf("%d matchers (limit %d)", len(ms), maxMatchers)
	case len(entities) > maxEntities:
		return fmt.Errorf("%d entities (limit %d)", len(entities), maxEntities)
	}
	for k, m := range ms {
		switch {
		case !model.UTF8Validation.IsValidLabelName(m.Name):
			return fmt.Errorf("invalid label matcher %d: invalid label name %q", k, m.Name)
		case !model.LabelValue(m.Value).IsValid():
			return fmt.Errorf("invalid label matcher %d: invalid label value %q", k, m.Value)
		case len(m.Name) > maxTextBytes || len(m.Value) > maxTextBytes:
			return fmt.Errorf("invalid label matcher %d: more than %d bytes", k, maxTextBytes)
		}
	}
	for _, entity := range entities {
		if _, err := topology.ParseEntity(string(entity)); err != nil {
			return err
		}
	}
	if len(ms) > 0 && len(entities) == 0 && !bound && !slices.ContainsFunc(ms, needsLabel) {
		return errors.New("at least one matcher must not match the empty string")
	}
	return nil
}

// needsLabel is Alertmanager's test: negative matchers pass it.
func needsLabel(m *labels.Matcher) bool {
	return m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp || !m.Matches("")
}

// CanBecome reports whether a silence may be changed in place without changing what was silenced in the past: what it is about stays, and
// so does the start of an active one; one that ended stays ended.
func (s *Silence) CanBecome(next *Silence, now time.Time) bool {
	if s.Incident != next.Incident || !slices.Equal(s.Entities, next.Entities) || !slices.EqualFunc(s.Matchers, next.Matchers, sameMatcher) {
		return false
	}
	switch s.State(now) {
	case Active:
		return s.StartsAt.Unix() == next.StartsAt.Unix() && !next.EndsAt.Before(now)
	case Pending:
		return !next.StartsAt.Before(now)
	}
	return false
}

func sameMatcher(a, b *labels.Matcher) bool {
	return a.Type == b.Type && a.Name == b.Name && a.Value == b.Value
}
