package correlate

import (
	"fmt"
	"slices"
	"testing"

	"quell/correlate/topology"
)

// A message about a storm shows some of each kind, not the first of the alphabet.
func TestShownMembersAreOfEachKind(t *testing.T) {
	var members []topology.Entity
	for n := range 60 {
		members = append(members, topology.Entity(fmt.Sprintf("pod/shop/p-%02d", n)))
	}
	members = append(members, "node/n1", "service/shop/cart", "service/shop/web")
	slices.Sort(members)
	got := shownMembers(members, 8)
	want := []topology.Entity{"node/n1", "pod/shop/p-00", "pod/shop/p-01", "pod/shop/p-02", "pod/shop/p-03", "pod/shop/p-04", "service/shop/cart", "service/shop/web"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := shownMembers(members, len(members)); !slices.Equal(got, members) {
		t.Errorf("got %v, want all", got)
	}
	if got := countKinds(members); got["pod"] != 60 || got["service"] != 2 || got["node"] != 1 {
		t.Errorf("counts %v", got)
	}
}
