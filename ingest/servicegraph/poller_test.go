package servicegraph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// engine remembers what it was told, with the graph that this makes.
type engine struct {
	mu     sync.Mutex
	refuse error
	graph  *topology.Graph
	told   []string
}

func newEngine() *engine { return &engine{graph: topology.New()} }

// Submit implements [Submitter].
func (e *engine) Submit(_ context.Context, inputs []correlate.Input) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuse != nil {
		return e.refuse
	}
	for _, in := range inputs {
		switch in := in.(type) {
		case *correlate.Topology:
			if err := in.Validate(); err != nil {
				return err
			}
			if _, err := e.graph.Apply(&in.Update, topology.Origin{Source: in.Source, Now: time.Now().UnixNano()}); err != nil {
				return err
			}
			e.told = append(e.told, fmt.Sprintf("%s: %d edges", in.Source, len(in.Edges)))
		case *correlate.Event:
			e.told = append(e.told, fmt.Sprintf("%s %s: %s", in.Entity, in.Reason, in.Message))
		}
	}
	return nil
}

// edges are those of the graph now.
func (e *engine) edges() (list []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.graph.Expire(time.Now().UnixNano())
	for n := range e.graph.Nodes() {
		for edge := range e.graph.Edges(n) {
			list = append(list, fmt.Sprintf("%s>%s", e.graph.Entity(n), edge.To))
		}
	}
	slices.Sort(list)
	return list
}

func (e *engine) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	told := e.told
	e.told = nil
	return told
}

func (e *engine) refuses(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = err
}

// script is a Prometheus that says what the test wants.
type script struct {
	mu    sync.Mutex
	err   error
	hangs bool
	calls []string
	asked int
}

func (s *script) instant(ctx context.Context, _ string) (model.Vector, []string, error) {
	s.mu.Lock()
	s.asked++
	err, hangs, calls := s.err, s.hangs, s.calls
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	var v model.Vector
	for i, c := range calls {
		client, server, _ := strings.Cut(c, ">")
		v = append(v, &model.Sample{Metric: model.Metric{"client": model.LabelValue(client), "server": model.LabelValue(server)}, Value: model.SampleValue(len(calls) - i)})
	}
	return v, nil, err
}

func (s *script) says(err error, hangs bool, calls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hangs, s.calls = err, hangs, calls
}

// story is a poller that runs in a bubble, with what is around it.
type story struct {
	prom   *script
	engine *engine
	poller *Poller
}

func tell(t *testing.T, c Config, fn func(s *story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.Name, c.Preset = "tempo", "tempo"
		s := &story{prom: new(script), engine: newEngine()}
		s.prom.says(nil, false, "web>cart", "cart>db")
		o := Options{Submitter: s.engine, Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)}
		s.poller = newPoller(c.withDefaults(), o, s.prom)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.poller.Run(ctx) }()
		synctest.Wait()
		fn(s)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the poller ended with %v", err)
		}
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const (
	webCart = "service/web>service/cart"
	cartDB  = "service/cart>service/db"
)

// TestEdgesLastForTheirTimeToLiveAndNotMuchLonger: an edge that is no longer seen goes after its time to live, and the others stay.
func TestEdgesLastForTheirTimeToLiveAndNotMuchLonger(t *testing.T) {
	tell(t, Config{}, func(s *story) {
		want(t, "edges at once", s.engine.edges(), []string{cartDB, webCart})
		pass(4*time.Minute + 30*time.Second) // told at 0m and 4m
		s.prom.says(nil, false, "cart>db")
		pass(14 * time.Minute)
		want(t, "edges 14 minutes after the last request", s.engine.edges(), []string{cartDB, webCart})
		pass(7 * time.Minute)
		want(t, "edges 21 minutes after the last request", s.engine.edges(), []string{cartDB})
		pass(time.Hour)
		want(t, "edges that are seen all the time", s.engine.edges(), []string{cartDB})
	})
}

// TestGraphThatDoesNotChangeIsToldFourTimesInItsTimeToLive although it is asked for each minute.
func TestGraphThatDoesNotChangeIsToldFourTimesInItsTimeToLive(t *testing.T) {
	tell(t, Config{}, func(s *story) {
		want(t, "first", s.engine.take(), []string{
			"service graph tempo: 2 edges", "source/servicegraph-tempo ServiceGraphFresh: Prometheus tells who calls whom",
		})
		pass(16*time.Minute + time.Second)
		want(t, "within 16 minutes", s.engine.take(), slices.Repeat([]string{"service graph tempo: 2 edges"}, 4))
		s.prom.says(nil, false, "web>cart", "cart>db", "cart>mail")
		pass(time.Minute)
		want(t, "then", s.engine.take(), []string{"service graph tempo: 1 edges"})
	})
}

// TestPrometheusThatIsDownBecomesASymptomAndKeepsTheGraphMeanwhile lets it fail, hang, and come back.
func TestPrometheusThatIsDownBecomesASymptomAndKeepsTheGraphMeanwhile(t *testing.T) {
	tell(t, Config{}, func(s *story) {
		s.engine.take()
		s.prom.says(errors.New("connection\nrefused"), false)
		pass(5*time.Minute + 30*time.Second)
		want(t, "told before it is long enough", s.engine.take(), nil)
		want(t, "edges while it is down", s.engine.edges(), []string{cartDB, webCart})
		if st := s.poller.Status(); st.Error != "connection refused" || st.Stale || st.LastSuccess.IsZero() || st.Edges != 2 {
			t.Errorf("status: %+v", st)
		}
		pass(time.Minute)
		want(t, "told then", s.engine.take(), []string{
			"source/servicegraph-tempo ServiceGraphStale: Prometheus has not told who calls whom for 5m: connection refused",
		})
		s.prom.says(nil, true)
		pass(15 * time.Minute)
		want(t, "edges after their time", s.engine.edges(), nil)
		want(t, "told again", s.engine.take(), nil)
		if st := s.poller.Status(); st.Error != "no answer within 30s" || !st.Stale {
			t.Errorf("status: %+v", st)
		}
		s.prom.says(nil, false, "web>cart")
		pass(2 * time.Minute)
		want(t, "told when it is back", s.engine.take(), []string{
			"service graph tempo: 1 edges", "source/servicegraph-tempo ServiceGraphFresh: Prometheus tells who calls whom",
		})
		if st := s.poller.Status(); st.Error != "" || st.Stale {
			t.Errorf("status: %+v", st)
		}
	})
}

// TestOneQueryAtATime: while one hangs, no other begins.
func TestOneQueryAtATime(t *testing.T) {
	tell(t, Config{Interval: 10 * time.Second, Timeout: time.Minute}, func(s *story) {
		s.prom.says(nil, true)
		pass(9 * time.Minute)
		s.prom.mu.Lock()
		defer s.prom.mu.Unlock()
		if s.prom.asked > 11 {
			t.Errorf("%d queries in nine minutes, each of which takes one", s.prom.asked)
		}
	})
}

// TestWhatTheEngineDoesNotTakeIsToldAgain: a store that is full, or a graph that is, is not Prometheus' fault.
func TestWhatTheEngineDoesNotTakeIsToldAgain(t *testing.T) {
	tell(t, Config{}, func(s *story) {
		s.engine.take()
		s.engine.refuses(errors.New("full"))
		s.prom.says(nil, false, "web>mail")
		pass(20 * time.Minute)
		if st := s.poller.Status(); st.Error != "edges not taken: full" || st.Stale {
			t.Errorf("status: %+v", st)
		}
		s.engine.refuses(nil)
		pass(time.Minute)
		want(t, "told", s.engine.take(), []string{"service graph tempo: 1 edges"})
		want(t, "edges", s.engine.edges(), []string{"service/web>service/mail"})
	})
}

// TestMostTrafficStaysWhereThereAreTooManyEdges: 100,000 series come, and 500 may stay.
func TestMostTrafficStaysWhereThereAreTooManyEdges(t *testing.T) {
	pairs := make([]string, 100_000)
	for i := range pairs {
		pairs[len(pairs)-1-i] = fmt.Sprintf("c%d>s%d", i, i%100)
	}
	slices.Reverse(pairs) // the least traffic is last
	tell(t, Config{MaxEdges: 500}, func(s *story) {
		s.prom.says(nil, false, pairs...)
		pass(time.Minute)
		st := s.poller.Status()
		if st.Series != 100_000 || st.Edges != 500 || !st.Truncated {
			t.Errorf("status: %+v", st)
		}
		edges := s.engine.edges()
		if len(edges) != 502 || !slices.Contains(edges, "service/c0>service/s0") || slices.Contains(edges, "service/c99999>service/s99") {
			t.Errorf("%d edges: %v…", len(edges), edges[:5])
		}
	})
}

// TestFarewellTakesAllBack, whatever its source was.
func TestFarewellTakesAllBack(t *testing.T) {
	tell(t, Config{}, func(s *story) {
		s.engine.take()
		if err := s.engine.Submit(t.Context(), Farewell("tempo", time.Now())); err != nil {
			t.Fatal(err)
		}
		want(t, "edges", s.engine.edges(), nil)
		want(t, "told", s.engine.take()[1:], []string{"source/servicegraph-tempo ServiceGraphFresh: the service graph is configured no longer"})
	})
}
