package heal

import (
	"math/bits"
	"time"
)

// Ages are sorted into bins that widen with age: the first is one second, and from there on each doubling has four of equal width, up to
// a week and a half day. What decides within seconds whether a pod restarts needs other steps than a disk that fills up over days.
const (
	binUnit    = 250 * time.Millisecond
	perOctave  = 4
	octaves    = 20
	binCount   = 1 + perOctave*octaves
	firstWidth = perOctave * binUnit
)

// Horizon is the longest age that the model tells apart, exclusive: about twelve days. What lasts longer is censored there.
const Horizon = firstWidth << octaves

// binOf is the bin that an age from zero up to, not including, [Horizon] falls into.
func binOf(age time.Duration) int {
	if age < firstWidth {
		return 0
	}
	units := uint64(age / binUnit)
	octave := bits.Len64(units) - bits.Len64(perOctave)
	return 1 + octave*perOctave + int(units>>octave) - perOctave
}

// binStart is the age at which a bin begins; binStart(binCount) is Horizon.
func binStart(b int) time.Duration { return binStarts[b] }

// binStarts are looked up, since all that counts and asks walks along the bins.
var binStarts = func() (starts [binCount + 1]time.Duration) {
	for b := range binCount {
		octave, step := b/perOctave, b%perOctave
		starts[b+1] = time.Duration(perOctave+step) << octave * binUnit
	}
	return starts
}()
