package rules

import (
	"testing"

	"quell/correlate"
)

func TestAspectOfNameReadsTheWordsOfANameAsPeopleWriteThem(t *testing.T) {
	for name, want := range map[string]correlate.Aspect{
		"KubePodCrashLooping":          correlate.AspectState,
		"KubeNodeNotReady":             correlate.AspectState,
		"NodeFilesystemAlmostFull":     correlate.AspectState,
		"HighCPU":                      correlate.AspectState,
		"PodOOMKilled":                 correlate.AspectState,
		"kafka_broker_down":            correlate.AspectState,
		"ServiceLatencyHigh":           correlate.AspectEffect,
		"DiskLatencyHigh":              correlate.AspectEffect,
		"ErrorBudgetBurn":              correlate.AspectEffect,
		"KubeAPIErrorBudgetBurn":       correlate.AspectEffect,
		"FrontendSuccessRateSLO":       correlate.AspectEffect,
		"High5xx":                      correlate.AspectUnknown, // one word for the reader, and so for the table
		"checkout-error-rate":          correlate.AspectEffect,
		"SomethingIsWrong":             correlate.AspectUnknown,
		"":                             correlate.AspectUnknown,
		"ÜberlangeNamenSindKeinFehler": correlate.AspectUnknown,
	} {
		if got := aspectOfName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
