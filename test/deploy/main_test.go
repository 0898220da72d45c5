// Package deploy tests what is in deploy/: that the service account may do what quell needs and nothing else, that the pod is
// confined, that the configuration in it is one that quell takes, and that alerts on quell name metrics that it has.
//
// The tests read what was rendered of the chart, which is kept beside the values that it was rendered with. `make manifests`
// renders anew; `make deploy-check` fails if that changes anything, and runs helm's and promtool's own checks.
package deploy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
)

const (
	root  = "../.."
	chart = root + "/deploy/helm/quell"
)

// object is as much of any Kubernetes object as the tests look at.
type object struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Data                         map[string]string `yaml:"data"`
	AutomountServiceAccountToken *bool             `yaml:"automountServiceAccountToken"`

	Rules []struct {
		APIGroups       []string `yaml:"apiGroups"`
		Resources       []string `yaml:"resources"`
		Verbs           []string `yaml:"verbs"`
		ResourceNames   []string `yaml:"resourceNames"`
		NonResourceURLs []string `yaml:"nonResourceURLs"`
	} `yaml:"rules"`
	RoleRef  struct{ Kind, Name string } `yaml:"roleRef"`
	Subjects []struct{ Kind, Name, Namespace string }

	Spec spec `yaml:"spec"`
}

type spec struct {
	// Of pods.
	SecurityContext securityContext `yaml:"securityContext"`
	Containers      []container     `yaml:"containers"`
	// Of deployments.
	Replicas *int `yaml:"replicas"`
	Strategy struct {
		Type string `yaml:"type"`
	} `yaml:"strategy"`
	Template struct {
		Metadata struct {
			Labels map[string]string `yaml:"labels"`
		} `yaml:"metadata"`
		Spec podSpec `yaml:"spec"`
	} `yaml:"template"`
	// Of services: a map of labels. Of deployments and monitors: with matchLabels.
	Selector                 map[string]any `yaml:"selector"`
	PublishNotReadyAddresses bool           `yaml:"publishNotReadyAddresses"`
	Ports                    []struct {
		Name       string `yaml:"name"`
		TargetPort string `yaml:"targetPort"`
	} `yaml:"ports"`
	// Of monitors.
	JobLabel  string                             `yaml:"jobLabel"`
	Endpoints []struct{ Port, Path string }      `yaml:"endpoints"`
	Groups    []struct{ Rules []map[string]any } `yaml:"groups"`
	// Of network policies.
	PodSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	} `yaml:"podSelector"`
	PolicyTypes []string         `yaml:"policyTypes"`
	Ingress     []map[string]any `yaml:"ingress"`
	Egress      []map[string]any `yaml:"egress"`
}

type podSpec struct {
	ServiceAccountName           string          `yaml:"serviceAccountName"`
	AutomountServiceAccountToken *bool           `yaml:"automountServiceAccountToken"`
	SecurityContext              securityContext `yaml:"securityContext"`
	Containers                   []container     `yaml:"containers"`
	Volumes                      []struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Items []struct{ Key, Path string } `yaml:"items"`
		} `yaml:"configMap"`
		Secret struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		} `yaml:"secret"`
	} `yaml:"volumes"`
}

type container struct {
	Image          string   `yaml:"image"`
	Args           []string `yaml:"args"`
	StartupProbe   probe    `yaml:"startupProbe"`
	LivenessProbe  probe    `yaml:"livenessProbe"`
	ReadinessProbe probe    `yaml:"readinessProbe"`
	Ports          []struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	} `yaml:"ports"`
	SecurityContext securityContext `yaml:"securityContext"`
	VolumeMounts    []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type securityContext struct {
	RunAsNonRoot             bool                         `yaml:"runAsNonRoot"`
	RunAsUser                int                          `yaml:"runAsUser"`
	FSGroup                  int                          `yaml:"fsGroup"`
	Privileged               bool                         `yaml:"privileged"`
	AllowPrivilegeEscalation *bool                        `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool                         `yaml:"readOnlyRootFilesystem"`
	SeccompProfile           struct{ Type string }        `yaml:"seccompProfile"`
	Capabilities             struct{ Drop, Add []string } `yaml:"capabilities"`
}

// renderings are all sets of manifests, by the name of their values.
func renderings(t *testing.T) map[string][]object {
	t.Helper()
	files, err := filepath.Glob("testdata/*/rendered.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d renderings, want 4 or more: %v", len(files), err)
	}
	sets := make(map[string][]object)
	for _, f := range files {
		sets[filepath.Base(filepath.Dir(f))] = read(t, f)
	}
	files, err = filepath.Glob(root + "/deploy/manifests/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := filepath.Base(f); name != "kustomization.yaml" && name != "values.yaml" {
			sets["manifests"] = append(sets["manifests"], read(t, f)...)
		}
	}
	return sets
}

// read returns the objects in a file.
func read(t *testing.T, path string) (list []object) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := yaml.NewDecoder(f); ; {
		var o object
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return list
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		case o.Kind != "":
			list = append(list, o)
		}
	}
}

// decode reads a YAML file of the repository.
func decode(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// of returns the objects of a kind.
func of(list []object, kind string) (found []object) {
	for _, o := range list {
		if o.Kind == kind {
			found = append(found, o)
		}
	}
	return found
}

// only returns the one object of a kind.
func only(t *testing.T, list []object, kind string) object {
	t.Helper()
	found := of(list, kind)
	if len(found) != 1 {
		t.Fatalf("got %d objects of kind %s, want one", len(found), kind)
	}
	return found[0]
}

// quellPod returns the pod of the deployment and its container.
func quellPod(t *testing.T, list []object) (podSpec, container) {
	t.Helper()
	pod := only(t, list, "Deployment").Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("got %d containers, want one", len(pod.Containers))
	}
	return pod, pod.Containers[0]
}

// lay writes what the pod would find in its volumes into a folder, with the places of volumes changed in all texts, and returns the
// path of quell.yml.
func lay(t *testing.T, list []object) string {
	t.Helper()
	dir := t.TempDir()
	places := strings.NewReplacer("/etc/quell-secrets", filepath.Join(dir, "secrets"), "/etc/quell", filepath.Join(dir, "config"),
		"/data", filepath.Join(dir, "data"))
	config := only(t, list, "ConfigMap")
	pod, c := quellPod(t, list)
	for _, m := range c.VolumeMounts {
		for _, v := range pod.Volumes {
			if v.Name != m.Name {
				continue
			}
			files := make(map[string]string)
			for _, item := range v.ConfigMap.Items {
				text, ok := config.Data[item.Key]
				if !ok {
					t.Errorf("volume %s has a key %s that the ConfigMap does not", v.Name, item.Key)
				}
				files[item.Path] = places.Replace(text)
			}
			if name := v.Secret.SecretName; name != "" {
				if want := "/etc/quell-secrets/" + name; m.MountPath != want || !m.ReadOnly {
					t.Errorf("secret is mounted at %s, want %s, read-only", m.MountPath, want)
				}
				files["pagerduty"], files["slack"] = "s3cr3t", "s3cr3t"
				for _, key := range []string{"kubeconfig", "ap.yml", "staging.yml"} {
					files[key] = kubeconfig("http://127.0.0.1:1")
				}
			}
			project(t, places.Replace(m.MountPath), files)
		}
	}
	if got, want := fmt.Sprint(c.Args), "[serve -c /etc/quell/quell.yml --storage /data/quell.db]"; got != want {
		t.Errorf("got arguments %s, want %s", got, want)
	}
	return filepath.Join(dir, "config", "quell.yml")
}

// project lays files as the kubelet does: in a folder of the moment, with links to what is at its top, so that they change at once.
func project(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		write(t, filepath.Join(dir, "..2026_01_02_03_04_05.6", path), text)
		top, _, _ := strings.Cut(path, "/")
		if err := os.Symlink(filepath.Join("..data", top), filepath.Join(dir, top)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		return
	}
	if err := os.Symlink("..2026_01_02_03_04_05.6", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// write makes a file and its folder.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// kubeconfig leads to an API server.
func kubeconfig(server string) string {
	return `apiVersion: v1
kind: Config
current-context: admin@ap
contexts: [{name: admin@ap, context: {cluster: ap, user: admin}}]
clusters: [{name: ap, cluster: {server: "` + server + `"}}]
users: [{name: admin, user: {token: t}}]
`
}

// emptyCluster is an API server that serves no kind at all. It tells which paths it was asked for so far.
func emptyCluster(t *testing.T) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	paths := make(map[string]bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		paths[r.Method+" "+r.URL.Path] = true
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(maps.Keys(paths))
	}
}
