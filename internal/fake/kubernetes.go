package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kubernetes is a fake of what a watcher sees of a Kubernetes API server: lists in pages, watches with bookmarks, initial events and
// time-outs, and versions that are forgotten. Objects are not checked, and both APIs of events show the same ones. Resources are named
// as in paths, "pods". Its methods may be called concurrently.
//
// Faults are asked for with actions such as "list pods" and "watch pods".
type Kubernetes struct {
	server

	state    sync.Mutex
	version  int
	shelves  map[string]*shelf
	changed  chan struct{} // closed and made anew with every change
	dropped  chan struct{} // closed and made anew to end all watches
	frozen   bool
	settings KubernetesSettings
	requests map[string]int
	clients  map[string]bool
}

// KubernetesSettings are ways in which API servers differ.
type KubernetesSettings struct {
	// Absent are paths that this server does not have, such as /apis/events.k8s.io/v1/events; Forbidden are resources without permission.
	Absent, Forbidden []string
	// NoWatchList refuses to begin a watch with a list, as servers did before 1.32.
	NoWatchList bool
	// Versions makes resource versions of numbers; nil shows them as they are.
	Versions func(int) string
	// Clock is what the Date header shows; nil is the present.
	Clock func() time.Time
}

// shelf holds the objects of one resource.
type shelf struct {
	objects map[string]stored // by namespace and name
	// keys are those of objects, sorted; nil if that is to be done.
	keys []string
	log  []frame
	// forgotten is the version up to which the log is gone.
	forgotten int
}

type stored struct {
	version   int
	namespace string
	raw       []byte
}

type frame struct {
	version   int
	typ       string
	namespace string
	raw       []byte
}

// NewKubernetes starts the fake without any object.
func NewKubernetes(settings KubernetesSettings) (*Kubernetes, error) {
	k := &Kubernetes{
		version: 1000, shelves: make(map[string]*shelf), changed: make(chan struct{}), dropped: make(chan struct{}), settings: settings,
		requests: make(map[string]int), clients: make(map[string]bool),
	}
	return k, k.start(http.HandlerFunc(k.serve))
}

// Set changes how the server is, for requests from now on.
func (k *Kubernetes) Set(settings KubernetesSettings) {
	k.state.Lock()
	defer k.state.Unlock()
	k.settings = settings
}

// Put adds or changes an object, which is JSON with metadata.name. It gets a resource version, and a uid unless it has one.
func (k *Kubernetes) Put(resource, object string) {
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		panic("fake: object of a test: " + err.Error())
	}
	meta, _ := o["metadata"].(map[string]any)
	namespace, _ := meta["namespace"].(string)
	name, _ := meta["name"].(string)
	k.state.Lock()
	defer k.state.Unlock()
	k.version++
	key, s := namespace+"/"+name, k.shelf(resource)
	_, isOld := s.objects[key]
	if meta["uid"] == nil {
		meta["uid"] = fmt.Sprintf("uid-%s-%s", resource, key)
	}
	meta["resourceVersion"] = k.show(k.version)
	raw := mustJSON(o)
	s.objects[key] = stored{k.version, namespace, raw}
	if !isOld {
		s.keys = nil
	}
	typ := "ADDED"
	if isOld {
		typ = "MODIFIED"
	}
	k.append(s, frame{k.version, typ, namespace, raw})
}

// Delete removes an object, by a user, or because it expired.
func (k *Kubernetes) Delete(resource, namespace, name string) {
	k.state.Lock()
	defer k.state.Unlock()
	s := k.shelf(resource)
	old, ok := s.objects[namespace+"/"+name]
	if !ok {
		return
	}
	delete(s.objects, namespace+"/"+name)
	s.keys = nil
	k.version++
	k.append(s, frame{k.version, "DELETED", namespace, old.raw})
}

// Frame sends a frame to all watches of a resource, as it stands.
func (k *Kubernetes) Frame(resource, raw string) {
	k.state.Lock()
	defer k.state.Unlock()
	k.version++
	k.append(k.shelf(resource), frame{version: k.version, raw: []byte(raw)})
}

// Bookmark tells all watches of a resource how far they are.
func (k *Kubernetes) Bookmark(resource string) {
	k.Frame(resource, string(k.bookmark(false)))
}

// Compact forgets what changed: a watch that does not know the present version finds its place gone.
func (k *Kubernetes) Compact() {
	k.state.Lock()
	defer k.state.Unlock()
	for _, s := range k.shelves {
		s.log, s.forgotten = nil, k.version
	}
	k.wake()
}

// Drop cuts the connections of all watches.
func (k *Kubernetes) Drop() {
	k.state.Lock()
	defer k.state.Unlock()
	close(k.dropped)
	k.dropped = make(chan struct{})
}

// Freeze makes the server hang: connections stay, and nothing comes any more. It thaws when it is called with false.
func (k *Kubernetes) Freeze(isFrozen bool) {
	k.state.Lock()
	defer k.state.Unlock()
	k.frozen = isFrozen
	k.wake()
}

// Restore goes back to an older version of everything: etcd was restored from a backup. All objects are gone.
func (k *Kubernetes) Restore(version int) {
	k.state.Lock()
	defer k.state.Unlock()
	k.version, k.shelves = version, make(map[string]*shelf)
	close(k.dropped)
	k.dropped = make(chan struct{})
}

// Requests returns how often something was asked for: "list pods", "watch pods". Of events, "list events" and "list events.k8s.io/events"
// are the two APIs.
func (k *Kubernetes) Requests(action string) int {
	k.state.Lock()
	defer k.state.Unlock()
	return k.requests[action]
}

// Accepts returns the kinds of answers that were asked for a resource, sorted.
func (k *Kubernetes) Accepts(resource string) []string {
	k.state.Lock()
	defer k.state.Unlock()
	var list []string
	for c := range k.clients {
		if accept, ok := strings.CutPrefix(c, resource+" "); ok {
			list = append(list, accept)
		}
	}
	slices.Sort(list)
	return list
}

func (s *shelf) sorted() []string {
	if s.keys == nil {
		s.keys = slices.Sorted(maps.Keys(s.objects))
	}
	return s.keys
}

func (k *Kubernetes) shelf(resource string) *shelf {
	s := k.shelves[resource]
	if s == nil {
		s = &shelf{objects: make(map[string]stored)}
		k.shelves[resource] = s
	}
	return s
}

// append adds to a log, which keeps the last maxRecords.
func (k *Kubernetes) append(s *shelf, f frame) {
	if s.log = append(s.log, f); len(s.log) > maxRecords {
		n := len(s.log) / 2
		s.forgotten, s.log = s.log[n-1].version, slices.Clone(s.log[n:])
	}
	k.wake()
}

func (k *Kubernetes) wake() {
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *Kubernetes) show(version int) string {
	if k.settings.Versions == nil {
		return strconv.Itoa(version)
	}
	return k.settings.Versions(version)
}

// read is the version that a client named; zero if it named none, or "0".
func (k *Kubernetes) read(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	for n := k.version; n > 0 && s != ""; n-- {
		if k.show(n) == s {
			return n
		}
	}
	return 0
}

func (k *Kubernetes) bookmark(endsInitial bool) []byte {
	meta := map[string]any{"resourceVersion": k.show(k.version), "creationTimestamp": nil}
	if endsInitial {
		meta["annotations"] = map[string]string{"k8s.io/initial-events-end": "true"}
	}
	return mustJSON(map[string]any{"type": "BOOKMARK", "object": map[string]any{"kind": "Thing", "apiVersion": "v1", "metadata": meta}})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("fake: " + err.Error()) // what is encoded is our own, or was decoded before
	}
	return b
}

// serve answers one request.
func (k *Kubernetes) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	q, resource, namespace := r.URL.Query(), parts[len(parts)-1], ""
	if n := len(parts); n > 3 && parts[n-3] == "namespaces" {
		namespace = parts[n-2]
	}
	verb, group := "list ", ""
	if q.Get("watch") != "" {
		verb = "watch "
	}
	if parts[0] == "apis" && resource == "events" {
		group = parts[1] + "/"
	}
	k.state.Lock()
	k.requests[verb+group+resource]++
	k.clients[resource+" "+r.Header.Get("Accept")] = true
	settings, frozen := k.settings, k.frozen
	k.state.Unlock()
	f := k.nextFault(verb + resource)
	f.Hang = f.Hang || frozen
	if settings.Clock != nil {
		w.Header().Set("Date", settings.Clock().UTC().Format(http.TimeFormat))
	}
	switch {
	case slices.Contains(settings.Absent, "/"+strings.Join(parts, "/")):
		status(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	case slices.Contains(settings.Forbidden, resource):
		status(w, http.StatusForbidden, "Forbidden", resource+` is forbidden: User "quell" cannot `+verb+`resource`)
	case k.prevents(f, w, r):
	case verb == "list ":
		k.list(w, r, resource, namespace)
	case q.Get("sendInitialEvents") == "true" && settings.NoWatchList:
		status(w, http.StatusUnprocessableEntity, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
	default:
		k.watch(w, r, resource, namespace)
	}
}

// status answers as API servers do where they do not do what was asked.
func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(statusJSON(code, reason, message)) // the client may be gone
}

func statusJSON(code int, reason, message string) []byte {
	return mustJSON(map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": struct{}{}, "status": "Failure", "message": message, "reason": reason, "code": code,
	})
}

// list answers with a page of what there is, by name.
func (k *Kubernetes) list(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	q := r.URL.Query()
	k.state.Lock()
	s := k.shelf(resource)
	var keys []string
	for _, key := range s.sorted() {
		if namespace == "" || s.objects[key].namespace == namespace {
			keys = append(keys, key)
		}
	}
	from, limit := 0, len(keys)
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = n
	}
	meta := map[string]any{"resourceVersion": k.show(k.version)}
	if token := q.Get("continue"); token != "" {
		version, at, _ := strings.Cut(token, ":")
		if n, _ := strconv.Atoi(version); n < s.forgotten {
			k.state.Unlock()
			status(w, http.StatusGone, "Expired", "The provided continue parameter is too old")
			return
		}
		from, _ = strconv.Atoi(at)
	}
	from = min(from, len(keys))
	to := min(from+limit, len(keys))
	if to < len(keys) {
		meta["continue"], meta["remainingItemCount"] = fmt.Sprintf("%d:%d", k.version, to), len(keys)-to
	}
	items := make([]json.RawMessage, 0, to-from)
	for _, key := range keys[from:to] {
		items = append(items, item(s.objects[key].raw, r))
	}
	k.state.Unlock()
	w.Header().Set("Content-Type", "application/json")
	kind := "ThingList"
	if isPartial(r) {
		kind = "PartialObjectMetadataList"
	}
	_, _ = w.Write(mustJSON(map[string]any{"kind": kind, "apiVersion": "v1", "metadata": meta, "items": items}))
}

func isPartial(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata")
}

// item shows an object in a list: those of built-in kinds do not say there what they are.
func item(raw []byte, r *http.Request) []byte {
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		panic("fake: " + err.Error())
	}
	delete(o, "kind")
	delete(o, "apiVersion")
	if isPartial(r) {
		return partial(o)
	}
	return mustJSON(o)
}

func partial(o map[string]any) []byte {
	return mustJSON(map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]})
}
