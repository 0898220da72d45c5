package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// watch streams what changes, after all that there is if the client asks for that.
func (k *Kubernetes) watch(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	q := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	_ = out.Flush() // a client that is gone shows with the first frame
	end := make(<-chan time.Time)
	if n, err := strconv.Atoi(q.Get("timeoutSeconds")); err == nil {
		t := time.NewTimer(time.Duration(n) * time.Second)
		defer t.Stop()
		end = t.C
	}
	k.state.Lock()
	dropped, last := k.dropped, k.read(q.Get("resourceVersion"))
	var frames []frame
	if q.Get("sendInitialEvents") == "true" || last == 0 {
		frames, last = k.initial(resource, q.Get("sendInitialEvents") == "true"), k.version
	}
	k.state.Unlock()
	for {
		for i := range frames {
			if f := &frames[i]; namespace != "" && f.namespace != "" && f.namespace != namespace {
				continue
			}
			if _, err := w.Write(append(frames[i].line(r), '\n')); err != nil {
				return
			}
		}
		if len(frames) > 0 && out.Flush() != nil {
			return
		}
		var changed chan struct{}
		var ended bool
		if frames, changed, ended = k.after(resource, last); ended {
			_, _ = w.Write(mustJSON(map[string]any{"type": "ERROR", "object": json.RawMessage(statusJSON(http.StatusGone, "Expired", "too old resource version"))}))
			return
		}
		if len(frames) > 0 {
			last = frames[len(frames)-1].version
			continue
		}
		select {
		case <-changed:
		case <-dropped:
			panic(http.ErrAbortHandler)
		case <-k.closed.Done():
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		case <-end:
			return
		}
	}
}

// initial is all that there is, and the bookmark behind it if the client wants one. k.state is held.
func (k *Kubernetes) initial(resource string, withBookmark bool) []frame {
	var frames []frame
	s := k.shelf(resource)
	for _, key := range s.sorted() {
		o := s.objects[key]
		frames = append(frames, frame{k.version, "ADDED", o.namespace, o.raw})
	}
	if withBookmark {
		frames = append(frames, frame{version: k.version, raw: k.bookmark(true)})
	}
	return frames
}

// after returns what changed since a version, and what is closed when more does; gone is true if that is not known any more.
func (k *Kubernetes) after(resource string, version int) (frames []frame, changed chan struct{}, gone bool) {
	k.state.Lock()
	defer k.state.Unlock()
	s := k.shelf(resource)
	if version < s.forgotten {
		return nil, nil, true
	}
	if k.frozen {
		return nil, k.changed, false
	}
	i, _ := slices.BinarySearchFunc(s.log, version+1, func(f frame, v int) int { return f.version - v })
	return slices.Clone(s.log[i:]), k.changed, false
}

// line is a frame as it is sent; one without a type is sent as it stands.
func (f *frame) line(r *http.Request) []byte {
	if f.typ == "" {
		return f.raw
	}
	raw := f.raw
	if isPartial(r) {
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			panic("fake: " + err.Error())
		}
		raw = partial(o)
	}
	return append(append([]byte(`{"type":"`+f.typ+`","object":`), raw...), '}')
}
