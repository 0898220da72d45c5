package slack

import (
	"testing"
	"time"

	"quell/correlate"
)

// References survive being written and read, and those of earlier versions are understood.
func TestReferencesAreReadAsWritten(t *testing.T) {
	i := &correlate.Incident{Roots: []correlate.Root{{Entity: "node/n3"}}, MemberCount: 7}
	for _, p := range []place{
		{},
		{channel: "C1", ts: "1.2"},
		{channel: "C1", ts: "1.2", told: time.Unix(5, 6).UTC()},
		{channel: "C1", ts: "1.2", told: time.Unix(5, 6).UTC(), pictures: 2, shape: shapeOf(i)},
		{channel: "C1", ts: "1.2", pictures: 1},
	} {
		if got := placeOf(p.ref()); got != p {
			t.Errorf("%+v became %+v by way of %q", p, got, p.ref())
		}
	}
	if got, want := placeOf("C1/1.2"), (place{channel: "C1", ts: "1.2"}); got != want {
		t.Errorf("old reference: %+v, want %+v", got, want)
	}
	if got := placeOf("C1/1.2/x/y/z"); got.pictures != 0 || !got.known() {
		t.Errorf("odd reference: %+v, want the place alone", got)
	}
}
