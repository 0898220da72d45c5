package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// usualKinds are kinds of entities as Kubernetes and the packs have them; shortKinds what kubectl calls them as well.
const usualKinds = `pod node service deployment statefulset daemonset replicaset job cronjob namespace persistentvolumeclaim persistentvolume storageclass
ingress ingressclass configmap secret serviceaccount horizontalpodautoscaler poddisruptionbudget resourcequota endpointslice zone region database cluster
external instance webhook application certificate`

var shortKinds = map[string]string{
	"po": "pod", "no": "node", "svc": "service", "deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "rs": "replicaset", "cj": "cronjob", "ns": "namespace",
	"pvc": "persistentvolumeclaim", "pv": "persistentvolume", "sc": "storageclass", "ing": "ingress", "cm": "configmap", "sa": "serviceaccount",
	"hpa": "horizontalpodautoscaler", "pdb": "poddisruptionbudget",
}

// entityKinds reports kinds that nothing has: plural, short as kubectl takes them, or misspelt by one letter.
func (c *checker) entityKinds() {
	c.kinds = make(map[string]bool)
	for _, kind := range strings.Fields(usualKinds) {
		c.kinds[kind] = true
	}
	for _, r := range c.rules {
		if r.section == "entities" { // whatever these make there is
			walk(r.tree, func(t *strictyaml.Tree) { c.kinds[text(t.Get("kind"))] = true })
		}
	}
	for _, r := range c.rules {
		walk(r.tree, func(t *strictyaml.Tree) {
			for _, item := range items(t.Get("kind")) {
				c.kindName(text(item), place(item))
			}
			for _, item := range slices.Concat(items(t.Get("entities")), []*strictyaml.Tree{t.Get("from"), t.Get("to"), t.Get("entity")}) {
				if kind, _, ok := strings.Cut(text(item), "/"); ok {
					c.kindName(kind, place(item))
				}
				c.globbed(item)
			}
		})
	}
}

// kindName reports a kind that is no usual one, nor of the user's own, but nearly one.
func (c *checker) kindName(kind string, at Place) {
	if kind == "" || c.kinds[kind] {
		return
	}
	meant, lower := shortKinds[kind], strings.ToLower(kind)
	for _, usual := range slices.Sorted(maps.Keys(c.kinds)) {
		if lower == usual || lower == usual+"s" || lower == usual+"es" || len(usual) > len("cluster") && apartByOne(lower, usual) {
			meant = usual
		}
	}
	if meant != "" {
		c.find(Finding{Kind: kindUnknownKind, Place: at, Text: "nothing is of the kind " + strictyaml.Quote(kind), Hint: fmt.Sprintf("did you mean %s?", meant)})
	}
}

// globbed reports the id of an entity that is written as a regular expression.
func (c *checker) globbed(t *strictyaml.Tree) {
	id := text(t)
	for _, odd := range []string{"-.*", "/.*", "-.+", "/.+"} {
		if strings.Contains(id, odd) {
			c.find(Finding{
				Kind: kindOdd, Place: place(t), Text: "no entity is called " + strictyaml.Quote(id),
				Hint: "* alone stands for any part of a name: " + strings.Replace(id, odd, odd[:1]+"*", 1),
			})
			return
		}
	}
}

// apartByOne reports whether two words differ by one letter that is missing, too many, another one, or swapped with its neighbour.
func apartByOne(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
