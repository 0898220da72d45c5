package config

import (
	"net/http"
	"net/url"
	"time"

	"quell/internal/strictyaml"
	"quell/notify"
)

// DeadMansSwitch says whom quell tells that it works.
type DeadMansSwitch struct {
	// URL is pinged; who knows it can pretend. Empty means that round trips are made and counted, and nobody is told.
	URL notify.Secret
	// Interval is the time between two pings.
	Interval time.Duration
	// Method is that of the ping.
	Method string
}

func (l *loader) deadMansSwitch(n strictyaml.Node) {
	c := &DeadMansSwitch{Interval: time.Minute, Method: http.MethodGet}
	var address string
	var secret notify.Secret
	file := n
	n.Map(strictyaml.Fields{
		"url": strictyaml.URL(&address),
		"url_file": func(n strictyaml.Node) {
			file = n
			l.secret(&secret)(n)
		},
		"interval": strictyaml.Duration(&c.Interval, time.Second, 10*time.Minute),
		"method":   strictyaml.Word(&c.Method, http.MethodGet, http.MethodPost, http.MethodHead),
	})
	switch {
	case address != "" && secret != "":
		n.Problem("both url and url_file", "leave one of them out")
	case secret != "":
		if u, err := url.Parse(string(secret)); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			file.Problem("what is in the file is no http or https address", "")
		}
		c.URL = secret
	default:
		c.URL = notify.Secret(address)
	}
	l.config.DeadMansSwitch = c
}
