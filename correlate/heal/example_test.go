package heal_test

import (
	"fmt"
	"time"

	"quell/correlate/heal"
)

// Of 100 cases, 60 heal within a minute, 20 in the quarter of an hour after that, and 20 last. What a spared page is worth decides
// whether waiting for the second part pays.
func ExampleEstimate_Until() {
	model := heal.NewModel(heal.DefaultTuning())
	cart := heal.Path{Kind: "pod", Alert: "KubePodNotReady", Workload: "deployment/shop/cart"}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for k := range 60 {
		model.Observe(now, cart, heal.Spell{To: time.Duration(k) * time.Second, Healed: true})
	}
	for k := range 20 {
		model.Observe(now, cart, heal.Spell{To: time.Minute + time.Duration(k)*45*time.Second, Healed: true})
		model.Observe(now, cart, heal.Spell{To: time.Hour})
	}

	estimate := model.Estimate(now, cart)
	class, _ := estimate.Carrier(0, 5)
	for _, threshold := range []float64{0.8, 0.6} {
		verdict := estimate.Until(0, heal.Bet{Budget: 30 * time.Minute, Threshold: threshold})
		fmt.Printf("%.0f %% of %.0f like it (%s) heal within %s\n", 100*verdict.Heals, class.Cases, class.Class, verdict.Until)
	}
	// Output:
	// 61 % of 100 like it (KubePodNotReady of pod, deployment/shop/cart) heal within 1m4s
	// 79 % of 100 like it (KubePodNotReady of pod, deployment/shop/cart) heal within 14m56s
}
