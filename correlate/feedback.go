package correlate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"quell/correlate/topology"
)

const (
	// feedbackMax bounds what is kept of what operators said about one incident: the newest counts.
	feedbackMax = 10
	// maxCommentBytes bounds one comment.
	maxCommentBytes = 1024
)

// Feedback is what an operator knows about an incident that quell cannot see. It changes no decision; figures about waiting believe it.
type Feedback struct {
	Incident IncidentID
	// By is who says so, as the audit log shows it.
	By string
	// ShouldHavePaged says whether the incident needed a human; nil says nothing about that.
	ShouldHavePaged *bool
	// Root is what really was the cause. Empty says nothing about that.
	Root topology.Entity
	// NotRoot is what quell took for the cause and was none. Empty says nothing about that.
	NotRoot topology.Entity `json:",omitempty"`
	Comment string
}

func (*Feedback) input() {}

// Validate says what is wrong with feedback, or nil.
func (f *Feedback) Validate() error {
	switch {
	case f.ShouldHavePaged == nil && f.Root == "" && f.NotRoot == "" && f.Comment == "":
		return errors.New("feedback says nothing (should_have_paged, root, not_root or comment is missing)")
	case len(f.Comment) > maxCommentBytes:
		return fmt.Errorf("comment has %d bytes (limit %d)", len(f.Comment), maxCommentBytes)
	case f.Root != "" && f.Root == f.NotRoot:
		return fmt.Errorf("%s cannot both be and not be the root", f.Root)
	}
	return errors.Join(checkRoot("root", f.Root), checkRoot("not_root", f.NotRoot))
}

// checkRoot says what is wrong with an entity that may be missing.
func checkRoot(field string, entity topology.Entity) error {
	if entity == "" {
		return nil
	}
	if _, err := topology.ParseEntity(string(entity)); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}

// Said is feedback as an incident keeps it.
type Said struct {
	At time.Time `json:"t"`
	By string    `json:"by"`
	// Generation is the one that was the last when it was said: it is about that one.
	Generation      int             `json:"generation"`
	ShouldHavePaged *bool           `json:"should_have_paged,omitempty"`
	Root            topology.Entity `json:"root,omitempty"`
	NotRoot         topology.Entity `json:"not_root,omitempty"`
	Comment         string          `json:"comment,omitempty"`
}

// Repeats reports whether feedback says again what was said already, by the same person.
func (s *Said) Repeats(f *Feedback) bool {
	same := s.ShouldHavePaged == f.ShouldHavePaged
	if s.ShouldHavePaged != nil && f.ShouldHavePaged != nil {
		same = *s.ShouldHavePaged == *f.ShouldHavePaged
	}
	return same && s.By == f.By && s.Root == f.Root && s.NotRoot == f.NotRoot && s.Comment == f.Comment
}

// String tells it in one line.
func (s *Said) String() string {
	var parts []string
	switch {
	case s.ShouldHavePaged == nil:
	case *s.ShouldHavePaged:
		parts = append(parts, "it should have paged")
	default:
		parts = append(parts, "it need not have paged")
	}
	switch {
	case s.Root != "" && s.NotRoot != "":
		parts = append(parts, "the root was "+string(s.Root)+", not "+string(s.NotRoot))
	case s.Root != "":
		parts = append(parts, "the root was "+string(s.Root))
	case s.NotRoot != "":
		parts = append(parts, string(s.NotRoot)+" was not the root")
	}
	if s.Comment != "" {
		parts = append(parts, s.Comment)
	}
	return s.By + " says: " + strings.Join(parts, "; ")
}

// hear adds feedback to a history, and to the generation that it is about.
func (h *generations) hear(at time.Time, f *Feedback) Said {
	said := Said{At: at, By: f.By, ShouldHavePaged: f.ShouldHavePaged, Root: f.Root, NotRoot: f.NotRoot, Comment: f.Comment}
	if said.By == "" {
		said.By = "an operator"
	}
	if g := h.present(); g != nil {
		said.Generation = g.Number
		if f.ShouldHavePaged != nil {
			g.ShouldHavePaged = f.ShouldHavePaged
		}
	}
	if len(h.Feedback) >= feedbackMax {
		h.Feedback = slices.Delete(h.Feedback, 0, 1)
	}
	h.Feedback = append(h.Feedback, said)
	return said
}

// Hear adds feedback to a copy of an incident: to one that the engine has forgotten, and history has not.
func (inc *Incident) Hear(at time.Time, f *Feedback) {
	h := generations{List: slices.Clone(inc.Generations), Feedback: slices.Clone(inc.Feedback)}
	said := h.hear(at, f)
	inc.Generations, inc.Feedback = h.List, h.Feedback
	inc.Timeline = append(slices.Clip(inc.Timeline), TimelineEntry{At: at, Decision: Notice, Reason: said.String()})
}

// feedback keeps what an operator said. About an incident that is forgotten it only counts: whoever keeps history adds it there.
func (e *Engine) feedback(f *Feedback) {
	if f.ShouldHavePaged != nil {
		e.outcomes.Hear(*f.ShouldHavePaged)
		e.dirty.tally = true
	}
	i := e.incidents[f.Incident]
	if i == nil {
		return
	}
	said := i.generations.hear(fromNano(e.now), f)
	i.note(fromNano(e.now), Notice, said.String())
	e.dirty.incidents[i.id] = struct{}{}
}
