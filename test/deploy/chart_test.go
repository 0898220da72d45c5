package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quell/internal/config"
)

// TestNothingSecretIsRendered: credentials are in Secrets that exist already.
func TestNothingSecretIsRendered(t *testing.T) {
	for name, list := range renderings(t) {
		if found := of(list, "Secret"); len(found) > 0 {
			t.Errorf("%s: got %d secrets, want none", name, len(found))
		}
	}
}

// TestConfigMapIsAConfigurationThatQuellTakes: with the rules and other files beside it, and secrets where it looks for them.
func TestConfigMapIsAConfigurationThatQuellTakes(t *testing.T) {
	for name, list := range renderings(t) {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(lay(t, list))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.Warnings {
				// The chart cannot know anybody's receivers.
				if !strings.Contains(w.String(), "has no integration") {
					t.Errorf("got warning %v", w)
				}
			}
			_, container := quellPod(t, list)
			if got := c.Listen; got != "0.0.0.0:9095" || container.Ports[0].ContainerPort != 9095 {
				t.Errorf("quell listens on %s, and the container's port is %d", got, container.Ports[0].ContainerPort)
			}
			if filepath.Base(filepath.Dir(c.StoragePath)) != "data" {
				t.Errorf("the store is %s, not on the volume", c.StoragePath)
			}
		})
	}
}

// TestRulesAndFilesReachQuell: what the values hold as rules and files is read.
func TestRulesAndFilesReachQuell(t *testing.T) {
	c, err := config.Load(lay(t, renderings(t)["full"]))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range c.Files() {
		got = append(got, filepath.Base(f))
	}
	want := []string{"more.yml", "pagerduty", "quell.yml", "shop.yml", "slack", "text.yml", "topology.json"}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files read (-want +got):\n%s", diff)
	}
	if got := c.Policy().MaxEntities; got != 3_000_000 {
		t.Errorf("got max_entities %d, want 3000000", got)
	}
}

// TestPodIsConfined: no root, no privileges, nothing to write to but its volume, and never two of them.
func TestPodIsConfined(t *testing.T) {
	for name, list := range renderings(t) {
		t.Run(name, func(t *testing.T) {
			d := only(t, list, "Deployment")
			if d.Spec.Replicas == nil || *d.Spec.Replicas != 1 || d.Spec.Strategy.Type != "Recreate" {
				t.Errorf("got strategy %q, want one replica that is recreated: the store has one writer", d.Spec.Strategy.Type)
			}
			pods := []podSpec{d.Spec.Template.Spec}
			for _, p := range of(list, "Pod") {
				pods = append(pods, podSpec{SecurityContext: p.Spec.SecurityContext, Containers: p.Spec.Containers})
			}
			for _, p := range pods {
				if s := p.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != 65532 || s.SeccompProfile.Type != "RuntimeDefault" {
					t.Errorf("the pod's security context is %+v", s)
				}
				for _, c := range p.Containers {
					s := c.SecurityContext
					if s.Privileged || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem {
						t.Errorf("the container's security context is %+v", s)
					}
					if diff := cmp.Diff([]string{"ALL"}, s.Capabilities.Drop); diff != "" || len(s.Capabilities.Add) > 0 {
						t.Errorf("capabilities dropped (-want +got):\n%s added: %s", diff, s.Capabilities.Add)
					}
					for _, m := range c.VolumeMounts {
						if m.ReadOnly == (m.MountPath == "/data") {
							t.Errorf("%s is mounted read-only: %t", m.MountPath, m.ReadOnly)
						}
					}
				}
			}
			if s := pods[0].SecurityContext; s.FSGroup != 65532 {
				t.Errorf("got fsGroup %d, want 65532: the volume would be root's", s.FSGroup)
			}
		})
	}
}

// TestSecretsAreReadableByThePodAlone: quell warns of secrets that everybody may read, and must be able to read them.
func TestSecretsAreReadableByThePodAlone(t *testing.T) {
	pod, _ := quellPod(t, renderings(t)["full"])
	var got []string
	for _, v := range pod.Volumes {
		if s := v.Secret; s.SecretName != "" {
			got = append(got, s.SecretName)
			if s.DefaultMode != 0o440 {
				t.Errorf("secret %s has mode %o, want 440", s.SecretName, s.DefaultMode)
			}
		}
	}
	if diff := cmp.Diff([]string{"others", "prod-us", "quell-receivers"}, got); diff != "" {
		t.Errorf("secrets mounted (-want +got):\n%s", diff)
	}
}

// TestServiceLeadsToADegradedQuellToo: in safe mode /-/ready fails, and alerts have to arrive all the same.
func TestServiceLeadsToADegradedQuellToo(t *testing.T) {
	for name, list := range renderings(t) {
		t.Run(name, func(t *testing.T) {
			s := only(t, list, "Service")
			if !s.Spec.PublishNotReadyAddresses {
				t.Error("the service leads to a ready quell only")
			}
			_, c := quellPod(t, list)
			if s.Spec.Ports[0].TargetPort != c.Ports[0].Name {
				t.Errorf("the service leads to port %s, want %s", s.Spec.Ports[0].TargetPort, c.Ports[0].Name)
			}
			labels := only(t, list, "Deployment").Spec.Template.Metadata.Labels
			for key, value := range s.Spec.Selector {
				if labels[key] != value {
					t.Errorf("the service selects %s=%v, the pod has %q", key, value, labels[key])
				}
			}
			for _, p := range of(list, "NetworkPolicy") {
				for key, value := range p.Spec.PodSelector.MatchLabels {
					if labels[key] != value {
						t.Errorf("the network policy selects %s=%s, the pod has %q", key, value, labels[key])
					}
				}
				if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Ingress) == 0 || len(p.Spec.Egress) < 2 {
					t.Errorf("the network policy is %+v", p.Spec)
				}
			}
		})
	}
}

// TestKustomizationsNameEveryManifest: a file that is not named is not applied.
func TestKustomizationsNameEveryManifest(t *testing.T) {
	for _, folder := range []string{"deploy/manifests", "deploy/manifests/monitoring"} {
		var k struct{ Resources []string }
		decode(t, filepath.Join(root, folder, "kustomization.yaml"), &k)
		files, err := filepath.Glob(filepath.Join(root, folder, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, f := range files {
			if name := filepath.Base(f); name != "kustomization.yaml" && name != "values.yaml" {
				want = append(want, name)
			}
		}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(k.Resources))); diff != "" {
			t.Errorf("%s: resources (-files +named):\n%s", folder, diff)
		}
	}
}

// TestValuesAndSchemaKnowTheSameKeys: values.yaml, which documents them, shows each that the schema takes, and no other.
func TestValuesAndSchemaKnowTheSameKeys(t *testing.T) {
	var values map[string]any
	decode(t, chart+"/values.yaml", &values)
	b, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct {
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	free := []string{"config", "resources"} // Kubernetes or quell says what is in them
	for key, value := range values {
		known, ok := schema.Properties[key]
		if !ok {
			t.Errorf("the schema does not know %s", key)
		}
		if m, ok := value.(map[string]any); ok && known.Properties != nil && !slices.Contains(free, key) {
			if diff := cmp.Diff(slices.Sorted(maps.Keys(m)), slices.Sorted(maps.Keys(known.Properties))); diff != "" {
				t.Errorf("keys of %s (-values +schema):\n%s", key, diff)
			}
		}
	}
	delete(schema.Properties, "global") // Helm's
	for key := range schema.Properties {
		if _, ok := values[key]; !ok {
			t.Errorf("values.yaml does not show %s", key)
		}
	}
}

// TestNothingNamesAnImageRegistry: nobody has published quell yet, so a name would be somebody else's.
func TestNothingNamesAnImageRegistry(t *testing.T) {
	for name, list := range renderings(t) {
		_, c := quellPod(t, list)
		if name != "full" && name != "guide" && strings.Contains(c.Image, "/") {
			t.Errorf("%s: got image %s, want one without a registry", name, c.Image)
		}
	}
}

// TestGuideShowsValuesThatRender: its example is one of the sets of values that are rendered, and tested above.
func TestGuideShowsValuesThatRender(t *testing.T) {
	guide, err := os.ReadFile(root + "/docs/install-kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	values, err := os.ReadFile("testdata/guide/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(guide), "```yaml\n"+string(values)+"```") {
		t.Error("the example in docs/install-kubernetes.md and testdata/guide/values.yaml differ")
	}
}
