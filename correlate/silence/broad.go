package silence

import (
	"fmt"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// BroadError says that a silence would hide more than people mean to. Who insists may force it.
type BroadError struct {
	// Reasons say what is too broad.
	Reasons []string
	// Alerts and Entities count the active alerts that it would silence now and the ill entities that they are about, of AllAlerts.
	Alerts, Entities, AllAlerts int
}

// Error says what is too broad, and what the silence would hit.
func (e *BroadError) Error() string {
	return fmt.Sprintf("too broad: %s; now it would silence %d of %d active alerts, on %d entities (force it if that is meant)",
		strings.Join(e.Reasons, "; "), e.Alerts, e.AllAlerts, e.Entities)
}

// odd are values that no alert has: a matcher that matches them matches anything.
var odd = [...]string{"\x01quell", "~~ 7b1f ~~"}

// Sweeping says why what the matchers demand is no choice, or "" if it is. Of a silence that is about entities or an incident too,
// nothing is demanded.
func (s *Silence) Sweeping() string {
	return sweeping(s.Matchers, len(s.Entities) > 0 || s.Incident != 0)
}

func sweeping(ms labels.Matchers, narrow bool) string {
	if narrow {
		return ""
	}
	for _, m := range ms {
		switch m.Type {
		case labels.MatchEqual:
			if m.Value != "" {
				return ""
			}
		case labels.MatchRegexp:
			if !m.Matches(odd[0]) && !m.Matches(odd[1]) {
				return ""
			}
		}
	}
	return fmt.Sprintf("%s says only what alerts are not, or takes any value: name an alert, a service or an entity", ms)
}
