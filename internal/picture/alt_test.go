package picture

import (
	"testing"

	"quell/correlate"
	"quell/correlate/topology"
)

// What is left out of a message counts all the same: two receivers of one incident are told the same numbers.
func TestAffectedCountsWhatIsNotListed(t *testing.T) {
	inc := &correlate.Incident{
		Roots: []correlate.Root{{Entity: "node/n1"}}, Members: []topology.Entity{"node/n1", "pod/shop/a"}, MemberCount: 57,
		MemberKinds: map[string]int{"pod": 45, "service": 11, "node": 1},
	}
	if got := Affected(inc); got != "45 pods, 11 services" {
		t.Errorf("got %q", got)
	}
}
