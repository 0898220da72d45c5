//go:build e2ekube

package e2ekube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// scripts is where the cluster's scripts are.
const scripts = "../kube"

// cluster is the control plane that with.sh started, as its admin sees it. Requests are plain HTTP, so that no client library
// stands between a story and what the API server says.
type cluster struct {
	server, token string
	authority     string // file of the CA
	folder        string // DATA_DIR
	client        *http.Client
}

// theCluster is the one that the environment names.
func theCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{folder: os.Getenv("DATA_DIR")}
	text, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatalf("no cluster (make e2e-k8s starts one): %v", err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server    string `yaml:"server"`
				Authority string `yaml:"certificate-authority"`
			} `yaml:"cluster"`
		} `yaml:"clusters"`
		Users []struct {
			User struct {
				Token string `yaml:"token"`
			} `yaml:"user"`
		} `yaml:"users"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil || len(config.Clusters) != 1 || len(config.Users) != 1 {
		t.Fatalf("read %s: %v", os.Getenv("KUBECONFIG"), err)
	}
	c.server, c.authority, c.token = config.Clusters[0].Cluster.Server, config.Clusters[0].Cluster.Authority, config.Users[0].User.Token
	pem, err := os.ReadFile(c.authority)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	c.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	return c
}

// kubeconfig is a way to the cluster for the owner of a token.
func (c *cluster) kubeconfig(token string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, c.server, c.authority, token)
}

// do asks the API server, with a body if there is one, and decodes the answer into result unless that is nil.
func (c *cluster) do(method, path string, body []byte, result any) error {
	req, err := http.NewRequest(method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(text, result)
}

// object is what the stories read of any object.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string     `json:"name"`
		Namespace string     `json:"namespace"`
		Deleted   *time.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		NodeName string `json:"nodeName"`
		Replicas int    `json:"replicas"`
	} `json:"spec"`
	Status struct {
		ReadyReplicas   int `json:"readyReplicas"`
		UpdatedReplicas int `json:"updatedReplicas"`
		Conditions      []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

// is reports whether a condition is True.
func (o *object) is(condition string) bool {
	for _, c := range o.Status.Conditions {
		if c.Type == condition {
			return c.Status == "True"
		}
	}
	return false
}

// folderOf is the path under which objects of a kind are made.
func (o *object) folderOf() string {
	path := "/api/v1"
	if strings.Contains(o.APIVersion, "/") {
		path = "/apis/" + o.APIVersion
	}
	if o.Metadata.Namespace != "" {
		path += "/namespaces/" + o.Metadata.Namespace
	}
	return path + "/" + strings.ToLower(o.Kind) + "s"
}

// documents splits YAML, and turns each part into JSON.
func documents(text string) ([][]byte, error) {
	var list [][]byte
	for doc := range strings.SplitSeq(text, "\n---") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		body, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, doc)
		}
		list = append(list, body)
	}
	return list, nil
}

// create makes the objects of a YAML text.
func (c *cluster) create(t *testing.T, text string) {
	t.Helper()
	bodies, err := documents(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		var o object
		if err := json.Unmarshal(body, &o); err != nil {
			t.Fatal(err)
		}
		if err := c.do(http.MethodPost, o.folderOf(), body, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// patch merges JSON into an object.
func (c *cluster) patch(t *testing.T, path, change string) {
	t.Helper()
	if err := c.do(http.MethodPatch, path, []byte(change), nil); err != nil {
		t.Fatal(err)
	}
}

// remove deletes an object.
func (c *cluster) remove(t *testing.T, path string) {
	t.Helper()
	if err := c.do(http.MethodDelete, path, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// list returns the objects below a path; none if the API server does not answer.
func (c *cluster) list(path string) []object {
	var answer struct{ Items []object }
	if err := c.do(http.MethodGet, path, nil, &answer); err != nil {
		return nil
	}
	return answer.Items
}

// deployment returns a deployment as it is now; a zero one if the API server does not answer.
func (c *cluster) deployment(namespace, name string) object {
	var o object
	_ = c.do(http.MethodGet, "/apis/apps/v1/namespaces/"+namespace+"/deployments/"+name, nil, &o) // who asks asks again
	return o
}

// part kills a program of the cluster, or starts it again.
func (c *cluster) part(t *testing.T, action, name string) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(scripts, "part.sh"), action, name).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", action, name, err, out)
	}
}

// fault makes the container runtime of all hollow kubelets fail in a way, or mends it.
func (c *cluster) fault(t *testing.T, name string, on bool) {
	t.Helper()
	file := filepath.Join(c.folder, "hollow", "faults", name)
	err := os.Remove(file)
	if on {
		err = os.WriteFile(file, nil, 0o600)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// fleet makes nodes that kwok keeps alive, and pods on them in deployments of fifty. Pods without a toleration run on the hollow
// kubelets; there are some, so that a story's few pods are not all that runs there.
func (c *cluster) fleet(t *testing.T, nodes, pods int) {
	t.Helper()
	out, err := exec.Command(filepath.Join(scripts, "nodes.sh"), fmt.Sprint(nodes)).Output()
	if err != nil {
		t.Fatal(err)
	}
	c.create(t, string(out))
	c.create(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: steady, namespace: default}
spec:
  replicas: 15
  selector: {matchLabels: {app: steady}}
  template:
    metadata: {labels: {app: steady}}
    spec:
      containers: [{name: app, image: "shop/steady:1.0"}]
`)
	const size = 50
	for i := range pods / size {
		namespace := fmt.Sprintf("fleet-%d", i%4)
		if i < 4 {
			c.create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
		}
		c.create(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: fleet-%[1]d, namespace: %[2]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: fleet-%[1]d}}
  template:
    metadata: {labels: {app: fleet-%[1]d}}
    spec:
      nodeSelector: {type: kwok}
      tolerations: [{key: kwok, operator: Exists}]
      containers: [{name: app, image: "shop/fleet:1.0"}]
---
apiVersion: v1
kind: Service
metadata: {name: fleet-%[1]d, namespace: %[2]s}
spec: {selector: {app: fleet-%[1]d}, ports: [{port: 80}]}
`, i, namespace, size))
	}
}
