package alertmanager

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"

	"quell/routing"
)

// status tells of the program. amtool reads the configuration in it.
func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	type version struct {
		Branch    string `json:"branch"`
		BuildDate string `json:"buildDate"`
		BuildUser string `json:"buildUser"`
		GoVersion string `json:"goVersion"`
		Revision  string `json:"revision"`
		Version   string `json:"version"`
	}
	type cluster struct {
		Peers  []struct{} `json:"peers"`
		Status string     `json:"status"`
	}
	type original struct {
		Original string `json:"original"`
	}
	s := a.backend.Setup()
	write(w, http.StatusOK, struct {
		Cluster     cluster  `json:"cluster"`
		Config      original `json:"config"`
		Uptime      string   `json:"uptime"`
		VersionInfo version  `json:"versionInfo"`
	}{
		Cluster: cluster{Peers: []struct{}{}, Status: "disabled"},
		Config:  original{configText(s.Route, s.Receivers)},
		Uptime:  s.Started.UTC().Format(timeLayout),
		// The version is Alertmanager's, since tools compare it with their own.
		VersionInfo: version{Branch: "quell", GoVersion: runtime.Version(), Revision: s.Version, Version: Version},
	})
}

// receivers lists the receivers by name, in the order of the configuration.
func (a *API) receivers(w http.ResponseWriter, r *http.Request) {
	none, err := parseReceiverMatchers(r.URL.Query())
	if err != nil {
		bad(w, err.Error())
		return
	}
	type receiver struct {
		Name string `json:"name"`
	}
	list := []receiver{}
	if !none {
		for _, name := range a.backend.Setup().Receivers {
			list = append(list, receiver{name})
		}
	}
	write(w, http.StatusOK, list)
}

// configText writes routes and the names of receivers as a configuration that Alertmanager could read. Where receivers send is no
// reader's business.
func configText(root *routing.Route, receivers []string) string {
	var b strings.Builder
	b.WriteString("# Made by quell of its own configuration: routes and the names of receivers.\nroute:\n")
	writeRoute(&b, root, "  ")
	b.WriteString("receivers:\n")
	for _, name := range receivers {
		b.WriteString("- name: " + strconv.Quote(name) + "\n")
	}
	return b.String()
}

// writeRoute writes a route and those below it. It has at least one key, for a list's dash to stand before.
func writeRoute(b *strings.Builder, r *routing.Route, indent string) {
	b.WriteString(indent + "continue: " + strconv.FormatBool(r.Continue) + "\n")
	if r.Receiver != "" {
		b.WriteString(indent + "receiver: " + strconv.Quote(r.Receiver) + "\n")
	}
	if len(r.Matchers) > 0 {
		b.WriteString(indent + "matchers:\n")
		for _, m := range r.Matchers {
			b.WriteString(indent + "- " + strconv.Quote(m.String()) + "\n")
		}
	}
	if len(r.Routes) == 0 {
		return
	}
	b.WriteString(indent + "routes:\n")
	for _, child := range r.Routes {
		var c strings.Builder
		writeRoute(&c, child, indent+"  ")
		b.WriteString(indent + "- " + strings.TrimPrefix(c.String(), indent+"  "))
	}
}
