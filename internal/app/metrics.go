package app

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/config"
	"quell/routing"
	"quell/storage"
)

// metrics are the loop's figures.
type metrics struct {
	inputs, unchanged, direct, panics, busy prometheus.Counter
	refusedUpdates                          prometheus.Counter
	decisions                               *prometheus.CounterVec
	storeErrors                             *prometheus.CounterVec
	safe                                    *prometheus.GaugeVec
	commits                                 prometheus.Histogram
	batch                                   prometheus.Histogram
	reloads                                 *prometheus.CounterVec
	reloadOK, reloadTime, configHash        prometheus.Gauge
	configInfo                              *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		inputs:    counter("quell_inputs_total", "Inputs that were stored and given to the engine."),
		unchanged: counter("quell_inputs_unchanged_total", "Alerts that were sent again unchanged and cost no write."),
		direct:    counter("quell_safe_mode_pages_total", "Critical alerts sent straight to receivers in safe mode."),
		panics:    counter("quell_engine_panics_total", "Panics of the engine that were survived."),
		busy:      counter("quell_requests_refused_total", "Requests refused because too many were waiting."),
		refusedUpdates: counter("quell_topology_updates_refused_total",
			"Topology updates that were not taken, since they would make the graph larger than limits.max_entities allows."),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_decisions_total", Help: "Decisions of the engine by kind."}, []string{"decision"}),
		storeErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quell_storage_errors_total",
			Help: "Commits that failed, by reason.",
		}, []string{"reason"}),
		safe: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "quell_safe_mode", Help: "1 while quell is degraded for this reason."}, []string{"reason"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quell_commit_duration_seconds", Help: "Time to make a batch durable.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quell_batch_inputs", Help: "Inputs in a batch.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		reloads:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quell_config_reloads_total", Help: "Reloads of the configuration by result."}, []string{"result"}),
		reloadOK:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "quell_config_last_reload_successful", Help: "Whether the last reload succeeded."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{Name: "quell_config_last_reload_success_timestamp_seconds", Help: "Time of the last successful reload."}),
		configHash: prometheus.NewGauge(prometheus.GaugeOpts{Name: "quell_config_hash", Help: "Hash of the configuration in force, as a number: its first 48 bits."}),
		configInfo: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "quell_config_info", Help: "1 for the configuration in force, by its hash and what it is called where it comes from.",
		}, []string{"hash", "revision"}),
	}
	reg.MustRegister(m.configHash, m.configInfo, m.inputs, m.unchanged, m.direct, m.panics, m.busy, m.refusedUpdates, m.decisions, m.storeErrors, m.safe, m.commits, m.batch,
		m.reloads, m.reloadOK, m.reloadTime)
	for _, reason := range []string{reasonStore, reasonEngine, reasonDamage} {
		m.safe.WithLabelValues(reason).Set(0)
	}
	for _, reason := range []string{"enospc", "readonly", "unknown"} {
		m.storeErrors.WithLabelValues(reason)
	}
	return m
}

func (m *metrics) effects(list []correlate.Effect) {
	for i := range list {
		m.decisions.WithLabelValues(list[i].Decision.String()).Inc()
	}
}

func (m *metrics) committed(inputs int, took time.Duration) {
	m.inputs.Add(float64(inputs))
	m.batch.Observe(float64(inputs))
	m.commits.Observe(took.Seconds())
}

func (m *metrics) storeFailed(err error) {
	reason := "unknown"
	switch {
	case errors.Is(err, storage.ErrFull):
		reason = "enospc"
	case errors.Is(err, storage.ErrReadOnly):
		reason = "readonly"
	}
	m.storeErrors.WithLabelValues(reason).Inc()
}

func (m *metrics) reloaded(ok bool, now time.Time) {
	if !ok {
		m.reloads.WithLabelValues("failure").Inc()
		m.reloadOK.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(now.Unix()))
}

// configured tells which configuration is in force.
func (m *metrics) configured(c *config.Config) {
	if v, err := strconv.ParseUint(c.Hash[:12], 16, 64); err == nil {
		m.configHash.Set(float64(v))
	}
	m.configInfo.Reset()
	m.configInfo.WithLabelValues(c.Hash, c.Revision).Set(1)
}

// state exports what the engine, the store and the clock hold, read once a scrape.
type state struct {
	read  func() (figures, error)
	descs map[string]*prometheus.Desc
}

// figures is what a scrape reads.
type figures struct {
	engine correlate.Figures
	tally  honesty.Tally
	store  storage.Stats
	dead   map[routing.Target]int
	drift  time.Duration
	// unseen sums up what never reached quell in the last day; waiting counts what may still.
	unseen  []correlate.UnseenView
	waiting int
}

func newState(read func() (figures, error)) *state {
	s := &state{read: read, descs: make(map[string]*prometheus.Desc)}
	for name, help := range map[string]string{
		"quell_symptoms": "Symptoms in memory, cleared ones included.", "quell_symptoms_active": "Symptoms that fire.",
		"quell_symptoms_lost": "Symptoms whose source stopped reporting.", "quell_entities": "Entities in the topology.",
		"quell_dependencies": "Dependencies in the topology.", "quell_sources": "Sources that reported.",
		"quell_sources_silent": "Sources that fell silent while their alerts fired.",
		"quell_heartbeats":     "Heartbeats that are expected.", "quell_heartbeats_missing": "Heartbeats that are missing.",
		"quell_heartbeats_failed": "Heartbeats whose last word was that their work failed.",
		"quell_store_bytes":       "Size of the store's file.", "quell_journal_bytes": "Size of the journal, compressed.",
		"quell_store_free_bytes": "Space that the store's file system has left.",
		"quell_journal_records":  "Records in the journal.", "quell_store_damaged_rows": "Rows with wrong checksums met since the start.",
		"quell_alertmanager_unseen_waiting": "Alerts that Alertmanager's event recorder told of and that may still get here.",
		"quell_clock_drift_seconds":         "How far logical time is ahead of the wall clock.",
	} {
		s.descs[name] = prometheus.NewDesc(name, help, nil, nil)
	}
	s.descs["quell_notify_dead_letters"] = prometheus.NewDesc("quell_notify_dead_letters",
		"Deliveries that were given up and are kept, to be tried again by hand.", []string{"receiver", "integration"}, nil)
	s.descs["quell_silences"] = prometheus.NewDesc("quell_silences", "Silences by state; maintenance is windows of the configuration that are open.", []string{"state"}, nil)
	s.descs["quell_incidents_silenced"] = prometheus.NewDesc("quell_incidents_silenced", "Held incidents that wait for the end of a silence.", nil, nil)
	s.descs["quell_incidents_muted"] = prometheus.NewDesc("quell_incidents_muted", "Held incidents that rules keep from paging.", nil, nil)
	s.descs["quell_alertmanager_unseen_alerts"] = prometheus.NewDesc("quell_alertmanager_unseen_alerts",
		"Alerts of the last day that never reached quell by a webhook, as Alertmanager's event recorder tells, by reason.", []string{"reason"}, nil)
	s.descs["quell_incidents"] = prometheus.NewDesc("quell_incidents", "Incidents by state; closed ones can still be reopened.", []string{"state"}, nil)
	return s
}

// Describe implements [prometheus.Collector].
func (s *state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		ch <- d
	}
	describeTally(ch)
}

// Collect implements [prometheus.Collector]. A loop that does not answer in time exports nothing, which alerts can see.
func (s *state) Collect(ch chan<- prometheus.Metric) {
	f, err := s.read()
	if err != nil {
		return
	}
	gauge := func(name string, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(s.descs[name], prometheus.GaugeValue, v, labels...)
	}
	e, st := f.engine, f.store
	gauge("quell_symptoms", float64(e.Symptoms))
	gauge("quell_symptoms_active", float64(e.Active))
	gauge("quell_symptoms_lost", float64(e.Lost))
	gauge("quell_entities", float64(e.Entities))
	gauge("quell_dependencies", float64(e.Edges))
	gauge("quell_sources", float64(e.Sources))
	gauge("quell_sources_silent", float64(e.SilentSources))
	gauge("quell_heartbeats", float64(e.Heartbeats))
	gauge("quell_heartbeats_missing", float64(e.HeartbeatsMissing))
	gauge("quell_heartbeats_failed", float64(e.HeartbeatsFailed))
	gauge("quell_store_bytes", float64(st.FileBytes))
	if st.SpaceBytes >= 0 {
		gauge("quell_store_free_bytes", float64(st.SpaceBytes))
	}
	gauge("quell_journal_bytes", float64(st.JournalBytes))
	gauge("quell_journal_records", float64(st.JournalRecords))
	gauge("quell_store_damaged_rows", float64(st.DamagedRows))
	gauge("quell_alertmanager_unseen_waiting", float64(f.waiting))
	unseen := make(map[string]uint64)
	for _, v := range f.unseen {
		unseen[v.Reason.String()] += v.Count
	}
	for reason, n := range unseen {
		gauge("quell_alertmanager_unseen_alerts", float64(n), reason)
	}
	gauge("quell_clock_drift_seconds", f.drift.Seconds())
	gauge("quell_incidents_silenced", float64(e.IncidentsSilenced))
	gauge("quell_incidents_muted", float64(e.IncidentsMuted))
	for state, n := range map[string]int{
		"pending": e.SilencesPending, "active": e.SilencesActive, "expired": e.SilencesExpired, "maintenance": e.WindowsOpen,
	} {
		gauge("quell_silences", float64(n), state)
	}
	for state, n := range map[string]int{"held": e.Held, "escalated": e.Escalated, "acknowledged": e.Acknowledged, "closed": e.Closed} {
		gauge("quell_incidents", float64(n), state)
	}
	for t, n := range f.dead {
		gauge("quell_notify_dead_letters", float64(n), t.Receiver, t.Integration())
	}
	collectTally(ch, &f.tally)
}
