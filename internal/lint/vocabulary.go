package lint

import (
	"maps"
	"slices"
	"strings"

	"quell/internal/strictyaml"
	"quell/rules/packs"
)

// vocabulary holds names of labels.
type vocabulary map[string]bool

// customary are labels that Prometheus, the exporters of Kubernetes and people who write alerts use, beside those of the packs.
const customary = `alertname severity alertstate alertgroup instance job service endpoint prometheus replica prometheus_replica cluster k8s_cluster
region zone env environment stage tier team owner squad app application component product project system host hostname server node namespace pod
container container_name pod_name image uid phase reason condition status status_code code method handler path route verb resource group version
version_label deployment statefulset daemonset replicaset job_name cronjob horizontalpodautoscaler persistentvolumeclaim persistentvolume storageclass
ingress ingressclass controller controller_class service_name service_namespace service_version workload workload_type created_by_kind created_by_name device
mountpoint fstype interface cpu mode disk volume name id type kind level priority source origin domain url target module database datname db schema table
queue topic partition consumergroup consumer_group broker vhost exchange user role shard index keyspace slave_id master_host quell_entity
exported_namespace exported_pod exported_service exported_job exported_instance exported_node exported_container long short slo sloth_slo sloth_service
monitor rule rulegroup rule_group receiver integration label_app label_team dc datacenter account provider availability_zone poddisruptionbudget resourcequota
hpa vpa certificate issuer exported_name api apiservice webhook chart release revision function lambda bucket region_name country`

// incidental are labels that only incidents have.
var incidental = []string{"quell_root", "quell_kind", "quell_namespace", "quell_cluster"}

// ofPacks are labels that packs name, in force or not. It takes longer than all else that a check does.
func ofPacks() vocabulary {
	v := make(vocabulary)
	for _, name := range packs.Names() {
		pack, _ := packs.Text(name)
		for _, r := range readRules(File{"pack " + name, pack}) {
			for _, m := range r.matchers {
				v[m.Name] = true
			}
			v.mapped(r.tree)
		}
	}
	return v
}

// learn notes the labels that are customary, that the user's mappings name, and that alerts had.
func (c *checker) learn() {
	c.words, c.meant = make(vocabulary), make(map[string]string)
	for _, name := range strings.Fields(customary) {
		c.words[name] = true
	}
	for _, name := range incidental {
		c.words[name] = true
	}
	for _, r := range c.rules {
		c.words.mapped(r.tree)
	}
	c.words.mapped(c.config)
	maps.Copy(c.words, c.in.Recorded)
}

// known reports whether something has a label. Packs are read for the first label that nobody else knows.
func (c *checker) known(name string) bool {
	is := func() bool { return c.words[name] || c.words[strings.TrimPrefix(name, "exported_")] }
	if !is() && c.ofPacks != nil {
		maps.Copy(c.words, c.ofPacks())
		c.ofPacks = nil
	}
	return is()
}

// mapped adds the labels that mappings name: values of keys such as name_label, and lists of labels.
func (v vocabulary) mapped(t *strictyaml.Tree) {
	walk(t, func(m *strictyaml.Tree) {
		for i, key := range m.Keys {
			switch {
			case strings.HasSuffix(key, "_label"):
				v[text(m.Items[i])] = true
			case key == "labels" || key == "per":
				for _, name := range texts(m.Items[i]) {
					v[name] = true
				}
			}
		}
	})
}

// unknown reports matchers of labels that nothing has, and of values that nobody means.
func (c *checker) unknown(ms []matcher) {
	for _, m := range ms {
		c.odd(m)
		c.label(m.Name, m.at)
	}
}

// label reports a label that nothing has.
func (c *checker) label(name string, at Place) {
	if c.known(name) {
		return
	}
	hint, compared := c.meant[name]
	if !compared { // once for each name: it is compared with hundreds of others
		hint = strictyaml.Suggest(name, slices.Collect(maps.Keys(c.words)))
		c.meant[name] = hint
	}
	if bare, ok := strings.CutPrefix(name, "labels."); ok {
		hint = "labels stand by their names in matchers: " + bare
	}
	switch {
	case c.in.Recorded != nil && hint == "":
		hint = "no alert in the journal has it"
	case hint == "":
		return // people have labels of their own
	}
	c.find(Finding{Kind: kindUnknownLabel, Place: at, Text: "nothing is known to have the label " + strictyaml.Quote(name), Hint: hint})
}
