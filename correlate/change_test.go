package correlate

import (
	"strings"
	"testing"
)

// TestOnlyWhatChangedBeforeTheTroubleSpeaksForItsRoot plays trouble with changes before it, in its course and after it. What came when all of
// the trouble had begun is what somebody did about it, and does not hide what caused it either.
func TestOnlyWhatChangedBeforeTheTroubleSpeaksForItsRoot(t *testing.T) {
	const (
		workload = "0s edge deployment/shop/cart owns replicaset/shop/cart-2\n0s edge replicaset/shop/cart-2 owns pod/shop/cart-2a,pod/shop/cart-2b\n"
		slow     = "20s fire LatencyHigh deployment/shop/cart\n"
		crashes  = "40s event BackOff pod/shop/cart-2a warning\n45s event BackOff pod/shop/cart-2b warning\n"
		rollout  = "5s event Rollout deployment/shop/cart by=quell/change id=u1/7 says image 1.4 → 1.5\n"
		scaled   = "1m30s event Scaled deployment/shop/cart by=quell/change id=u1/8 says 4 → 6 replicas\n"
		more     = "1m40s event Scaled deployment/shop/cart by=quell/change id=u1/9 says 6 → 8 replicas\n"
		tells    = "2m event BackOff service/shop/web warning\n2m edge service/shop/web calls deployment/shop/cart\n" // makes it rank again
	)
	for _, c := range []struct{ name, script, want string }{
		{"nothing changed", slow + tells, ""},
		{"changed before", rollout + slow + tells, "deployment/shop/cart changed 15s before: Rollout, image 1.4 → 1.5"},
		{"before, and its parts are ill", rollout + crashes + tells, "deployment/shop/cart changed 35s before: Rollout, image 1.4 → 1.5"},
		{"scaled since it was slow", slow + scaled, ""},
		{"rolled out, then scaled twice", rollout + slow + scaled + more, "deployment/shop/cart changed 15s before: Rollout, image 1.4 → 1.5"},
		{"scaled in between", slow + "30s event Scaled deployment/shop/cart by=quell/change id=u1/8 says 4 → 6 replicas\n" + crashes, "deployment/shop/cart changed 10s before: Scaled, 4 → 6 replicas"},
		{"heard of a moment late", slow + "22s event Scaled deployment/shop/cart by=quell/change id=u1/8 says 4 → 6 replicas\n", "deployment/shop/cart changed as it began: Scaled, 4 → 6 replicas"},
	} {
		x := explain(t, played(t, workload+c.script), 1)
		if got := changedIn(x.Root.Why); got != c.want {
			t.Errorf("%s: %q, want %q; %s", c.name, got, c.want, x.Root.Why)
		}
		if (x.Root.Change > 1) != (c.want != "") || (x.Root.Changed != nil) != (c.want != "") {
			t.Errorf("%s: bonus %v for %+v", c.name, x.Root.Change, x.Root.Changed)
		}
	}
}

// changedIn is the part of a reason that tells of a change; empty if it tells of none.
func changedIn(why string) string {
	for _, part := range strings.Split(why, "; ") {
		if strings.Contains(part, " changed ") {
			return part
		}
	}
	return ""
}

// TestEarlierChangesAreFewAndRecent keeps what a change remembers bounded.
func TestEarlierChangesAreFewAndRecent(t *testing.T) {
	last := change{}
	for k := range int64(10) {
		last = change{At: 1 + k*changeFor/4}.after(last)
	}
	if n := len(last.Earlier); n != changesEarlier {
		t.Errorf("%d earlier ones, want %d", n, changesEarlier)
	}
	for _, o := range last.Earlier {
		if o.Earlier != nil || last.At-o.At >= changeFor {
			t.Errorf("%+v is kept", o)
		}
	}
	if got := (change{At: last.At + changeFor}).after(last); got.Earlier != nil {
		t.Errorf("what is too long ago is kept: %+v", got)
	}
}
