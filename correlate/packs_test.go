package correlate_test

import (
	"testing"

	"quell/correlate"
	"quell/rules"
)

// TestScenario plays the stories of testdata/scenario. It is external to the package since rules import it.
func TestScenario(t *testing.T) { correlate.PlayScenarios(t, rules.Compile) }
