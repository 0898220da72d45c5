package picture

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/internal/fake/golden"
)

// TestWhyTellsTheNumbersByWhichItWaited shows one for which waiting pays and one for which it does not.
func TestWhyTellsTheNumbersByWhichItWaited(t *testing.T) {
	x, median := explained(), model.Duration(45*time.Second)
	inc := *x.Incident
	inc.Outlook = &correlate.Outlook{
		At: start.Add(2 * time.Minute), Age: model.Duration(2 * time.Minute), Class: "KubePodNotReady of pod", Cases: 212.4,
		Levels: []correlate.OutlookLevel{
			{Class: "everything", Cases: 4120.1},
			{Class: "every pod", Cases: 900},
			{Class: "KubePodNotReady of pod", Cases: 612.5},
			{Class: "KubePodNotReady of pod, deployment/shop/cart@\x1b[31m", Cases: 3.2},
		},
		Heals: 0.942, Within: model.Duration(3 * time.Minute), InBudget: 0.97, Budget: model.Duration(15 * time.Minute), Threshold: 0.7,
		Rule: "default hold", Median: &median,
	}
	x.Incident = &inc
	golden.Compare(t, "why-outlook.golden", Why(x, Options{}))
	hopeless := *inc.Outlook
	hopeless.Age, hopeless.Within, hopeless.Heals, hopeless.InBudget, hopeless.Median = 0, 0, 0, 0.03, nil
	inc.Outlook = &hopeless
	golden.Compare(t, "why-hopeless.golden", Why(x, Options{}))
}
