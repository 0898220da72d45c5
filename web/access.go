package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quell/internal/secret"
)

// Access says who may ask what. The zero value lets this machine do everything, and others post what senders post and look at what is not
// private.
type Access struct {
	// Token is what who asks from another machine has to know; empty asks for none, but then nobody there changes anything.
	Token secret.Text
	// JournalToken is enough for what is private: the journal and the configuration. Empty is nobody's.
	JournalToken secret.Text
	// Hosts are names under which quell is asked, in lower case and without ports. If there are any, no other is answered; if there are none,
	// that holds for what comes from this machine. Addresses and localhost are always fine.
	Hosts []string
	// OwnHosts are names under which this machine, but nobody else, may ask besides.
	OwnHosts []string
	// Origin is the address of the pages that people see, e.g. https://quell.example; empty if there is none.
	Origin string
}

// need is what an asker wants of quell.
type need int

const (
	_ need = iota
	// needNothing is for everybody: probes and metrics, and paths whose senders prove by themselves who they are.
	needNothing
	// needSpeak is what senders post.
	needSpeak
	// needLook reads what there is about incidents.
	needLook
	// needPrivate reads all that quell was ever told, and by what it decides.
	needPrivate
	// needChange changes what quell does, and is what a new path needs until somebody decides otherwise.
	needChange
)

// needs are the paths that need something else than their methods say. A path that ends with / stands for all below it.
var needs = []struct {
	path string
	read bool // with GET and HEAD only; with other methods it needs what all paths do
	need need
}{
	{"/-/healthy", true, needNothing},
	{"/-/ready", true, needNothing},
	{"/metrics", true, needNothing},
	{"/api/v1/webhook/", false, needNothing},
	{"/api/v1/slack", false, needNothing},
	{"/api/v1/pagerduty", false, needNothing},
	{"/api/v1/journal", true, needPrivate},
	{"/api/v1/config", true, needPrivate},
}

// senders are the paths that senders post to. Other methods there are for people.
var senders = []string{
	"/api/v1/alertmanager", "/api/v1/alertmanager/events", "/api/v2/alerts", "/api/v1/kubernetes", "/api/v1/topology", "/api/v1/heartbeat/",
}

func needOf(method, path string) need {
	reads := method == http.MethodGet || method == http.MethodHead
	for i := range needs {
		if n := &needs[i]; below(path, n.path) && (reads || !n.read) {
			return n.need
		}
	}
	switch {
	case reads:
		return needLook
	case method == http.MethodPost && slices.ContainsFunc(senders, func(sender string) bool { return below(path, sender) }):
		return needSpeak
	}
	return needChange
}

func below(path, pattern string) bool {
	return path == pattern || strings.HasSuffix(pattern, "/") && strings.HasPrefix(path, pattern)
}

// Gate is in front of all paths and lets in who may ask. It is safe for concurrent use.
type Gate struct {
	access  func() *Access
	refused *prometheus.CounterVec
	log     *slog.Logger
	now     func() time.Time

	mu     sync.Mutex
	warned map[string]time.Time // by fixed words
}

// NewGate returns a gate that follows what access returns, which is called for each request. It panics if its metric is registered already.
func NewGate(access func() *Access, reg prometheus.Registerer, log *slog.Logger) *Gate {
	g := &Gate{access: access, log: log, now: time.Now, warned: make(map[string]time.Time), refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quell_http_refused_total", Help: "Requests that were not let in, by what was wrong: origin, host, token, remote.",
	}, []string{"reason"})}
	for _, reason := range [...]string{reasonOrigin, reasonHost, reasonToken, reasonRemote} {
		g.refused.WithLabelValues(reason)
	}
	reg.MustRegister(g.refused)
	return g
}

// Reasons why somebody is not let in, as metrics have them.
const (
	reasonOrigin = "origin" // a browser asks on behalf of another site
	reasonHost   = "host"   // by a name that is not quell's
	reasonToken  = "token"  // without the token, or with another one
	reasonRemote = "remote" // from another machine, and there is no token
)

// denial says why somebody is not let in.
type denial struct {
	reason     string
	status     int
	text, hint string
}

// warnEvery is how long a warning about the same reason is not repeated.
const warnEvery = time.Minute

// Wrap returns a handler that passes on what is let in.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := g.access().deny(r)
		need := needOf(r.Method, r.URL.Path)
		defer timely(w, r, need == needSpeak || need == needNothing)()
		if d == nil {
			next.ServeHTTP(w, r)
			return
		}
		g.refused.WithLabelValues(d.reason).Inc()
		if g.isDue(d.reason) {
			g.log.LogAttrs(r.Context(), slog.LevelWarn, "request not let in", slog.String("reason", d.reason), slog.String("from", r.RemoteAddr),
				slog.String("method", r.Method), slog.String("path", cut(r.URL.Path)), slog.String("host", cut(r.Host)), slog.String("error", d.text))
		}
		setHeaders(w.Header())
		if d.status == http.StatusUnauthorized {
			// Browsers ask for a password then, with which links in messages work.
			w.Header().Set("WWW-Authenticate", `Basic realm="quell", charset="UTF-8"`)
		}
		fail(w, d.status, d.text, d.hint)
	})
}

func (g *Gate) isDue(reason string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if at, ok := g.warned[reason]; ok && now.Sub(at) < warnEvery {
		return false
	}
	g.warned[reason] = now
	return true
}

// cut bounds what a stranger writes into the log.
func cut(s string) string { return s[:min(len(s), 200)] }

// deny says why a request is not let in; nil lets it in.
func (a *Access) deny(r *http.Request) *denial {
	if !a.sameSite(r) {
		return &denial{reasonOrigin, http.StatusForbidden, "the request comes from a page of another site", ""}
	}
	here := Local(r)
	if host := hostOf(r.Host); !a.isOurs(host, here) {
		// A page can make its own name lead to this machine, so that a browser here takes quell for a part of that page.
		return &denial{
			reasonHost, http.StatusForbidden, "this quell is not known as " + cut(host),
			"ask by an address or localhost, or add the name to server.allowed_hosts",
		}
	}
	n := needOf(r.Method, r.URL.Path)
	if n == needNothing {
		return nil
	}
	given, isGiven := credential(r)
	switch {
	case isGiven && a.knows(given, n):
		return nil
	case isGiven && (a.Token != "" || n == needPrivate && a.JournalToken != ""):
		return &denial{reasonToken, http.StatusUnauthorized, "this is not the token that is asked for here", ""}
	case here:
		return nil
	case a.Token != "":
		return &denial{
			reasonToken, http.StatusUnauthorized, "who asks from another machine has to know the token",
			"send Authorization: Bearer with the content of server.token_file, or it as the password of any user",
		}
	case n == needPrivate && a.JournalToken != "":
		return &denial{
			reasonToken, http.StatusUnauthorized, "the journal and the configuration are for those who know the token",
			"send Authorization: Bearer with the content of server.journal_token_file",
		}
	case n == needPrivate:
		return &denial{
			reasonRemote, http.StatusForbidden, "the journal and the configuration are read from the same machine only",
			"set server.journal_token_file or server.token_file to let others read them who know a token",
		}
	case n == needChange:
		return &denial{
			reasonRemote, http.StatusForbidden, "this is done from the same machine only",
			"set server.token_file to let others do it who know the token",
		}
	}
	return nil
}

// sameSite reports whether a request is none that a browser sends on behalf of another site. Reading is: the answer does not get there.
func (a *Access) sameSite(r *http.Request) bool {
	cross := http.NewCrossOriginProtection()
	if a.Origin != "" {
		if u, err := url.Parse(a.Origin); err == nil {
			// What is no origin was refused with the configuration.
			_ = cross.AddTrustedOrigin(u.Scheme + "://" + u.Host)
		}
	}
	return cross.Check(r) == nil
}

// isOurs reports whether quell is asked by a name of its own. A program that names no host is no browser.
func (a *Access) isOurs(host string, here bool) bool {
	switch {
	case host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil || slices.Contains(a.Hosts, host):
		return true
	case here:
		return slices.Contains(a.OwnHosts, host)
	}
	return len(a.Hosts) == 0
}

// hostOf is a host without its port, in lower case.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// knows reports whether a credential is enough.
func (a *Access) knows(given string, n need) bool {
	whole, journal := same(given, a.Token), same(given, a.JournalToken)
	return whole || journal && n == needPrivate
}

// same compares in constant time. Nothing is the same as an empty token.
func same(given string, token secret.Text) bool {
	x, y := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && token != ""
}

// credential is the token that a request brings: behind Bearer, or as the password of any user.
func credential(r *http.Request) (token string, ok bool) {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token), true
	}
	_, token, ok = r.BasicAuth()
	return token, ok
}

// Local reports whether a request comes from this machine. What a proxy on this machine passes on comes from elsewhere: proxies say so in headers.
func Local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsLoopback() {
		return false
	}
	for name := range r.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	return true
}
