package ruletest

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/internal/strictyaml"
)

// unfired reports what a test resolves by a command although it never fired before: most likely a label is missing or misspelt, and the
// test would be about another alert than it says. Recordings may begin while alerts fire, so what they resolve is as it was.
func (p *play) unfired() (problems strictyaml.Problems) {
	began := make(map[model.Fingerprint]time.Time)
	named := make(map[string]correlate.Labels) // of each alertname the first that fires
	for i := range p.moments {
		m := &p.moments[i]
		for _, in := range m.Inputs {
			a, ok := in.(*correlate.Alert)
			if !ok || a.Resolved() {
				continue
			}
			if at, again := began[a.Fingerprint]; !again || m.At.Before(at) {
				began[a.Fingerprint] = m.At
			}
			if name := a.Labels.Get("alertname"); named[name] == "" {
				named[name] = a.Labels
			}
		}
	}
	for i := range p.test.Moments {
		m := &p.test.Moments[i]
		for _, in := range m.Inputs { // of bodies they are not known here
			a, ok := in.(*correlate.Alert)
			if !ok || !a.Resolved() {
				continue
			}
			at, fired := began[a.Fingerprint]
			if fired && !m.At.Before(at) {
				continue
			}
			hint := "an alert is told by all its labels"
			if other := named[a.Labels.Get("alertname")]; fired {
				hint = "it does later"
			} else if other != "" {
				hint = "what fires is " + other.String()
			}
			problems = append(problems, strictyaml.Problem{
				File: p.file.Name, Line: max(m.Line, p.test.Line), Col: 1, Text: fmt.Sprintf("resolve of %s, which never fired before", a.Labels), Hint: hint,
			})
		}
	}
	return problems
}
