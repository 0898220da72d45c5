package app

import (
	"net/url"
	"os"
	"strings"

	"quell/internal/config"
	"quell/web"
)

// access says who may ask what, by the configuration in force.
func (a *App) access() *web.Access { return a.current.Load().access }

// accessOf says who may ask what by a configuration.
func accessOf(c *config.Config) *web.Access {
	w := &web.Access{Token: c.Token, JournalToken: c.JournalToken, Origin: c.ExternalURL}
	if u, err := url.Parse(c.ExternalURL); err == nil && u.Hostname() != "" {
		w.OwnHosts = append(w.OwnHosts, strings.ToLower(u.Hostname()))
	}
	if len(c.AllowedHosts) > 0 {
		w.Hosts = append(append(w.Hosts, c.AllowedHosts...), w.OwnHosts...)
	}
	// Without a name of its own the machine is asked by its addresses.
	if name, err := os.Hostname(); err == nil {
		w.OwnHosts = append(w.OwnHosts, strings.ToLower(name))
	}
	return w
}
