package web

import (
	"io"
	"net/http"
	"time"
)

const (
	// commandTime is how long the body of a command may take: it is small.
	commandTime = 10 * time.Second
	// drainTime is how long the rest of a body that nobody wants may take, which the server reads before the next request.
	drainTime = 5 * time.Second
)

// timely cuts off whoever sends a body too slowly: no connection is held by a byte now and then. Handlers that bound the time themselves get
// the body as it is. The returned function is called when the handler is done.
func timely(w http.ResponseWriter, r *http.Request, bounded bool) (done func()) {
	control := http.NewResponseController(w)
	if !bounded && r.Body != nil {
		r.Body = &timelyBody{ReadCloser: r.Body, control: control}
	}
	// Writers of tests know no deadlines. The server sets its own before the next request.
	return func() { _ = control.SetReadDeadline(time.Now().Add(drainTime)) }
}

// timelyBody has to be read within [commandTime] of the first read. It is not safe for concurrent use.
type timelyBody struct {
	io.ReadCloser
	control *http.ResponseController
	begun   bool
}

func (b *timelyBody) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		_ = b.control.SetReadDeadline(time.Now().Add(commandTime))
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{}) // the handler may take its time now
	}
	return n, err
}
