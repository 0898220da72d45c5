package app

import (
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/internal/rulebook"
	"quell/rules"
)

// ruleFaults counts expressions of rules that go wrong, and logs each rule's first.
type ruleFaults struct {
	log    *slog.Logger
	errors *prometheus.CounterVec

	mu   sync.Mutex
	told map[string]bool // by rule; bounded by how many rules there are
}

func newRuleFaults(log *slog.Logger, reg prometheus.Registerer) *ruleFaults {
	f := &ruleFaults{
		log: log, told: make(map[string]bool),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_rule_errors_total",
			Help: "Times that an expression of a rule went wrong, so that the rule did not apply, by the rule's section and its file or pack.",
		}, []string{"section", "source"}),
	}
	reg.MustRegister(f.errors)
	return f
}

// compile is the engine's compiler. Rules that were changed may go wrong in another way, so what was logged is forgotten.
func (f *ruleFaults) compile(p *correlate.Policy) (correlate.Rules, error) {
	f.mu.Lock()
	clear(f.told)
	f.mu.Unlock()
	return rulebook.Telling(f.tell)(p)
}

func (f *ruleFaults) tell(fault rules.Fault) {
	f.errors.WithLabelValues(fault.Rule.Section, fault.Rule.File).Inc()
	rule := fault.Rule.File + "\n" + fault.Rule.Key() + "\n" + fault.Expression
	f.mu.Lock()
	told := f.told[rule]
	f.told[rule] = true
	f.mu.Unlock()
	if told {
		return
	}
	f.log.Warn("rule does not apply, its expression went wrong", slog.String("section", fault.Rule.Section),
		slog.String("rule", fault.Rule.String()), slog.String("expression", fault.Expression), slog.String("problem", fault.Problem))
}
