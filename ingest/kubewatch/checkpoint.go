package kubewatch

import (
	"maps"
	"slices"
	"strings"
)

// checkpoint is up to which resource version events are durable, by the namespace that is watched, where empty is all of them. Its text
// is "1234", or "bank=1200 shop=1234" if only these namespaces are watched.
type checkpoint map[string]string

func parseCheckpoint(text string) checkpoint {
	c := make(checkpoint)
	for _, part := range strings.Fields(text) {
		namespace, version, ok := strings.Cut(part, "=")
		if !ok {
			namespace, version = "", part
		}
		c[namespace] = version
	}
	return c
}

// of returns the version for a namespace. One for all namespaces holds for each.
func (c checkpoint) of(namespace string) string {
	if v, ok := c[namespace]; ok {
		return v
	}
	return c[""]
}

// set notes a version that is about to be durable.
func (c checkpoint) set(namespace, version string) {
	if namespace != "" {
		delete(c, "") // it was that of another configuration, and would be taken for older than it is
	}
	c[namespace] = version
}

// String returns the text that parseCheckpoint reads.
func (c checkpoint) String() string {
	var parts []string
	for _, namespace := range slices.Sorted(maps.Keys(c)) {
		if namespace == "" {
			parts = append(parts, c[namespace])
			continue
		}
		parts = append(parts, namespace+"="+c[namespace])
	}
	return strings.Join(parts, " ")
}
