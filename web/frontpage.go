package web

import (
	"io"
	"net/http"
)

// frontText is what a browser shows who was told an address and nothing else. Its links are relative, so that a proxy may put quell below
// a path.
const frontText = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>quell</title></head>
<body>
<h1>quell</h1>
<p>One page per root cause, and none for what heals by itself.</p>
<ul>
<li><a href="digest">What happened and healed of late</a></li>
<li><a href="api/v1/incidents">Incidents</a>, as JSON; in a terminal: <code>quell incident list</code></li>
<li><a href="api/v1/status">How quell is</a>: its configuration, receivers and sources</li>
<li><a href="api/v1/deliveries">What is on its way</a>, and what did not get there: <code>quell delivery list</code></li>
<li><a href="api/v1/silences">Silences</a>: <code>quell silence list</code></li>
<li><a href="metrics">Metrics</a>, <a href="-/ready">readiness</a></li>
</ul>
</body>
</html>
`

// frontPage says where to go from here. It tells nothing of incidents.
func frontPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, frontText) // the client is gone, and nobody else wants to know
}
