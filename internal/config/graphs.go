package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"quell/ingest/servicegraph"
	"quell/internal/strictyaml"
)

// serviceGraph reads one service graph.
func (l *loader) serviceGraph(n strictyaml.Node) {
	g := servicegraph.Config{
		Window: servicegraph.DefaultWindow, Interval: servicegraph.DefaultInterval, TTL: servicegraph.DefaultTTL,
		Timeout: servicegraph.DefaultTimeout, MaxEdges: servicegraph.DefaultMaxEdges, MaxResponseBytes: servicegraph.DefaultMaxResponseBytes,
		HTTP: promconfig.DefaultHTTPClientConfig,
	}
	g.HTTP.FollowRedirects = false // credentials would follow wherever a redirect leads
	ttl := n
	n.Map(strictyaml.Fields{
		"name":     graphName(&g.Name),
		"url":      prometheusURL(&g.URL),
		"preset":   strictyaml.Word(&g.Preset, servicegraph.Presets()...),
		"query":    strictyaml.Name(&g.Query),
		"window":   strictyaml.Duration(&g.Window, time.Minute, day),
		"interval": strictyaml.Duration(&g.Interval, 10*time.Second, time.Hour),
		"ttl": func(n strictyaml.Node) {
			ttl = n
			strictyaml.Duration(&g.TTL, time.Minute, 30*day)(n)
		},
		"timeout": strictyaml.Duration(&g.Timeout, time.Second, 10*time.Minute),
		"cluster": strictyaml.Name(&g.Cluster),
		"entities": section(strictyaml.Fields{
			"client": g.Client.Read,
			"server": g.Server.Read,
		}),
		"max_edges":          strictyaml.Int(&g.MaxEdges, 1, 1_000_000),
		"max_response_bytes": strictyaml.Size(&g.MaxResponseBytes, 1<<10, 1<<30),
		"http_config":        l.httpConfig(&g.HTTP),
	}, "name", "url")
	switch {
	case (g.Preset == "") == (g.Query == ""):
		n.Problem("a service graph has either a preset or a query", "presets are "+strings.Join(servicegraph.Presets(), ", "))
	case g.Query != "" && (len(g.Client) == 0 || len(g.Server) == 0):
		n.Problem("a query does not say which entities its labels name", "write entities: {client: [{kind: …, name_label: …}], server: […]}")
	}
	if g.TTL < 3*g.Interval {
		ttl.Problem("the graph would be forgotten between two queries", "make ttl at least three times the interval")
	}
	if slices.ContainsFunc(l.config.ServiceGraphs, func(other servicegraph.Config) bool { return other.Name == g.Name }) && g.Name != "" {
		n.Problem("second service graph of name "+strictyaml.Quote(g.Name), "")
		return
	}
	l.config.ServiceGraphs = append(l.config.ServiceGraphs, g)
}

// graphName stores a name that becomes part of an entity's id and of metrics.
func graphName(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '@' }
		if len(*to) > 64 || strings.ContainsFunc(*to, odd) {
			n.Problem(strictyaml.Quote(*to)+" is no name for a service graph", "write up to 64 letters, digits and dashes")
		}
	}
}

// prometheusURL stores a base address without credentials in it.
func prometheusURL(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.URL(to)(n)
		if u, err := url.Parse(*to); err == nil && u.User != nil {
			*to = ""
			n.Problem("secrets do not belong in this file", "write http_config: {basic_auth: {username: …, password_file: …}}")
		}
	}
}

// httpConfig reads how to reach a server, with the keys that Prometheus and Alertmanager have for it. Secrets are in files, which are
// read again when they change.
func (l *loader) httpConfig(c *promconfig.HTTPClientConfig) strictyaml.Setter {
	basic, bearer := new(promconfig.BasicAuth), new(promconfig.Authorization)
	return func(n strictyaml.Node) {
		n.Map(strictyaml.Fields{
			"basic_auth": func(n strictyaml.Node) {
				c.BasicAuth = basic
				n.Map(strictyaml.Fields{
					"username": strictyaml.Name(&basic.Username), "password_file": l.secretPath(&basic.PasswordFile), "password": inline("password"),
				}, "username", "password_file")
			},
			"authorization": func(n strictyaml.Node) {
				c.Authorization = bearer
				bearer.Type = "Bearer"
				n.Map(strictyaml.Fields{
					"type": strictyaml.Name(&bearer.Type), "credentials_file": l.secretPath(&bearer.CredentialsFile), "credentials": inline("credentials"),
				}, "credentials_file")
			},
			"tls_config":       l.tlsConfig(&c.TLSConfig),
			"follow_redirects": strictyaml.Bool(&c.FollowRedirects),
			"bearer_token":     strictyaml.Refuse("secrets do not belong in this file", "put it in a file of its own and write authorization: {credentials_file: PATH}"),
			"oauth2":           strictyaml.Refuse("oauth2 is not supported yet by this version", "use authorization or basic_auth"),
		})
		if c.BasicAuth != nil && c.Authorization != nil {
			n.Problem("both basic_auth and authorization", "leave one of them out")
		}
	}
}

func (l *loader) tlsConfig(c *promconfig.TLSConfig) strictyaml.Setter {
	return func(n strictyaml.Node) {
		n.Map(strictyaml.Fields{
			"ca_file": l.readable(&c.CAFile), "cert_file": l.readable(&c.CertFile), "key_file": l.secretPath(&c.KeyFile),
			"server_name": strictyaml.Name(&c.ServerName), "insecure_skip_verify": strictyaml.Bool(&c.InsecureSkipVerify),
		})
		if (c.CertFile == "") != (c.KeyFile == "") {
			n.Problem("cert_file and key_file belong together", "")
			return
		}
		if _, err := promconfig.NewTLSConfig(c); err != nil {
			n.Problem("TLS cannot be set up: "+err.Error(), "")
		}
	}
}

// readable stores the path of a file that can be read.
func (l *loader) readable(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var name string
		strictyaml.Name(&name)(n)
		if name == "" {
			return
		}
		path := l.path(name)
		l.config.Sources = append(l.config.Sources, Source{Path: path, Name: name, Secret: true, Modified: modified(path)})
		if _, err := readFile(path, maxSecretBytes); err != nil {
			n.Problem("file "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
			return
		}
		*to = path
	}
}
