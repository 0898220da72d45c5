package routing

import (
	"iter"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/correlate"
	"quell/rules"
)

// Route is a node of the route tree, with Alertmanager's semantics: an incident enters at the root and goes down,
// children in order; the first child that matches takes it, and later ones get it too while those before say Continue.
// A node none of whose children match is where it ends. A Route must not change while it is in use.
type Route struct {
	// Receiver gets what ends here. Empty inherits what the parent has; the root must have one.
	Receiver string `json:"receiver,omitempty"`
	// Escalation is the policy that is followed for what ends here, instead of a receiver. Empty inherits what the parent has, unless
	// there is a receiver.
	Escalation string `json:"escalation,omitempty"`
	// Hours are when incidents that end here are told to somebody; those of other times wait. They are not inherited.
	Hours
	// Matchers must all match for an incident to enter. The root's are not asked: everything enters there.
	Matchers labels.Matchers `json:"matchers,omitempty"`
	// Continue lets what matched here go on to the next sibling.
	Continue bool `json:"continue,omitempty"`
	// Routes are the children, in order of precedence.
	Routes []*Route `json:"routes,omitempty"`
	// Pos is "file:line:col" of the node's definition, for reasons. Possibly empty.
	Pos string `json:"pos,omitempty"`

	// index finds the children that can match; nil where there are too few to need one.
	index *rules.Index
}

// indexFrom is from how many children on it pays to look for those that can match.
const indexFrom = 8

// prepare makes the indexes of r and all below it.
func (r *Route) prepare() {
	if len(r.Routes) >= indexFrom && r.index == nil {
		r.index = new(rules.Index)
		for _, child := range r.Routes {
			r.index.Add(child.Matchers)
		}
	}
	for _, child := range r.Routes {
		child.prepare()
	}
}

// matching yields the children that match, by number, in order of precedence.
func (r *Route) matching(l correlate.Labels) iter.Seq2[int, *Route] {
	return func(yield func(int, *Route) bool) {
		if r.index == nil {
			for i, child := range r.Routes {
				if rules.Matches(child.Matchers, l) && !yield(i, child) {
					return
				}
			}
			return
		}
		for i := range r.index.Each(l) {
			if child := r.Routes[i]; rules.Matches(child.Matchers, l) && !yield(i, child) {
				return
			}
		}
	}
}

// Match is one node where a label set ended.
type Match struct {
	// Escalation is the node's own or inherited policy. If it is empty, Receiver is who gets what ended here.
	Receiver, Escalation string
	// Hours are the node's.
	Hours Hours
	// Path is the way there by positions among siblings, "/" being the root and "/0/2" the third child of its first one.
	Path string
	// Pos is where the node is defined.
	Pos string
}

// Match returns the nodes where a label set ends, depth first; there is at least one. Receivers may occur twice.
func (r *Route) Match(l correlate.Labels) []Match {
	return r.match(l, Match{Receiver: r.Receiver, Escalation: r.Escalation})
}

// match descends into a route that matched already, with what it has or inherits.
func (r *Route) match(l correlate.Labels, has Match) []Match {
	var all []Match
	for i, child := range r.matching(l) {
		inherited := has
		if inherited.Path += "/" + strconv.Itoa(i); child.Receiver != "" {
			inherited.Receiver, inherited.Escalation = child.Receiver, ""
		}
		if child.Escalation != "" {
			inherited.Escalation = child.Escalation
		}
		all = append(all, child.match(l, inherited)...)
		if !child.Continue {
			break
		}
	}
	if len(all) == 0 {
		if has.Path == "" {
			has.Path = "/"
		}
		has.Hours, has.Pos = r.Hours, r.Pos
		return []Match{has}
	}
	return all
}

// Labels returns what routes match an incident on: the labels that all its alerts share, and what quell knows about it.
// quell_root is its best root, quell_kind, quell_namespace and quell_cluster are that entity's parts. Where the alerts do not share
// a severity or an alertname, the incident's worst severity and the alertname in its class stand in.
func Labels(inc *correlate.Incident) correlate.Labels {
	pairs := make([]correlate.Label, 0, 16)
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, correlate.Label{Name: name, Value: value})
		}
	}
	// Of two pairs with one name the last wins, so what stands in comes before the shared labels.
	if inc.Severity != correlate.SeverityUnset {
		add("severity", inc.Severity.String())
	}
	add("alertname", alertName(inc))
	for name, value := range inc.Labels.All() {
		switch name {
		case "quell_root", "quell_kind", "quell_namespace", "quell_cluster":
			// These are quell's to give, also where it gives none.
		default:
			add(name, value)
		}
	}
	if len(inc.Roots) > 0 {
		root := inc.Roots[0].Entity
		add("quell_root", string(root))
		add("quell_kind", root.Kind())
		add("quell_namespace", root.Namespace())
		add("quell_cluster", root.Cluster())
	}
	return correlate.NewLabels(pairs)
}

// alertName is the alert name in an incident's class, "NAME on KIND" or "NAME below KIND". The name may have blanks.
func alertName(inc *correlate.Incident) string {
	at := max(strings.LastIndex(inc.Class, " on "), strings.LastIndex(inc.Class, " below "))
	if at < 0 {
		return inc.Class
	}
	return inc.Class[:at]
}
