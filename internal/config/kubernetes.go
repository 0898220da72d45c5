package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"

	"quell/internal/strictyaml"
)

// Cluster is a Kubernetes cluster that is watched.
type Cluster struct {
	// Name is appended to the names of entities. It may be empty if there is one cluster only.
	Name string
	// Kubeconfig is the file with address and credentials; empty means the service account of the pod that quell runs in.
	Kubeconfig string
	// Context is one of the kubeconfig's; empty means its current one.
	Context string
	// Namespaces are those that are watched; none means all.
	Namespaces []string
	// QPS and Burst bound the requests a second that quell sends, in the long run and at once.
	QPS   float64
	Burst int
	// Secrets is true if the metadata of secrets is watched.
	Secrets bool
}

// maxClusters bounds the clusters of one quell: each has a watch for every kind.
const maxClusters = 100

var (
	clusterName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// clusters reads the list of clusters.
func (l *loader) clusters(n strictyaml.Node) {
	n.List(l.cluster)
	switch list := l.config.Clusters; {
	case len(list) > maxClusters:
		n.Problem(fmt.Sprintf("%d clusters are more than one quell can watch (%d)", len(list), maxClusters), "run another quell")
	case len(list) > 1:
		for i := range list {
			if list[i].Name == "" {
				n.Problem("of several clusters each needs a name", "add name: to each")
				return
			}
		}
	}
}

func (l *loader) cluster(n strictyaml.Node) {
	c := Cluster{QPS: 20, Burst: 40}
	at := n
	n.Map(strictyaml.Fields{
		"name": func(n strictyaml.Node) {
			at = n
			strictyaml.String(&c.Name)(n)
			if c.Name != "" && !clusterName.MatchString(c.Name) {
				n.Problem(strictyaml.Quote(c.Name)+" is no name for a cluster", "letters, digits, '-', '_' and '.', at most 63")
			}
		},
		"kubeconfig": l.kubeconfig(&c.Kubeconfig),
		"context":    strictyaml.Name(&c.Context),
		"namespaces": list(func(n strictyaml.Node) {
			var name string
			strictyaml.Name(&name)(n)
			switch {
			case name == "":
			case !namespaceName.MatchString(name):
				n.Problem(strictyaml.Quote(name)+" is no namespace", "lower-case letters, digits and '-', at most 63")
			case slices.Contains(c.Namespaces, name):
				n.Problem("namespace "+strictyaml.Quote(name)+" is listed twice", "")
			default:
				c.Namespaces = append(c.Namespaces, name)
			}
		}),
		"qps":     strictyaml.Float(&c.QPS, 1, 1000),
		"burst":   strictyaml.Int(&c.Burst, 1, 10_000),
		"secrets": strictyaml.Bool(&c.Secrets),
	})
	if c.Name != "" && slices.ContainsFunc(l.config.Clusters, func(other Cluster) bool { return other.Name == c.Name }) {
		at.Problem("second cluster of name "+strictyaml.Quote(c.Name), "")
	}
	if c.Context != "" && c.Kubeconfig == "" {
		n.Problem("a context without a kubeconfig", "add kubeconfig:, or remove context: to use the pod's service account")
	}
	l.config.Clusters = append(l.config.Clusters, c)
}

// kubeconfig reads the path of a file with credentials. What is in it is read when it is used, since other programs change it.
func (l *loader) kubeconfig(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var name string
		strictyaml.Name(&name)(n)
		if name == "" {
			return
		}
		*to = l.path(name)
		info, err := os.Stat(*to)
		switch {
		case err != nil:
			n.ProblemAs(kindUnreadable, "kubeconfig "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "the path is relative to this file")
		case !info.Mode().IsRegular():
			n.Problem("kubeconfig "+strictyaml.Quote(name)+" is not a regular file", "")
		case info.Mode().Perm()&0o004 != 0:
			n.WarnAs(kindOpenSecret, "everybody on this machine can read the kubeconfig", "chmod o-r")
		}
	}
}
