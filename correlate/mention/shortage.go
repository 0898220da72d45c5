package mention

import (
	"strings"

	"quell/correlate/topology"
)

// shortages blames what the nodes have too little of: "0/50 nodes are available: 3 Insufficient cpu, 47 Insufficient
// example.com/gpu." No object stands for a resource, and all that waits for it waits for the same.
func (r *reader) shortages() {
	if r.about.Kind() != "pod" {
		return
	}
	for s := r.message; ; {
		_, after, ok := strings.Cut(s, " Insufficient ")
		if !ok {
			return
		}
		name, rest := token(after)
		s = rest
		// Resources beside those of Kubernetes have a domain: example.com/gpu.
		domain, short, extended := strings.Cut(name, "/")
		if !extended {
			domain, short = "", name
		}
		if isSubdomain(short) && (!extended || isSubdomain(domain)) {
			r.depend("needs", topology.NewEntity("resource", domain, short, r.about.Cluster()))
		}
	}
}
