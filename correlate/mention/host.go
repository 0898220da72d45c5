package mention

import (
	"strings"

	"quell/correlate/topology"
)

// mark stands behind the names of services and their namespaces.
const mark = ".svc"

// maxHost bounds how far a host name may reach back from its ".svc", in bytes: pod, service and namespace, each a label.
const maxHost = 3*(maxLabel+1) - 1

// maxVerdict bounds how far behind a host name the outcome of its look-up may stand, in bytes: the server's address is between.
const maxVerdict = 256

// hosts reads the names of services, and of pods behind a headless service, in the form that the cluster's DNS gives them:
// service.namespace.svc, possibly with a domain behind it.
func (r *reader) hosts() {
	for end := 0; len(r.edges) < MaxEdges; end += len(mark) {
		at := strings.Index(r.message[end:], mark)
		if at < 0 {
			return
		}
		end += at
		start := end
		for start > 0 && end-start <= maxHost && (isAlnum(r.message[start-1]) || strings.IndexByte("-.", r.message[start-1]) >= 0) {
			start--
		}
		if rest := r.message[end+len(mark):]; r.standsAlone(start, rest) && r.answered(start, rest) {
			r.host(r.message[start:end])
		}
	}
}

// standsAlone reports whether a host name that begins at start, with rest behind its ".svc", is no part of a longer word.
func (r *reader) standsAlone(start int, rest string) bool {
	before, after := byte(' '), byte(' ')
	if start > 0 {
		before = r.message[start-1]
	}
	if rest != "" {
		after = rest[0]
	}
	return strings.IndexByte(" /\"\\'(,=[@:", before) >= 0 && strings.IndexByte(" .:/\"\\')],;?", after) >= 0
}

// answered reports whether a name was resolved, or at least answered for: where a look-up fails for another reason than that there
// is no such host, the servers for names are to blame.
func (r *reader) answered(start int, rest string) bool {
	return !strings.HasSuffix(r.message[:start], "lookup ") || strings.Contains(rest[:min(len(rest), maxVerdict)], "no such host")
}

// host adds what the part of a host name before ".svc" names.
func (r *reader) host(name string) {
	rest, namespace, ok := cutLast(name)
	pod, service, headless := cutLast(rest)
	if !ok || !isLabel(namespace) || !isLabel(service) || headless && !isLabel(pod) {
		return
	}
	if r.webhook != "" && strings.HasPrefix(r.webhook.Name(), name+mark) {
		return // webhooks are named like hosts, some of them like one of these
	}
	cluster, caller := r.about.Cluster(), r.about
	if r.webhook != "" {
		caller = r.webhook // what the event is about calls the webhook, which is served there
	}
	r.add(topology.Edge{From: caller, To: topology.NewEntity("service", namespace, service, cluster), Type: "calls"})
	if headless {
		r.add(topology.Edge{From: caller, To: topology.NewEntity("pod", namespace, pod, cluster), Type: "calls"})
	}
}

// cutLast cuts the last label off a host name. Where there is only one, ok is false and that is it.
func cutLast(host string) (rest, label string, ok bool) {
	i := strings.LastIndexByte(host, '.')
	return host[:max(i, 0)], host[i+1:], i >= 0
}
