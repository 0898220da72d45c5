package expr

import (
	"fmt"
	"testing"

	"quell/correlate"
)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Variable{"labels", Labels}, Variable{"severity", String}, Variable{"entity.kind", String})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if _, err := testEnv.Compile(fmt.Sprintf(`labels.namespace.startsWith("team-%d") && labels.severity in ["critical", "error"] && labels.pod.matches("^cart-.*$")`, i), Bool); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBool(b *testing.B) {
	in := &Scope{In: Values{"labels": Wrap(correlate.LabelsOf("alertname", "X", "namespace", "team-a", "pod", "cart-1", "severity", "critical"))}}
	for _, text := range []string{
		`labels.namespace == "team-a"`,
		`labels.namespace.startsWith("team-") && labels.severity in ["critical", "error"] && labels.pod.matches("^cart-.*$")`,
		`labels.all(k, labels[k] != "")`,
	} {
		p, err := testEnv.Compile(text, Bool)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := p.Bool(in); err != nil || !ok {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
