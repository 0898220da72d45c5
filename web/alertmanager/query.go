package alertmanager

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/prometheus/alertmanager/pkg/labels"

	"quell/rules"
)

// query selects alerts. No alert is ever unprocessed here, and as in Alertmanager no parameter asks for what a time interval mutes.
type query struct {
	filter                      labels.Matchers
	active, silenced, inhibited bool
	// receiver is what one of an alert's receivers must match; nil is any.
	receiver *regexp.Regexp
	// noReceiver is true if labels of receivers are asked for: ours have none.
	noReceiver bool
}

// parseQuery reads the parameters of a list of alerts, in the order in which Alertmanager complains about them.
func parseQuery(v url.Values) (q query, err error) {
	for _, s := range []struct {
		name string
		to   *bool
	}{{"active", &q.active}, {"inhibited", &q.inhibited}, {"silenced", &q.silenced}} {
		if *s.to, err = parseSwitch(v, s.name); err != nil {
			return query{}, err
		}
	}
	if q.filter, err = parseMatchers(v["filter"]); err != nil {
		return query{}, err
	}
	if text := v.Get("receiver"); text != "" {
		if q.receiver, err = regexp.Compile("^(?:" + text + ")$"); err != nil {
			return query{}, fmt.Errorf("failed to parse receiver param: %w", err)
		}
	}
	q.noReceiver, err = parseReceiverMatchers(v)
	return q, err
}

// parseReceiverMatchers reads matchers on the labels of receivers, and reports whether they select none of ours, which have no labels.
func parseReceiverMatchers(v url.Values) (none bool, err error) {
	ms, err := parseMatchers(v["receiver_matchers"])
	if err != nil {
		return false, fmt.Errorf("failed to parse receiver_matchers param: %w", err)
	}
	return !rules.Matches(ms, ""), nil
}

// parseSwitch reads a parameter that is true if nobody says otherwise.
func parseSwitch(v url.Values, name string) (bool, error) {
	text := v.Get(name)
	if text == "" {
		return true, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s in query must be of type boolean: %q", name, text)
	}
	return on, nil
}

// receives reports whether one of the receivers is asked for.
func (q *query) receives(receivers []string) bool {
	return !q.noReceiver && (q.receiver == nil || slices.ContainsFunc(receivers, q.receiver.MatchString))
}

// selects reports whether an alert is asked for, whoever receives it.
func (q *query) selects(a *alert) bool {
	return rules.Matches(q.filter, a.Labels) && (q.active || a.suppressed()) && (q.inhibited || !a.inhibited()) && (q.silenced || !a.silenced())
}
