package alertmanager

import (
	"fmt"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// parseMatcher reads one matcher as Alertmanager does with its default settings: in the classic notation, or, where that cannot read
// it, in the newer one, in which names may be any UTF-8. Where both read it but disagree, the classic one wins.
func parseMatcher(s string) (*labels.Matcher, error) {
	if strings.HasPrefix(s, "{") || strings.HasSuffix(s, "}") {
		return nil, fmt.Errorf("unexpected open or close brace: %s", s)
	}
	classic, err := labels.ParseMatcher(s)
	if err == nil {
		return classic, nil
	}
	if newer, newerErr := parse.Matcher(s); newerErr == nil {
		return newer, nil
	}
	return nil, err
}

// parseMatchers reads the values of a parameter, all of which must match.
func parseMatchers(list []string) (labels.Matchers, error) {
	var ms labels.Matchers
	for _, s := range list {
		m, err := parseMatcher(s)
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}
