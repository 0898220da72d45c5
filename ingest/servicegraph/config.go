// Package servicegraph learns from Prometheus who calls whom. Meshes, tracing back ends and network observers count requests by client
// and server; a query turns those counters into edges of type "calls", each from the client to the server, since the client depends
// on what it calls.
//
// A [Poller] asks at an interval, one query at a time. Its answers hold for a time to live, so an edge does not vanish as soon as traffic
// pauses, and while Prometheus is down the graph stays as it was until that time is up.
package servicegraph

import (
	"fmt"
	"time"

	promconfig "github.com/prometheus/common/config"

	"quell/rules"
)

// Config describes one service graph. [New] takes it as it is; package config checks what people write.
type Config struct {
	// Name tells graphs apart: "tempo". Explanations call the source of its edges "service graph NAME".
	Name string
	// URL is the base address of Prometheus, or of what speaks its API.
	URL string
	// Preset is one of [Presets]; empty if there is a Query.
	Preset string
	// Query is PromQL that gives an instant vector with labels for client and server: a series whose value is above zero is a call.
	Query string
	// Window is over how long presets look for requests. Zero means [DefaultWindow].
	Window time.Duration
	// Interval is the time between two queries. Zero means [DefaultInterval].
	Interval time.Duration
	// TTL is how long an edge lasts after its last request was seen; up to four tenths longer. Zero means [DefaultTTL].
	TTL time.Duration
	// Timeout bounds one query. Zero means [DefaultTimeout].
	Timeout time.Duration
	// Cluster is appended to the entities on both sides unless their labels name one. Empty means none.
	Cluster string
	// Client and Server say which entities the labels of a series name. Nil means as the preset does; a Query needs both.
	Client, Server rules.Mapping
	// MaxEdges bounds the edges of one answer: those with the least traffic are left out. Zero means [DefaultMaxEdges].
	MaxEdges int
	// MaxResponseBytes bounds an answer; a larger one counts as a failure. Zero means [DefaultMaxResponseBytes].
	MaxResponseBytes int64
	// HTTP is how to reach Prometheus: credentials, all of them in files, and TLS.
	HTTP promconfig.HTTPClientConfig
}

// What applies where [Config] is silent.
const (
	DefaultWindow           = 5 * time.Minute
	DefaultInterval         = time.Minute
	DefaultTTL              = 15 * time.Minute
	DefaultTimeout          = 30 * time.Second
	DefaultMaxEdges         = 20_000
	DefaultMaxResponseBytes = 32 << 20
)

// Source returns the source of all that a graph of this name tells, as explanations show it.
func Source(name string) string { return "service graph " + name }

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Window = orElse(c.Window, DefaultWindow)
	c.Interval = orElse(c.Interval, DefaultInterval)
	c.TTL = orElse(c.TTL, DefaultTTL)
	c.Timeout = orElse(c.Timeout, DefaultTimeout)
	c.MaxEdges = orElse(c.MaxEdges, DefaultMaxEdges)
	c.MaxResponseBytes = orElse(c.MaxResponseBytes, DefaultMaxResponseBytes)
	p := presets[c.Preset]
	if c.Client == nil {
		c.Client = p.client
	}
	if c.Server == nil {
		c.Server = p.server
	}
	return c
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// promQL is the query as it is sent. Prometheus itself leaves out what would be too much: one series more than fits tells that there
// was more.
func (c *Config) promQL() string {
	text := c.Query
	if text == "" {
		text = presets[c.Preset].query(c.Window)
	}
	// The query may end in a comment.
	return fmt.Sprintf("topk(%d,\n%s\n)", c.MaxEdges+1, text)
}
