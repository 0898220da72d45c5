//go:build e2ekube

// Package e2ekube runs quell against a real Kubernetes control plane: etcd, API server, controller manager and scheduler, a fleet of
// nodes that kwok keeps alive, and kubelets that are real but for their container runtime (see test/kube). What quell decides ends
// as pages at a fake PagerDuty. `make e2e-k8s` starts the cluster and names quell in the environment variable QUELL.
package e2ekube

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"quell/internal/fake"
)

const (
	// hold and settle are what quell is configured with. A dead node has its pods moved and is removed within a hold.
	hold, settle = 90 * time.Second, 15 * time.Second
	// budget is how late what is due may be on a busy machine.
	budget = 60 * time.Second
	// nodeGrace is how long the controller manager waits for a kubelet before it says that its node is not ready.
	nodeGrace = 50 * time.Second
	// staleAfter is how long a watch may fail before quell calls it stale.
	staleAfter = time.Minute
	// fleetNodes and fleetPods are what is there when nothing is wrong.
	fleetNodes, fleetPods = 50, 1000
)

// world is the cluster and the quell of all stories.
type world struct {
	*cluster
	*quell
}

// story is one test of something that happens in a namespace of its own.
type story struct {
	*testing.T
	*world
	namespace string
	begin     time.Time
}

// story makes the namespace.
func (w *world) story(t *testing.T, namespace string) *story {
	t.Helper()
	w.create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
	return &story{T: t, world: w, namespace: namespace, begin: time.Now()}
}

// eventually waits until a condition holds, and tells what it saw last if it never does.
func eventually(t *testing.T, budget time.Duration, what string, holds func() (bool, any)) {
	t.Helper()
	for end := time.Now().Add(budget); ; time.Sleep(250 * time.Millisecond) {
		ok, saw := holds()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v, not true: %s; last seen: %v", budget, what, saw)
		}
	}
}

// workload is a deployment of a story.
type workload struct {
	name, image string
	replicas    int
	// node is where it must run; empty for any hollow kubelet.
	node string
	// more is YAML that goes into the deployment's spec, container into its container.
	more, container string
}

// deploy makes a deployment.
func (s *story) deploy(w workload) {
	s.Helper()
	selector := ""
	if w.node != "" {
		selector = "nodeSelector: {kubernetes.io/hostname: " + w.node + "}"
	}
	s.create(s.T, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: %[1]s}}
  %[4]s
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 1
      %[5]s
      containers:
        - name: app
          image: %[6]s
          %[7]s
`, w.name, s.namespace, w.replicas, w.more, selector, w.image, w.container))
}

// pathOf is the path of a deployment of the story.
func (s *story) pathOf(name string) string {
	return "/apis/apps/v1/namespaces/" + s.namespace + "/deployments/" + name
}

// setImage rolls out another image.
func (s *story) setImage(name, image string) {
	s.Helper()
	s.patch(s.T, s.pathOf(name), fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image))
}

// wantReady waits until all replicas of deployments are ready.
func (s *story) wantReady(names ...string) {
	s.Helper()
	for _, name := range names {
		eventually(s.T, 2*budget, name+" is ready", func() (bool, any) {
			d := s.deployment(s.namespace, name)
			return d.Spec.Replicas > 0 && d.Status.ReadyReplicas == d.Spec.Replicas, d.Status
		})
	}
}

// incidents lists those of a place that opened since the story began.
func (s *story) incidents(place string) []incident {
	return slices.DeleteFunc(s.quell.incidents(s.T, place), func(i incident) bool { return i.Opened.Before(s.begin) })
}

// wantIncident waits until exactly one incident touches the place, and it is in a state; it returns it.
func (s *story) wantIncident(within time.Duration, place, state string) incident {
	s.Helper()
	var found incident
	eventually(s.T, within, fmt.Sprintf("one incident of %s is %s", place, state), func() (bool, any) {
		list := s.incidents(place)
		if len(list) == 1 && list[0].State == state {
			found = list[0]
			return true, nil
		}
		return false, list
	})
	return found
}

// pages are those at PagerDuty whose text, summary and details, holds a word.
func (q *quell) pages(word string) []fake.PDIncident {
	var list []fake.PDIncident
	for _, p := range q.pd.Incidents() {
		if strings.Contains(pageText(p), word) {
			list = append(list, p)
		}
	}
	return list
}

// pageText is all that a page says.
func pageText(p fake.PDIncident) string {
	text := p.Summary
	if p.Last.Payload != nil {
		text += "\n" + string(p.Last.Payload.Details)
	}
	return text
}

// wantOnePage waits until one page names the story's namespace, and wants it to match patterns.
func (s *story) wantOnePage(within time.Duration, patterns ...string) fake.PDIncident {
	s.Helper()
	eventually(s.T, within, "a page about "+s.namespace, func() (bool, any) { return len(s.pages(s.namespace)) > 0, s.incidents("/" + s.namespace + "/") })
	list := s.pages(s.namespace)
	if len(list) != 1 {
		s.Errorf("got %d pages, want one: %v", len(list), list)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(pageText(list[0])) {
			s.Errorf("the page does not match %q:\n%s", p, pageText(list[0]))
		}
	}
	return list[0]
}

// wantResolved waits until the story's only page is resolved.
func (s *story) wantResolved() {
	s.Helper()
	eventually(s.T, settle+budget, "one page, resolved", func() (bool, any) {
		list := s.pages(s.namespace)
		return len(list) == 1 && !list[0].Resolved.IsZero(), s.incidents("/" + s.namespace + "/")
	})
}

// wantNoPage wants that nothing about a place paged.
func (s *story) wantNoPage(place string) {
	s.Helper()
	if list := s.pages(place); len(list) > 0 {
		s.Errorf("got pages about %s, want none: %v", place, list)
	}
}

// manifests returns the objects of some kinds in quell's deployment manifests.
func manifests(t *testing.T, kinds ...string) string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/manifests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	wanted := regexp.MustCompile(`(?m)^kind: (` + strings.Join(kinds, "|") + `)$`)
	var list []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(text), "\n---") {
			if wanted.MatchString(doc) {
				list = append(list, doc)
			}
		}
	}
	return strings.Join(list, "\n---\n")
}
