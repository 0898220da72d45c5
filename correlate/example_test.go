package correlate_test

import (
	"fmt"
	"time"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/rules"
)

// Two services lose the database that they both call. Rules wait before they fire, so the effects come first, and each opens an
// incident of its own. A minute later the database says that it is down. It explains both, so the three become one incident, rooted in the
// database, before anybody is paged. The package documentation works out the scores by hand.
func Example() {
	engine, err := correlate.New(rules.Compile, correlate.Policy{Hold: 5 * time.Minute, Rules: []correlate.RuleFile{{Name: "shop.yml", Text: `symptoms:
- {name: down, matchers: ['alertname=~".*Down"'], shows: state}
- {name: errors, matchers: ['alertname=~".*Errors"'], shows: effect}
`}}})
	if err != nil {
		panic(err)
	}
	start := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	show := func(after time.Duration, inputs ...correlate.Input) {
		for _, effect := range engine.Step(start.Add(after), inputs) {
			fmt.Printf("%s %s %s: %s\n", effect.At.Format(time.TimeOnly), effect.Decision, effect.Incident, effect.Reason)
		}
	}
	fires := func(name, entity, severity string) *correlate.Alert {
		labels := correlate.LabelsOf("alertname", name, "quell_entity", entity, "severity", severity)
		return &correlate.Alert{Fingerprint: labels.Fingerprint(), Labels: labels, Source: "example"}
	}

	show(0, &correlate.Topology{Source: "example", Update: topology.Update{Edges: []topology.Edge{
		{From: "service/cart", To: "service/db", Type: "calls"},
		{From: "service/pay", To: "service/db", Type: "calls"},
	}}})
	show(0, fires("CartErrors", "service/cart", "warning"), fires("PayErrors", "service/pay", "warning"))
	show(time.Minute, fires("DatabaseDown", "service/db", "critical"))

	explained, _ := engine.Explain(1, 10)
	for _, c := range append([]correlate.Candidate{explained.Root}, explained.RunnersUp...) {
		fmt.Printf("%-12s %.3f = coverage %.3f × evidence %.1f\n", c.Entity, c.Score, c.Coverage, c.Evidence)
	}
	// Output:
	// 09:00:00 open inc-1: CartErrors began on service/cart and nothing known explains it
	// 09:00:00 hold inc-1: held 5m to heal by itself (default hold); pages at 09:05:00
	// 09:00:00 open inc-2: PayErrors began on service/pay and nothing known explains it
	// 09:00:00 hold inc-2: held 5m to heal by itself (default hold); pages at 09:05:00
	// 09:01:00 reroot inc-1: root is now service/db: its only ill entity depends on service/db, which is ill as well
	// 09:01:00 join inc-1: DatabaseDown joins: it explains the incident
	// 09:01:00 merge inc-2: merged into inc-1: its only ill entity depends on service/db
	// service/db   0.889 = coverage 0.889 × evidence 1.0
	// service/cart 0.111 = coverage 0.222 × evidence 0.5
	// service/pay  0.111 = coverage 0.222 × evidence 0.5
}
