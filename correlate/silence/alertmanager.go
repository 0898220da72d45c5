package silence

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate/topology"
)

// Labels by which tools that know Alertmanager's silences alone can say the rest. No alert needs to have them.
const (
	entityLabel   = "quell_entity"
	incidentLabel = "quell_incident"
	forceLabel    = "quell_force"
)

// incidentPrefix begins the written form of an incident's number.
const incidentPrefix = "inc-"

// FromAlertmanager takes what such a tool said in matchers as it is meant: quell_entity="node/n3", or =~ with entities and | between
// them, names entities, quell_incident="inc-7" an incident, and quell_force="true", which an annotation may say too, insists on a
// silence that is too broad.
func FromAlertmanager(s *Silence) (force bool, err error) {
	force = s.Annotations[forceLabel] == "true"
	var rest labels.Matchers
	for _, m := range s.Matchers {
		switch {
		case m.Name == entityLabel && m.Type == labels.MatchEqual && m.Value != "":
			s.Entities = append(s.Entities, topology.Entity(m.Value))
		case m.Name == entityLabel && m.Type == labels.MatchRegexp:
			words, plain := alternatives(m.Value)
			if !plain {
				return false, &InvalidError{fmt.Sprintf("%s takes entities with | between them, not the pattern %q", entityLabel, m.Value)}
			}
			for _, word := range words {
				s.Entities = append(s.Entities, topology.Entity(word))
			}
		case m.Name == incidentLabel && m.Type == labels.MatchEqual:
			digits, written := strings.CutPrefix(m.Value, incidentPrefix)
			n, err := strconv.ParseUint(digits, 10, 64)
			if !written || err != nil || n == 0 {
				return false, &InvalidError{fmt.Sprintf("%s: %q is no incident id (want inc-NUMBER)", incidentLabel, m.Value)}
			}
			s.Incident = n
		case m.Name == forceLabel:
			force = force || m.Type == labels.MatchEqual && m.Value == "true"
		default:
			rest = append(rest, m)
		}
	}
	s.Matchers = rest
	return force, nil
}

// AlertmanagerMatchers is the inverse for readers that know matchers alone.
func (s *Silence) AlertmanagerMatchers() labels.Matchers {
	ms := append(labels.Matchers(nil), s.Matchers...)
	switch len(s.Entities) {
	case 0:
	case 1:
		ms = append(ms, must(labels.MatchEqual, entityLabel, string(s.Entities[0])))
	default:
		quoted := make([]string, len(s.Entities))
		for k, entity := range s.Entities {
			quoted[k] = regexp.QuoteMeta(string(entity))
		}
		ms = append(ms, must(labels.MatchRegexp, entityLabel, strings.Join(quoted, "|")))
	}
	if s.Incident != 0 {
		ms = append(ms, must(labels.MatchEqual, incidentLabel, incidentPrefix+strconv.FormatUint(s.Incident, 10)))
	}
	return ms
}

// must makes a matcher whose pattern, if it is one, is a list of quoted words.
func must(t labels.MatchType, name, value string) *labels.Matcher {
	m, err := labels.NewMatcher(t, name, value)
	if err != nil {
		panic("silence: " + err.Error())
	}
	return m
}

// alternatives are the words that a pattern lists with | between them, be they quoted as [regexp.QuoteMeta] does or not; plain is false for
// a pattern that means more than that. Dots may stand alone, since ids of entities have them and people do not quote.
func alternatives(pattern string) (words []string, plain bool) {
	var word strings.Builder
	for k := 0; k < len(pattern); k++ {
		switch c := pattern[k]; {
		case c == '\\' && k+1 < len(pattern):
			k++
			word.WriteByte(pattern[k])
		case c == '|':
			words = append(words, word.String())
			word.Reset()
		case strings.IndexByte(`\+*?()[]{}^$`, c) >= 0:
			return nil, false
		default:
			word.WriteByte(c)
		}
	}
	words = append(words, word.String())
	return words, !slices.Contains(words, "")
}
