// Package config reads quell's configuration: one strict YAML file, and the rule, topology and secret files that it names.
// Every problem of all of them is reported at once, with its position and a hint.
//
// docs/configuration.md describes the keys for users; its examples are loaded by this package's tests.
package config

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/timeinterval"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/ingest/hook"
	"quell/ingest/servicegraph"
	"quell/internal/strictyaml"
	"quell/notify"
	"quell/notify/template"
	"quell/routing"
)

// Problem is one thing that is wrong in a file.
type Problem = strictyaml.Problem

// Problems are all that is wrong in the files. [Load] and [Parse] return them as their error.
type Problems = strictyaml.Problems

// Config is a checked configuration. It does not change after [Load]; a reload makes a new one.
type Config struct {
	// Listen is the address of the HTTP server. It is a loopback address unless the file says allow_remote: true.
	Listen string
	// ExternalURL is how people reach quell, for links in messages. Empty means no links.
	ExternalURL string
	// MaxBodyBytes bounds the body of one request, compressed as well as decompressed.
	MaxBodyBytes int64
	// Token is what who asks from another machine has to know. Empty means that senders and readers there need nothing, and that nobody there
	// changes anything.
	Token notify.Secret
	// JournalToken is enough to read the journal and the configuration from another machine. Empty means that only Token is.
	JournalToken notify.Secret
	// AllowedHosts are names under which quell is asked, in lower case and without ports.
	AllowedHosts []string

	// StoragePath is the database file, with relative paths resolved against the configuration file's folder.
	StoragePath string
	Retention   Retention

	// Topology is what all topology files say together; nil if there are none.
	Topology *topology.Update
	// TopologyHash identifies what the topology files say; empty if there are none.
	TopologyHash string
	// Catalogs are what each catalog file says, in the order of the files. Each replaces what its source told before.
	Catalogs []*correlate.Topology
	// ServiceGraphs are who is asked who calls whom, with all defaults filled in but those of presets.
	ServiceGraphs []servicegraph.Config

	// Clusters are the Kubernetes clusters that are watched. None means that nothing is.
	Clusters []Cluster

	// Webhooks are who may post what, beside Alertmanager and Kubernetes.
	Webhooks []*hook.Source

	// Route is the root of the route tree.
	Route *routing.Route
	// Escalations are the policies that routes may name, and TimeIntervals the hours of routes and steps, by name.
	Escalations   []routing.Policy
	TimeIntervals map[string][]timeinterval.TimeInterval
	// Receivers are the named groups of integrations, with their secrets.
	Receivers []notify.Receiver
	// Templates are the texts that receivers may use: the defaults, and those of the files that the configuration names.
	Templates *template.Set
	// Digests are the periodic reports.
	Digests []Digest
	// DeadMansSwitch is whom quell tells that it works; nil if nobody.
	DeadMansSwitch *DeadMansSwitch
	// SafeMode selects the alerts that go straight to their receivers while quell is degraded.
	SafeMode labels.Matchers

	Log    Log
	Limits Limits

	// Hash identifies the configuration: the SHA-256, in hex, of all that was read but the secrets.
	Hash string
	// Sources are all files that were read, the configuration first.
	Sources []Source
	// Patterns are those that name files, as paths from here: another file that one matches is a change.
	Patterns []string
	// Reload says how changes of the files get into force.
	Reload Reload
	// Revision is what the files are called where they come from: a commit. Possibly empty.
	Revision string
	// Warnings are problems that do not keep the configuration from being used.
	Warnings Problems

	policy  correlate.Policy
	secrets []byte // digests of the secrets, to tell when one changed
	// places are where policies and time intervals are defined, see [routing.Config].
	places map[string]string
}

// Retention bounds what the store keeps of the past.
type Retention struct {
	// JournalAge is how long journal records are kept at most.
	JournalAge time.Duration
	// JournalBytes is how large the journal may become before its oldest records go.
	JournalBytes int64
	// IncidentsAge is how long a closed incident can be looked up.
	IncidentsAge time.Duration
	// DeadLetters is how many deliveries that were given up are kept, DeadLettersAge for how long.
	DeadLetters    int
	DeadLettersAge time.Duration
}

// Log says what quell logs.
type Log struct {
	// Level is debug, info, warn or error.
	Level string
	// Format is logfmt or json.
	Format string
}

// Limits bound what quell keeps in memory. Hitting one is counted in a metric. The engine's own is in the policy.
type Limits struct {
	// MaxPendingDeliveries is how many deliveries the dispatcher keeps in memory; the others wait in the store.
	MaxPendingDeliveries int
	// Queue is how many requests may wait for the loop; the next one is told to come back (503).
	Queue int
	// RequestBytesInMemory bounds the bodies of all requests under way together.
	RequestBytesInMemory int64
}

// Policy returns the part that the engine's decisions depend on. The caller owns it, but for the texts in it.
func (c *Config) Policy() correlate.Policy {
	p := c.policy
	p.ConfigHash, p.Routing = c.Hash, c.Routing().Encode()
	return p
}

// NotifyConfig returns the dispatcher's part.
func (c *Config) NotifyConfig() notify.Config {
	return notify.Config{Receivers: c.Receivers, ExternalURL: c.ExternalURL, MaxPending: c.Limits.MaxPendingDeliveries, Templates: c.Templates}
}

// Routing returns who is told what, without secrets. The caller must not change it.
func (c *Config) Routing() *routing.Config {
	r := &routing.Config{Route: c.Route, Receivers: c.Targets(), Chats: c.chats(), Policies: c.Escalations, TimeIntervals: c.TimeIntervals, Places: c.places}
	for i := range c.Receivers {
		if within := c.Receivers[i].Limits.DeliverWithin; within > 0 {
			if r.DeliverWithin == nil {
				r.DeliverWithin = make(map[string]time.Duration)
			}
			r.DeliverWithin[c.Receivers[i].Name] = within
		}
	}
	return r
}

// chats are the integrations beside Slack's that take what wakes nobody.
func (c *Config) chats() []routing.Target {
	var list []routing.Target
	for _, r := range c.Receivers {
		for _, o := range r.Others {
			if o.Notices {
				list = append(list, o.Target(r.Name))
			}
		}
	}
	return list
}

// Targets returns the integrations of each receiver, by its name.
func (c *Config) Targets() map[string][]routing.Target {
	targets := make(map[string][]routing.Target, len(c.Receivers))
	for _, r := range c.Receivers {
		var ts []routing.Target
		for i := range r.PagerDuty {
			ts = append(ts, routing.Target{Receiver: r.Name, Type: "pagerduty", Index: i})
		}
		for i := range r.Slack {
			ts = append(ts, routing.Target{Receiver: r.Name, Type: "slack", Index: i})
		}
		for _, o := range r.Others {
			ts = append(ts, o.Target(r.Name))
		}
		targets[r.Name] = ts
	}
	return targets
}

const day = 24 * time.Hour

// defaults is what applies where the file is silent.
func defaults() *Config {
	return &Config{
		Listen:       "127.0.0.1:9095",
		MaxBodyBytes: 64 << 20,
		StoragePath:  "data/quell.db",
		Retention:    Retention{JournalAge: 30 * day, JournalBytes: 1 << 30, IncidentsAge: 90 * day, DeadLetters: 1000, DeadLettersAge: 30 * day},
		Log:          Log{Level: "info", Format: "logfmt"},
		Limits:       Limits{MaxPendingDeliveries: 100_000, Queue: 1000, RequestBytesInMemory: 256 << 20},
		Reload:       Reload{Watch: true, Interval: 10 * time.Second},
		policy:       DefaultPolicy(),
	}
}

// DefaultPolicy returns what a configuration that says nothing about holds and rules gives: the engine's defaults and the
// rule packs that every cluster can use. A replay without a configuration uses it too.
func DefaultPolicy() correlate.Policy {
	p := correlate.DefaultPolicy()
	p.Packs = []string{"kubernetes", "kube-prometheus"}
	return p
}
