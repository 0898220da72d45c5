// Package dice gives tests their random numbers: the same ones each time, so that a test that fails fails again, and that one commit has one
// result wherever it is tested. To look for what nobody has seen yet, draw others with QUELL_SEED, as CI does for each commit:
//
//	QUELL_SEED=7 go test ./routing
package dice

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Variable is the environment variable that holds the seed, a decimal or, behind 0x, hexadecimal number of 64 bits.
const Variable = "QUELL_SEED"

// Seed returns the number that a test begins to count its worlds from: that of [Variable], mixed with the test's name, so that two tests draw
// different numbers of one seed. If the test fails it tells how to play it again.
func Seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv(Variable)
	if text == "" {
		text = "1"
	}
	seed, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number of 64 bits", Variable, text)
	}
	t.Logf("%s=%s", Variable, text)
	name := fnv.New64a()
	_, _ = name.Write([]byte(t.Name())) // it never fails
	return name.Sum64() ^ seed*0x9e3779b97f4a7c15
}

// New returns a source of random numbers that begins at the test's [Seed].
func New(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}
