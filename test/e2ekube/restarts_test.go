//go:build e2ekube

package e2ekube

import (
	"fmt"
	"testing"
	"time"
)

// unready is a container that is ready as long as there is no fault of a name.
func unready(fault string) string {
	return fmt.Sprintf("readinessProbe: {exec: {command: [test-file, %s]}, periodSeconds: 2, failureThreshold: 1}", fault)
}

// quellIsKilled kills quell while it holds one incident and has paged another. What happens meanwhile is not lost, what was is
// not counted twice, and nobody is called again.
func (w *world) quellIsKilled(t *testing.T) {
	s := w.story(t, "quell-away")
	s.fault(t, "ledger", false)
	s.deploy(workload{name: "gateway", image: "shop/badcmd:1.0", replicas: 2, node: "hollow-0"})
	s.deploy(workload{name: "ledger", image: "shop/ledger:1.0", replicas: 1, node: "hollow-2", container: unready("ledger")})
	s.wantReady("ledger")
	s.wantOnePage(hold+budget, `/quell-away/gateway`)
	s.fault(t, "ledger", true)
	held := s.wantState(budget, "ledger", "held")
	before := s.wantState(budget, "gateway", "escalated")

	s.kill()
	s.fault(t, "ledger", false)
	s.wantReady("ledger")
	s.start(t)
	s.wantFresh(t)
	healed := s.wantState(settle+budget, "ledger", "self-healed")
	after := s.wantState(budget, "gateway", "escalated")
	if healed.ID != held.ID || after.ID != before.ID {
		t.Errorf("got other incidents after the restart: %v %v, before: %v %v", healed, after, held, before)
	}
	if after.Alerts > before.Alerts+1 { // Back-off may have reached its next stage meanwhile.
		t.Errorf("got %d symptoms after the restart, %d before: %v", after.Alerts, before.Alerts, after)
	}
	s.setImage("gateway", "shop/gateway:1.1")
	s.wantReady("gateway")
	s.wantResolved()
	if list := s.pages("/" + s.namespace + "/"); len(list) != 1 {
		t.Errorf("got %d pages, want one: %v", len(list), list)
	}
}

// apiServerIsAway kills the API server for longer than a watch may fail, while quell holds one incident, and lets another begin and
// a third end in the meantime. The controller manager goes with it, as one does that loses its lease: one that stayed would take
// the silence for that of the kubelets.
func (w *world) apiServerIsAway(t *testing.T) {
	s := w.story(t, "api-away")
	for name, node := range map[string]string{"early": "hollow-0", "late": "hollow-0", "mended": "hollow-2"} {
		s.fault(t, name, false)
		s.deploy(workload{name: name, image: "shop/" + name + ":1.0", replicas: 1, node: node, container: unready(name)})
	}
	s.wantReady("early", "late", "mended")
	s.fault(t, "early", true)
	s.fault(t, "mended", true)
	early := s.wantState(budget, "early", "held")
	mended := s.wantState(budget, "mended", "held")

	s.part(t, "kill", "apiserver")
	s.part(t, "kill", "kcm")
	s.fault(t, "late", true)
	s.fault(t, "mended", false)
	eventually(t, staleAfter+budget, "the status says stale", func() (bool, any) { st := s.watch(t); return st.StaleSince != nil, st })
	s.part(t, "start", "apiserver")
	s.part(t, "start", "kcm")
	s.wantFresh(t)

	late := s.wantState(budget, "late", "held")
	if healed := s.wantState(settle+budget, "mended", "self-healed"); healed.ID != mended.ID {
		t.Errorf("got another incident of mended: %v, before: %v", healed, mended)
	}
	s.fault(t, "late", false)
	if healed := s.wantState(settle+budget, "late", "self-healed"); healed.ID != late.ID {
		t.Errorf("got another incident of late: %v, before: %v", healed, late)
	}
	paged := s.wantState(hold+budget, "early", "escalated")
	if paged.ID != early.ID {
		t.Errorf("got another incident of early: %v, before: %v", paged, early)
	}
	s.wantOnePage(budget, `/api-away/early`)
	s.fault(t, "early", false)
	s.wantResolved()
}

// wantState waits until exactly one incident has a deployment of the story, or its pods, as its root or member, and is in a state.
func (s *story) wantState(within time.Duration, name, state string) incident {
	s.Helper()
	return s.wantIncident(within, "/"+s.namespace+"/"+name, state)
}
