package story

import (
	"fmt"
	"strings"
	"time"
)

// Recording is a test that was recorded, before anybody said what it expects.
type Recording struct {
	// Comment tells the story; its first line is the name of the test.
	Comment string
	// Config is the configuration that it is played against. Without one, Rules and Packs are, and nil Packs are those that are on by
	// default. Paths are relative to the file that the text is for.
	Config string
	Rules  []string
	Packs  []string
	// Start is what offsets count from; no line is before it.
	Start time.Time
	// Lines are those of a recording, as replay reads them, without their ends.
	Lines [][]byte
}

// Format writes it as a txtar file that expects that nothing happens: package ruletest's Update makes that what does.
func (r *Recording) Format() []byte {
	var head strings.Builder
	if r.Config != "" {
		fmt.Fprintf(&head, "config: %q\n", r.Config)
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"rules", r.Rules}, {"packs", r.Packs}} {
		if list.names == nil {
			continue
		}
		quoted := make([]string, len(list.names))
		for i, name := range list.names {
			quoted[i] = fmt.Sprintf("%q", name)
		}
		fmt.Fprintf(&head, "%s: [%s]\n", list.key, strings.Join(quoted, ", "))
	}
	fmt.Fprintf(&head, "start: %s\n", r.Start.UTC().Format(time.RFC3339))
	head.WriteString("expect:\n  - at: end\n    incidents: []\n    pages: []\n")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n-- %s --\n%s-- %s --\n", strings.TrimSpace(r.Comment), headSection, &head, recordingSection)
	for _, line := range r.Lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}
