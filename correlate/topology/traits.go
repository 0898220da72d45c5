package topology

// Traits are what the engine has to know about a type of dependency.
type Traits struct {
	// Weight is the chance, from 0 to 1, that a failure of what is depended on shows on what depends on it.
	Weight float64
	// Owns is true where From is made of To (a workload of its pods, a service of what backs it). Trouble travels such an
	// edge both ways: a bad rollout breaks its pods, and broken pods break their service.
	Owns bool
	// Needs says how many of the dependencies of this type that one entity has must be healthy for it to be well.
	Needs Needs
}

// Needs is how many of several dependencies of one type must be healthy: 1 is any of them, as with the pods of a service, and so
// on. Zero means all of them: each counts for itself.
type Needs int32

// The needs that have words in rules.
const (
	NeedsAll Needs = 0
	NeedsAny Needs = 1
)

// MaxNeeds bounds what rules may ask for.
const MaxNeeds = 1_000_000

// Shows returns the chance, from 0 to 1, that trouble of ill among the of dependencies of this type shows on what needs them, the
// weight of the type not counted. It is the share of the redundancy that is used up: where all are needed, the first one that is
// ill shows; where any will do, each adds its share until the last one is gone; where k are, it is certain once fewer are healthy.
func (t Traits) Shows(ill, of int) float64 {
	if ill <= 0 {
		return 0
	}
	spare := 0
	if t.Needs != NeedsAll {
		spare = max(of-int(t.Needs), 0)
	}
	return min(float64(ill)/float64(spare+1), 1)
}
