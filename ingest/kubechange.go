package ingest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

// changeComponent is the component of the events that tell what somebody changed. The pack "kubernetes" says that they are changes.
const changeComponent = "quell/change"

// recentRollout is how old a rollout may be that is told when it is seen for the first time.
const recentRollout = 30 * time.Minute

// setup is how people and controllers set an object up, as far as it is news when that changes. Zero fields are not set, or not known.
type setup struct {
	// template is a digest of the pods that a workload makes, images are theirs: "container image" by container, in lines. revision counts
	// the templates of a deployment.
	template, images string
	revision         int
	// replicas is how many replicas there should be, plus one; scaler is who said so last.
	replicas int
	scaler   string
	// limits are those of a quota or an autoscaler, "name value" in lines.
	limits string
	// content tells versions of settings apart: it is a digest of a config map, and of a secret no more than when it was written. author is
	// who wrote it.
	content, author string
	// cordon tells one cordon of a node from another; it is empty while pods may be scheduled there.
	cordon string
}

// setUp reads how an object is set up; nil if it is of no kind for which that is news.
func (o *kubeObject) setUp() *setup {
	var s setup
	switch o.kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		spec := lenient[kubeSpec](o.spec)
		s.template, s.images = spec.Template.digest(), spec.Template.images()
		s.revision, _ = strconv.Atoi(o.annotations.revision)
		if o.kind == "Deployment" || o.kind == "StatefulSet" {
			s.replicas, s.scaler = spec.wanted()+1, o.lastWriter("f:spec", "f:replicas").name()
		}
	case "ConfigMap":
		h := sha256.New()
		h.Write(o.data)
		h.Write([]byte{0})
		h.Write(o.binaryData)
		s.content, s.author = hex.EncodeToString(h.Sum(nil)[:8]), firstOf(o.lastWriter("f:data"), o.lastWriter("f:binaryData")).name()
	case "Secret":
		w := o.lastWriter("f:data")
		s.content, s.author = firstOf(w.Time, o.resourceVersion), w.name()
	case "ResourceQuota":
		s.limits = lines(lenient[struct{ Hard map[string]string }](o.spec).Hard)
	case "HorizontalPodAutoscaler":
		spec := lenient[struct{ MinReplicas, MaxReplicas int }](o.spec)
		s.limits = fmt.Sprintf("minimum %d\nmaximum %d", max(spec.MinReplicas, 1), spec.MaxReplicas)
	case "Node":
		s.cordon = o.cordon()
	default:
		return nil
	}
	return &s
}

// cordon is when a node was cordoned, as far as that is known.
func (o *kubeObject) cordon() string {
	spec := lenient[struct {
		Unschedulable bool
		Taints        []struct{ Key, TimeAdded string }
	}](o.spec)
	if !spec.Unschedulable {
		return ""
	}
	for _, t := range spec.Taints {
		if t.Key == "node.kubernetes.io/unschedulable" && t.TimeAdded != "" {
			return t.TimeAdded
		}
	}
	return "cordoned" // the taint follows in a moment
}

// lines writes a map as "name value" in lines.
func lines(m map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, name+" "+m[name])
	}
	return strings.Join(list, "\n")
}

// writer is an entry of managedFields: who wrote fields, and when that changed a value last.
type writer struct{ Manager, Subresource, Time string }

// lastWriter finds who wrote a field last, by its path in managedFields; nobody if an exporter left that out.
func (o *kubeObject) lastWriter(path ...string) (last writer) {
	for _, entry := range lenient[[]struct {
		writer
		FieldsV1 json.RawMessage
	}](o.managed) {
		fields := entry.FieldsV1
		for _, key := range path {
			fields = lenient[map[string]json.RawMessage](fields)[key]
		}
		if fields != nil && entry.Time >= last.Time {
			last = entry.writer
		}
	}
	return last
}

// name says who it is in words that people know. The controller manager itself scales workloads for autoscalers alone.
func (w writer) name() string {
	if w.Manager == "kube-controller-manager" && w.Subresource == "scale" {
		return "the autoscaler"
	}
	return w.Manager
}

// changes tells what somebody changed between two versions of an object.
func (v *look) changes(old, latest *KubernetesObject) {
	if old == nil {
		v.recent(latest)
		return
	}
	if old.uid != latest.uid || old.setup == nil || latest.setup == nil {
		return
	}
	was, is := old.setup, latest.setup
	if was.template != is.template {
		v.rollout(old, latest)
	}
	if was.replicas != is.replicas {
		message := fmt.Sprintf("%d → %d replicas", was.replicas-1, is.replicas-1)
		v.change(latest, correlate.Event{Reason: "Scaled", Message: by(message, is.scaler)})
	}
	if was.limits != is.limits {
		reason := "QuotaChanged"
		if latest.ref.kind == "HorizontalPodAutoscaler" {
			reason = "AutoscalerChanged"
		}
		v.change(latest, correlate.Event{Reason: reason, Message: differences(was.limits, is.limits)})
	}
	if was.content != is.content {
		v.content(latest)
	}
	if was.cordon != is.cordon {
		v.cordon(old, latest)
	}
}

// content tells that settings were written, and never what is in them.
func (v *look) content(o *KubernetesObject) {
	if o.ref.kind == "Secret" {
		v.change(o, correlate.Event{Reason: "SecretChanged", Message: by("content changed", o.setup.author)})
		return
	}
	v.change(o, correlate.Event{Reason: "ConfigChanged", Message: by("content changed, now "+o.setup.content, o.setup.author)})
}

func (v *look) cordon(old, latest *KubernetesObject) {
	switch {
	case latest.setup.cordon == "":
		v.change(latest, correlate.Event{Reason: "Uncordoned", Message: "pods may be scheduled there again"})
	case old.setup.cordon == "":
		v.change(latest, correlate.Event{Reason: "Cordoned", Message: "no new pods are scheduled there"})
	}
}

// rollout tells of a new pod template. Its revision is the one that the deployment's controller gives it next, which makes its new replica
// set's word and this one the same.
func (v *look) rollout(old, latest *KubernetesObject) {
	e := correlate.Event{Reason: "Rollout", Message: differences(old.setup.images, latest.setup.images)}
	if e.Message == "" {
		e.Message = "pod template"
	} else if !strings.Contains(e.Message, ", ") {
		e.Message = strings.TrimPrefix(e.Message, firstWord(latest.setup.images)+" ")
		e.Message = "image " + e.Message
	} else {
		e.Message = "images " + e.Message
	}
	if latest.ref.kind == "Deployment" {
		revision := max(old.setup.revision+1, latest.setup.revision)
		if back := v.lens.joined.revision(latest); back > 0 && back < revision {
			e.Message += fmt.Sprintf(", back to revision %d", back)
		}
		e.Message += fmt.Sprintf(", revision %d", revision)
		e.ID = rolloutID(latest.uid, revision)
		v.lens.joined.tellRollout(latest.uid, revision)
	}
	v.change(latest, e)
}

func rolloutID(uid string, revision int) string { return uid + "/" + strconv.Itoa(revision) }

// recent tells of a rollout that is under way, or was a short while ago, when its replica set is seen for the first time.
func (v *look) recent(o *KubernetesObject) {
	created := o.created.time()
	if o.ref.kind != "ReplicaSet" || o.owner == nobody || o.setup.revision == 0 || v.now.Sub(created) > recentRollout ||
		v.lens.joined.told[o.ownerUID] >= o.setup.revision {
		return
	}
	var images []string
	for line := range strings.Lines(o.setup.images) {
		_, image, _ := strings.Cut(strings.TrimSpace(line), " ")
		images = append(images, image)
	}
	v.change(o, correlate.Event{
		ID: rolloutID(o.ownerUID, o.setup.revision), Entity: v.name(o.owner, ""), Reason: "Rollout", At: created,
		Message: fmt.Sprintf("image %s, revision %d", strings.Join(images, ", "), o.setup.revision),
	})
}

// change tells a change, as one of the object itself unless the event says of whom. Without an id, the version of the object makes it
// unique.
func (v *look) change(o *KubernetesObject, e correlate.Event) {
	if e.Entity == "" {
		e.Entity = v.lens.Entity(o)
	}
	at, _ := v.lim.clamp(firstOf(e.At, v.now), v.now)
	e.At, e.Component, e.Count = at, changeComponent, 1
	e.ID = firstOf(e.ID, o.uid+"/"+o.resourceVersion)
	e.Message = string(cut([]byte(e.Message), v.lim.MessageBytes))
	v.tell(e)
}

// by adds who did something, if that is known.
func by(message, who string) string {
	if who == "" {
		return message
	}
	return message + " by " + who
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// differences says how two lists of "name value" in lines differ.
func differences(old, latest string) string {
	was, is := values(old), values(latest)
	var list []string
	names := slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range [...]map[string]string{was, is} {
			for name := range m {
				if !yield(name) {
					return
				}
			}
		}
	}))
	for _, name := range names {
		before, after := was[name], is[name]
		switch {
		case before == after:
		case before == "":
			list = append(list, name+" "+after+" (new)")
		case after == "":
			list = append(list, name+" "+before+" (gone)")
		default:
			list = append(list, name+" "+before+" → "+withoutPrefix(before, after))
		}
	}
	return strings.Join(list, ", ")
}

// withoutPrefix leaves the name of an image out where the one before has it too, and shows what differs: the tag.
func withoutPrefix(before, after string) string {
	if i := strings.LastIndexByte(after, ':'); i > 0 && strings.HasPrefix(before, after[:i+1]) {
		return after[i+1:]
	}
	return after
}

func values(text string) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		m[name] = value
	}
	return m
}

// digest tells templates apart. What controllers add to the labels of pods is left out, so that a deployment and its replica set agree.
func (t *podTemplate) digest() string {
	h := sha256.New()
	h.Write(t.Metadata.Annotations)
	h.Write([]byte{0})
	h.Write(t.Spec)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (t *podTemplate) images() string {
	spec := lenient[podSpec](t.Spec)
	var list []string
	for _, containers := range [...][]containerSpec{spec.InitContainers, spec.Containers} {
		for i := range containers {
			list = append(list, containers[i].Name+" "+containers[i].Image)
		}
	}
	slices.SortFunc(list, cmp.Compare)
	return strings.Join(list, "\n")
}
