package dice_test

import (
	"testing"

	"quell/internal/fake/dice"
)

// One seed gives one test the same numbers each time; another seed, and another test, draw others.
func TestSeedsAreReproducible(t *testing.T) {
	draw := func(t *testing.T, seed string) uint64 {
		t.Setenv(dice.Variable, seed)
		return dice.New(t).Uint64()
	}
	seven := draw(t, "7")
	if draw(t, "0x7") != seven {
		t.Error("one seed gave two numbers")
	}
	if draw(t, "8") == seven {
		t.Error("two seeds gave one number")
	}
	if draw(t, "") != draw(t, "1") {
		t.Error("without a seed a test does not draw as with 1")
	}
	t.Run("another", func(t *testing.T) {
		if draw(t, "7") == seven {
			t.Error("two tests drew one number")
		}
	})
}
