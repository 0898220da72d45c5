package servicegraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/rules"
)

// preset is what quell knows about one maker of service-graph metrics.
type preset struct {
	// by are the labels that tell an edge; counters are selectors of counters of requests. A vector selector is all that differs
	// between versions, so the first counter that has series for an edge counts, and those that are unknown cost nothing.
	by, counters []string
	// client and server map the labels to entities.
	client, server rules.Mapping
	// ignore matches series that tell of no edge, consumers those in which the server waits for what the client sends.
	ignore, consumers labels.Matchers
}

// Presets returns the names of all presets, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// query is the PromQL of a preset.
func (p preset) query(window time.Duration) string {
	parts := make([]string, len(p.counters))
	for i, c := range p.counters {
		parts[i] = fmt.Sprintf("sum by (%s) (rate(%s[%s])) > 0", strings.Join(p.by, ", "), c, model.Duration(window))
	}
	return strings.Join(parts, "\nor\n")
}

// presets by name. docs/topology.md says which versions they were checked against.
var presets = map[string]preset{
	"tempo":         traces(`traces_service_graph_request_total`),
	"opentelemetry": traces(`{__name__=~"(.+_)?traces_service_graph_request_total"}`),
	// The client's proxy reports, or the waypoint in its place: the server's would count the same requests again. A destination without
	// a namespace is outside of the mesh.
	"istio": {
		by: []string{"source_workload", "source_workload_namespace", "destination_service_name", "destination_service_namespace"},
		counters: []string{
			`istio_requests_total{reporter=~"source|waypoint"}`,
			`istio_tcp_connections_opened_total{reporter=~"source|waypoint"}`,
		},
		client: rules.Mapping{{Kind: "deployment", Name: "source_workload", Namespace: "source_workload_namespace"}},
		server: rules.Mapping{
			{Kind: "service", Name: "destination_service_name", Namespace: "destination_service_namespace"},
			{Kind: "external", Name: "destination_service_name"},
		},
		// What Envoy calls traffic of which it knows no destination.
		ignore: labels.Matchers{match(labels.MatchRegexp, "destination_service_name", "PassthroughCluster|BlackHoleCluster|InboundPassthroughCluster.*")},
	},
	"linkerd": {
		by: []string{
			"namespace", "deployment", "statefulset", "daemonset",
			"dst_namespace", "dst_service", "dst_deployment", "dst_statefulset", "dst_daemonset",
		},
		counters: []string{`request_total{direction="outbound"}`, `response_total{direction="outbound"}`},
		client:   workloads("", "namespace"),
		server: append(rules.Mapping{{Kind: "service", Name: "dst_service", Namespace: "dst_namespace"}},
			workloads("dst_", "dst_namespace")...),
	},
	// Flows have no direction, and replies are flows too. Requests, the first packet of a connection and the verdict about it have one.
	"hubble": {
		by: []string{"source_namespace", "source_workload", "destination_namespace", "destination_workload"},
		counters: []string{
			`hubble_http_requests_total`,
			`hubble_tcp_flags_total{flag="SYN"}`,
			`hubble_flows_processed_total{type="PolicyVerdict",verdict="FORWARDED"}`,
		},
		client: rules.Mapping{{Kind: "deployment", Name: "source_workload", Namespace: "source_namespace"}},
		server: rules.Mapping{{Kind: "deployment", Name: "destination_workload", Namespace: "destination_namespace"}},
	},
}

// traces is the preset of a counter that is made of spans. Namespaces are there only if they were made dimensions.
func traces(counter string) preset {
	named := func(side string) rules.Mapping {
		return rules.Mapping{
			{Kind: "service", Name: side, Namespace: side + "_k8s_namespace_name"},
			{Kind: "service", Name: side, Namespace: side + "_service_namespace"},
			{Kind: "service", Name: side},
		}
	}
	kind := func(is string) labels.Matchers {
		return labels.Matchers{match(labels.MatchEqual, "connection_type", is)}
	}
	return preset{
		by: []string{
			"client", "server", "connection_type", "client_k8s_namespace_name", "server_k8s_namespace_name",
			"client_service_namespace", "server_service_namespace",
		},
		counters: []string{counter},
		client:   named("client"),
		server: append(rules.Mapping{
			{Kind: "database", Name: "server", Matchers: kind("database")},
			{Kind: "external", Name: "server", Matchers: kind("virtual_node")},
		}, named("server")...),
		// A client that sends no spans, such as a browser. A service may have that name.
		ignore:    append(kind("virtual_node"), match(labels.MatchEqual, "client", "user")),
		consumers: kind("messaging_system"),
	}
}

// workloads maps the labels that Linkerd has for each kind of workload.
func workloads(prefix, namespace string) rules.Mapping {
	var m rules.Mapping
	for _, kind := range []string{"deployment", "statefulset", "daemonset"} {
		m = append(m, rules.Form{Kind: kind, Name: prefix + kind, Namespace: namespace})
	}
	return m
}

// match is a matcher that is part of the program.
func match(t labels.MatchType, name, value string) *labels.Matcher {
	m, err := labels.NewMatcher(t, name, value)
	if err != nil {
		panic("servicegraph: preset: " + err.Error())
	}
	return m
}
