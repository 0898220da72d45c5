package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/servicegraph"
	"quell/internal/config"
	"quell/web"
)

// running is a quell whose configuration a test changes.
type running struct {
	t    *testing.T
	dir  string
	base string
}

// runIn serves the configuration quell.yml of a folder for the length of a test.
func runIn(t *testing.T, dir string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: io.Discard, Started: func(a net.Addr) { started <- a }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("quell ended with %v", err)
		}
	})
	select {
	case a := <-started:
		return &running{t, dir, "http://" + a.String()}
	case err := <-done:
		t.Fatalf("quell did not start: %v", err)
		return nil
	}
}

// get decodes what a path answers, and returns the status.
func (r *running) get(path string, into any) int {
	r.t.Helper()
	resp, err := http.Get(r.base + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			r.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

func (r *running) reload(yaml string) {
	r.t.Helper()
	writeFile(r.t, r.dir, "quell.yml", yaml)
	resp, err := http.Post(r.base+"/-/reload", "", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("reload: %s", resp.Status)
	}
}

// below lists what an entity depends on, as "calls service/b by SOURCE".
func (r *running) below(entity string) []string {
	r.t.Helper()
	var h correlate.Neighbourhood
	if r.get("/api/v1/topology?entity="+url.QueryEscape(entity), &h) != http.StatusOK {
		return nil
	}
	var list []string
	for _, n := range h.DependsOn {
		list = append(list, fmt.Sprintf("%s %s by %s", n.Type, n.Entity, n.Source))
	}
	return list
}

const graphsConfig = `
server: {listen: "127.0.0.1:0"}
storage: {path: quell.db}
route: {receiver: nobody}
receivers: [{name: nobody}]
`

// TestServiceGraphsAndCatalogsBecomeDependencies: from configuration to the topology that the API shows, and back when the
// configuration no longer says so.
func TestServiceGraphsAndCatalogsBecomeDependencies(t *testing.T) {
	var down atomic.Bool
	prom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() || !strings.Contains(r.FormValue("query"), "traces_service_graph_request_total") {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[
			{"metric":{"client":"web","server":"cart","client_k8s_namespace_name":"shop","server_k8s_namespace_name":"shop"},"value":[1790000000,"3"]}]}}`)
	}))
	defer prom.Close()
	dir := t.TempDir()
	writeFile(t, dir, "catalog-info.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: web, annotations: {quell.dev/entity: service/shop/web@eu}}\n"+
		"spec: {dependsOn: ['resource:redis']}\n---\napiVersion: backstage.io/v1alpha1\nkind: Resource\nmetadata: {name: redis}\n")
	graph := "service_graph: [{name: tempo, preset: tempo, cluster: eu, url: \"" + prom.URL + "\"}]\n"
	catalogs := "topology: {catalogs: [\"catalog-*.yaml\"]}\n"
	writeFile(t, dir, "quell.yml", graphsConfig+graph+catalogs)
	r := runIn(t, dir)
	both := []string{"depends_on resource/redis by catalog catalog-info.yaml", "calls service/shop/cart@eu by service graph tempo"}
	waitFor(t, "both sources", func() bool { return slices.Equal(r.below("service/shop/web@eu"), both) })
	var st web.Status
	waitFor(t, "its status", func() bool {
		st = web.Status{}
		r.get("/api/v1/status", &st)
		return len(st.ServiceGraphs) == 1 && st.ServiceGraphs[0].LastSuccess != nil
	})
	want := web.ServiceGraphStatus{Name: "tempo", LastSuccess: st.ServiceGraphs[0].LastSuccess, Series: 1, Dependencies: 1}
	if diff := cmp.Diff(want, st.ServiceGraphs[0]); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}

	down.Store(true)
	r.reload(graphsConfig + catalogs + strings.Replace(graph, "cluster: eu", "cluster: us", 1))
	waitFor(t, "the failure in the status", func() bool {
		st = web.Status{}
		r.get("/api/v1/status", &st)
		return len(st.ServiceGraphs) == 1 && strings.Contains(st.ServiceGraphs[0].Error, "503")
	})
	if got := r.below("service/shop/web@eu"); !slices.Equal(got, both) {
		t.Errorf("while Prometheus is down: %q, want %q", got, both)
	}

	r.reload(graphsConfig)
	if got := r.below("service/shop/web@eu"); got != nil {
		t.Errorf("when nothing is configured any more: %q", got)
	}
}

// TestGraphThatIsConfiguredNoLongerGoesAlsoIfThatChangedWhileQuellWasDown, with its symptom. So does a catalog.
func TestGraphThatIsConfiguredNoLongerGoesAlsoIfThatChangedWhileQuellWasDown(t *testing.T) {
	inBubble(t, func(b *bench) {
		dir := b.t.TempDir()
		writeFile(b.t, dir, "key", "secret")
		writeFile(b.t, dir, "c.yaml", "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: shop}\n")
		configure := func(more string) {
			c, err := config.Parse("quell.yml", []byte(loopConfig+more), dir)
			if err != nil {
				b.t.Fatal(err)
			}
			b.conf = c
			b.restart()
		}
		configure("service_graph: [{name: tempo, preset: tempo, url: \"http://127.0.0.1:1\"}]\ntopology: {catalogs: [c.yaml]}\n")
		source := servicegraph.Source("tempo")
		b.mustPost(&correlate.Topology{Source: source, Update: topology.Update{Edges: []topology.Edge{{From: "service/a", To: "service/b", Type: "calls"}}}})
		b.mustPost(&correlate.Event{Entity: "source/servicegraph-tempo", Reason: "ServiceGraphStale", Component: "quell/state", Count: 1, At: time.Now(), Source: source})
		b.rest(10 * time.Minute)
		b.restart()
		b.hasNothingToTell()
		if f := figuresOf(b); f.Edges != 1 || f.Active != 1 || f.Entities != 4 {
			t.Errorf("while it is configured: %+v, want an edge, a symptom, and the catalog's entity", f)
		}
		configure("")
		if f := figuresOf(b); f.Edges != 0 || f.Active != 0 {
			t.Errorf("after it was removed: %+v, want neither edge nor symptom", f)
		}
		b.hasNothingToTell()
		b.checkReplay()
	})
}

// hasNothingToTell checks that the engine was told all of the configuration already, and nothing of an earlier one is left to take back.
func (b *bench) hasNothingToTell() {
	b.t.Helper()
	err := b.loop.look(context.Background(), func(*correlate.Engine) error {
		inputs, err := b.loop.sourceInputs(b.conf)
		if len(inputs) > 0 {
			b.t.Errorf("%d inputs for a configuration that did not change, the first is %+v", len(inputs), inputs[0])
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
