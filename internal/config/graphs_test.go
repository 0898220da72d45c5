package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"quell/ingest/servicegraph"
	"quell/rules"
)

func TestServiceGraphsAreReadWithTheirDefaults(t *testing.T) {
	dir := write(t, fullFiles)
	graphs := load(t, dir).ServiceGraphs
	if len(graphs) != 2 {
		t.Fatalf("got %d service graphs, want 2", len(graphs))
	}
	token := filepath.Join(dir, "prom.token")
	g := graphs[0]
	if g.Name != "tempo" || g.URL != "http://127.0.0.1:3/prometheus" || g.Preset != "tempo" || g.Window != 10*time.Minute || g.Interval != 2*time.Minute ||
		g.TTL != 20*time.Minute || g.Timeout != 10*time.Second || g.Cluster != "eu" || g.MaxEdges != 100 || g.MaxResponseBytes != 1<<20 {
		t.Errorf("got %+v", g)
	}
	if a := g.HTTP.Authorization; a == nil || a.Type != "Token" || a.CredentialsFile != token || !g.HTTP.FollowRedirects {
		t.Errorf("http_config: got %+v", g.HTTP)
	}
	g = graphs[1]
	if g.Interval != servicegraph.DefaultInterval || g.TTL != servicegraph.DefaultTTL || g.MaxEdges != servicegraph.DefaultMaxEdges || g.HTTP.FollowRedirects {
		t.Errorf("defaults: got %+v", g)
	}
	if b := g.HTTP.BasicAuth; b == nil || b.Username != "quell" || b.PasswordFile != token {
		t.Errorf("basic_auth: got %+v", b)
	}
	if s := g.HTTP.TLSConfig; s.CAFile != filepath.Join(dir, "ca.pem") || s.ServerName != "prom" || !s.InsecureSkipVerify {
		t.Errorf("tls_config: got %+v", s)
	}
	f := g.Client[0]
	if f.Kind != "deployment" || f.Name != "from" || f.Namespace != "in" || f.Cluster != "c" || f.Matchers.String() != `{x="y"}` {
		t.Errorf("client: got %+v", f)
	}
	if want := (rules.Form{Kind: "host", Name: "to"}); g.Server[0].Kind != want.Kind || g.Server[0].Name != want.Name {
		t.Errorf("server: got %+v, want %+v", g.Server[0], want)
	}
}

// TestMistakesInServiceGraphsAreNamed one by one. Those in secrets never show them.
func TestMistakesInServiceGraphsAreNamed(t *testing.T) {
	const secret = "hunter2"
	dir := write(t, map[string]string{"token": secret, "empty": "\n", "ca.pem": "no certificate"})
	for _, c := range []struct{ graph, want string }{
		{`preset: tempo`, `q.yml:3:17: key "name" is missing`},
		{`name: a/b, preset: tempo`, `q.yml:3:24: "a/b" is no name for a service graph (write up to 64 letters, digits and dashes)`},
		{`name: a`, `q.yml:3:17: a service graph has either a preset or a query (presets are hubble, istio, linkerd, opentelemetry, tempo)`},
		{`name: a, preset: tempo, query: x`, `either a preset or a query`},
		{`name: a, preset: temp`, `"temp" is none of hubble, istio, linkerd, opentelemetry, tempo (did you mean tempo?)`},
		{`name: a, query: x`, `a query does not say which entities its labels name`},
		{`name: a, preset: tempo, interval: 5m, ttl: 10m`, `q.yml:3:61: the graph would be forgotten between two queries (make ttl at least three times the interval)`},
		{`name: a, preset: tempo, interval: 1s`, `1s is not between 10s and 1h`},
		{`name: a, preset: tempo, http_config: {bearer_token: ` + secret + `}`, `secrets do not belong in this file`},
		{`name: a, preset: tempo, http_config: {authorization: {credentials: ` + secret + `}}`, `secrets do not belong in this file`},
		{`name: a, preset: tempo, http_config: {authorization: {credentials_file: ` + secret + `}}`, `secret file cannot be read`},
		{`name: a, preset: tempo, http_config: {authorization: {credentials_file: empty}}`, `secret file is empty`},
		{`name: a, preset: tempo, http_config: {authorization: {credentials_file: token}, basic_auth: {username: a, password_file: token}}`, `both basic_auth and authorization`},
		{`name: a, preset: tempo, http_config: {tls_config: {ca_file: none.pem}}`, `file "none.pem" cannot be read: no such file or directory`},
		{`name: a, preset: tempo, http_config: {tls_config: {ca_file: ca.pem}}`, `TLS cannot be set up`},
		{`name: a, preset: tempo, http_config: {tls_config: {cert_file: ca.pem}}`, `cert_file and key_file belong together`},
		{`name: a, preset: tempo, http_config: {oauth2: {}}`, `oauth2 is not supported yet`},
	} {
		_, err := Parse("q.yml", []byte(minimal+"service_graph: [{"+c.graph+`, url: "http://prom"}]`), dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s\n got %v\nwant %s", c.graph, err, c.want)
		}
	}
	_, err := Parse("q.yml", []byte(minimal+`service_graph: [{name: a, preset: istio, url: "http://me:`+secret+`@prom"}]`), dir)
	if err == nil || !strings.Contains(err.Error(), "secrets do not belong in this file") || strings.Contains(err.Error(), secret) {
		t.Errorf("credentials in the address: got %v", err)
	}
	_, err = Parse("q.yml", []byte(minimal+`service_graph: [{name: a, preset: istio, url: "http://p"}, {name: a, preset: istio, url: "http://p"}]`), dir)
	if err == nil || !strings.Contains(err.Error(), `q.yml:3:60: second service graph of name "a"`) {
		t.Errorf("the same name twice: got %v", err)
	}
}

// TestMistakesInCatalogsAreNamedByTheirFiles, and what nobody describes is a warning.
func TestMistakesInCatalogsAreNamedByTheirFiles(t *testing.T) {
	const head = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: x}\n"
	dir := write(t, map[string]string{"c/a.yaml": head + "spec: {dependsOn: [y]}\n", "c/b.yaml": head, "c/d.yml": head + "spec: {dependsOn: [component:z]}"})
	_, err := Parse("q.yml", []byte(minimal+`topology: {catalogs: ["c/*.yaml", c/none.yaml, "c/a*"]}`), dir)
	want := []string{
		filepath.Join(dir, "c/a.yaml") + `:4:20: "y" names no kind (write component:y or resource:y)`,
		filepath.Join(dir, "c/b.yaml") + `:1:1: second description of component:default/x; the first is in ` + filepath.Join(dir, "c/a.yaml") + `:1`,
		`q.yml:3:35: catalog "c/none.yaml" cannot be read: no such file or directory`,
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error()+"\n", w+"\n") {
			t.Errorf("got\n%v\nwant\n%s", err, w)
		}
	}
	c, err := Parse("q.yml", []byte(minimal+"topology: {catalogs: [c/d.yml]}"), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.Warnings.Error(), "c/d.yml:4:20: warning: component:default/z is described in none of the catalogs") {
		t.Errorf("got warnings\n%v", c.Warnings)
	}
}

// TestExamplesOfTopologySourcesLoad: each source has one in the documentation, and none brings a warning that it does not mean.
func TestExamplesOfTopologySourcesLoad(t *testing.T) {
	doc, err := os.ReadFile("../../docs/topology.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := make(map[string][]string)
	for _, b := range regexp.MustCompile("(?s)```(yaml[ a-z]*|json)\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		blocks[b[1]] = append(blocks[b[1]], b[2])
	}
	if len(blocks["yaml"]) != 6 || len(blocks["yaml catalog"]) != 1 || len(blocks["json"]) != 1 || len(blocks["yaml rules"]) != 1 {
		t.Fatalf("got %d configurations, %d catalogs, %d topologies, %d rule files, want 6, 1, 1, 1",
			len(blocks["yaml"]), len(blocks["yaml catalog"]), len(blocks["json"]), len(blocks["yaml rules"]))
	}
	dir := write(t, map[string]string{
		"prometheus.token": "t", "catalog-info.yaml": blocks["yaml catalog"][0], "catalog/a.yaml": blocks["yaml catalog"][0],
		"topology.json": blocks["json"][0], "rules.yml": blocks["yaml rules"][0],
	})
	for _, text := range append(blocks["yaml"], "rules: {files: [rules.yml]}\n") {
		c, err := Parse("example", []byte(minimal+text), dir)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		for _, w := range c.Warnings {
			if !strings.Contains(w.Text, "no integration") {
				t.Errorf("%s\n%v", text, w)
			}
		}
	}
}
