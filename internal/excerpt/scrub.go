package excerpt

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"quell/correlate"
	"quell/correlate/topology"
)

// Scrubber gives names other names: the same the same ones, and different ones different ones. A name is replaced word by word, so that
// cart-7d9f still begins as the deployment cart does; words keep their length, and digits stay digits. The names of alerts and labels, kinds of
// entities and types of dependencies, reasons of events and the words of Kubernetes itself are kept; annotations, messages and comments are dropped, since nobody can say
// what they name; so are silences by patterns. The new names depend only on a seed and
// the order in which names come up, so nothing can be guessed back from them.
type Scrubber struct {
	keep   map[string]bool
	words  map[string]string
	taken  map[string]bool
	people map[string]string
	ids    map[string]string
	// said are words of what is kept: names of labels and alerts, kinds, reasons. In an expression they are no names.
	said   map[string]bool
	random *rand.Rand
}

// keptLabels are labels whose values say what is wrong, and not with what.
var keptLabels = []string{
	model.AlertNameLabel, "severity", "condition", "status", "phase", "reason", "resource", "verb", "code", "kind", "quell_kind",
}

// keptWords are those of Kubernetes and of those who watch it. Everybody has them, and rules look for them, to tell an exporter from what it
// reports on.
var keptWords = strings.Fields(`
	alertmanager apiserver blackbox cadvisor container controller coredns default dns etcd exporter http https k8s kube kubelet kubernetes lease main
	manager metrics node none operator pod probe prometheus proxy public pushgateway rbac scheduler self service state system true false web`)

// NewScrubber returns one that also keeps the values of these labels. Others of another seed choose other names.
func NewScrubber(seed uint64, keep ...string) *Scrubber {
	s := &Scrubber{
		keep: make(map[string]bool), words: make(map[string]string), taken: make(map[string]bool), people: make(map[string]string), ids: make(map[string]string),
		said: make(map[string]bool), random: rand.New(rand.NewPCG(seed, 5)),
	}
	for _, name := range slices.Concat(keptLabels, keep) {
		s.keep[name] = true
	}
	return s
}

// Person gives somebody who acted another name.
func (s *Scrubber) Person(name string) string { return numbered(s.people, "operator", name) }

// numbered gives out "what-1", "what-2" and so on, the same for the same.
func numbered(given map[string]string, what, name string) string {
	if name == "" {
		return ""
	}
	if given[name] == "" {
		given[name] = fmt.Sprintf("%s-%d", what, len(given)+1)
	}
	return given[name]
}

// address is one of a machine. Its numbers are too short to be replaced word by word.
var address = regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`)

// Value gives a value another name.
func (s *Scrubber) Value(v string) string {
	var b strings.Builder
	for {
		at := address.FindStringIndex(v)
		if at == nil {
			break
		}
		s.spell(&b, v[:at[0]])
		b.WriteString(s.address(v[at[0]:at[1]]))
		v = v[at[1]:]
	}
	s.spell(&b, v)
	return b.String()
}

// address gives an address another one.
func (s *Scrubber) address(a string) string {
	for s.words[a] == "" {
		n := s.random.Uint32()
		if fresh := fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff); !s.taken[fresh] && fresh != a {
			s.taken[fresh], s.words[a] = true, fresh
		}
	}
	return s.words[a]
}

// spell writes text word by word.
func (s *Scrubber) spell(b *strings.Builder, v string) {
	for len(v) > 0 {
		n := strings.IndexFunc(v, func(r rune) bool { return !wordRune(r) })
		if n < 0 {
			n = len(v)
		}
		b.WriteString(s.word(v[:n]))
		v = v[n:]
		if k := strings.IndexFunc(v, wordRune); k < 0 {
			b.WriteString(v)
			v = ""
		} else {
			b.WriteString(v[:k])
			v = v[k:]
		}
	}
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

const (
	letters = "bcdfghjklmnpqrstvwxz" // no vowels: no words
	digits  = "2456789"
)

// word gives one word another. Single letters and numbers of two digits at most stay: pods of stateful sets are counted by them.
func (s *Scrubber) word(w string) string {
	if slices.Contains(keptWords, w) || len(w) < 2 || len(w) == 2 && strings.Trim(w, "0123456789") == "" {
		return w
	}
	if s.words[w] != "" {
		return s.words[w]
	}
	for try := 0; ; try++ {
		var b strings.Builder
		for _, r := range w {
			switch {
			case unicode.IsDigit(r):
				b.WriteByte(digits[s.random.IntN(len(digits))])
			case unicode.IsUpper(r):
				b.WriteByte(letters[s.random.IntN(len(letters))] - 'a' + 'A')
			default:
				b.WriteByte(letters[s.random.IntN(len(letters))])
			}
		}
		for range try / 20 { // short words run out
			b.WriteByte(letters[s.random.IntN(len(letters))])
		}
		if fresh := b.String(); !s.taken[fresh] && !slices.Contains(keptWords, fresh) {
			s.taken[fresh], s.words[w] = true, fresh
			return fresh
		}
	}
}

// Entity gives an entity another name; its kind stays.
func (s *Scrubber) Entity(e topology.Entity) topology.Entity {
	kind, rest, ok := strings.Cut(string(e), "/")
	if !ok {
		return topology.Entity(s.Value(string(e)))
	}
	s.said[kind] = true
	parts := strings.Split(rest, "/")
	for k, p := range parts {
		name, cluster, has := strings.Cut(p, "@")
		parts[k] = s.Value(name)
		if has {
			parts[k] += "@" + s.Value(cluster)
		}
	}
	return topology.Entity(kind + "/" + strings.Join(parts, "/"))
}

// Labels gives the values of labels other names.
func (s *Scrubber) Labels(l correlate.Labels) correlate.Labels {
	var list []correlate.Label
	for name, value := range l.All() {
		list = append(list, correlate.Label{Name: name, Value: s.label(name, value)})
	}
	return correlate.NewLabels(list)
}

func (s *Scrubber) label(name, value string) string {
	s.said[name] = true
	switch {
	case s.keep[name]:
		s.said[value] = true
		return value
	case name == "quell_entity":
		return string(s.Entity(topology.Entity(value)))
	}
	return s.Value(value)
}

// inputs gives all that alerts, events and the topology name other names.
func (s *Scrubber) inputs(list []correlate.Input) []correlate.Input {
	out := make([]correlate.Input, 0, len(list))
	for _, in := range list {
		switch in := in.(type) {
		case *correlate.Alert:
			l := s.Labels(in.Labels)
			out = append(out, &correlate.Alert{Fingerprint: l.Fingerprint(), Labels: l, StartsAt: in.StartsAt, EndsAt: in.EndsAt, Expires: in.Expires})
		case *correlate.Event:
			e := *in
			e.Entity, e.Message, e.ID, e.Source = s.Entity(in.Entity), "", numbered(s.ids, "event", in.ID), "kubernetes/scrubbed"
			e.Component = s.component(in.Component)
			s.said[e.Reason], s.said[in.Component] = true, e.Component == in.Component
			out = append(out, &e)
		case *correlate.Topology:
			out = append(out, &correlate.Topology{Update: s.update(&in.Update)})
		case *correlate.Heartbeat:
			h := *in
			h.Name, h.Labels, h.Message, h.Source = s.Value(in.Name), s.Labels(in.Labels), "", ""
			out = append(out, &h)
		}
	}
	return out
}

// component keeps who emitted an event, unless that is a webhook, which people name.
func (s *Scrubber) component(c string) string {
	if name, ok := strings.CutPrefix(c, "webhook/"); ok {
		return "webhook/" + s.Value(name)
	}
	return c
}

func (s *Scrubber) update(u *topology.Update) topology.Update {
	out := topology.Update{TTL: u.TTL}
	for _, l := range u.Entities {
		fresh := topology.Labeled{ID: s.Entity(l.ID)}
		for _, name := range sortedKeys(l.Labels) {
			if fresh.Labels == nil {
				fresh.Labels = make(map[string]string)
			}
			fresh.Labels[name] = s.label(name, l.Labels[name])
		}
		out.Entities = append(out.Entities, fresh)
	}
	for _, e := range u.RemoveEntities {
		out.RemoveEntities = append(out.RemoveEntities, s.Entity(e))
	}
	out.Edges, out.RemoveEdges = s.edges(u.Edges), s.edges(u.RemoveEdges)
	return out
}

func (s *Scrubber) edges(list []topology.Edge) (out []topology.Edge) {
	for _, e := range list {
		out = append(out, topology.Edge{From: s.Entity(e.From), To: s.Entity(e.To), Type: e.Type})
	}
	return out
}

// silence gives what a silence names other names; ok is false if that is a pattern.
func (s *Scrubber) silence(in *correlate.Silence) (ok bool) {
	in.ID = numbered(s.ids, "silence", in.ID)
	in.Comment, in.Annotations, in.CreatedBy, in.By = "scrubbed", nil, s.Person(in.CreatedBy), s.Person(in.By)
	entities := make([]topology.Entity, len(in.Entities))
	for k, e := range in.Entities {
		entities[k] = s.Entity(e)
	}
	in.Entities = entities
	var matchers labels.Matchers
	for _, m := range in.Matchers {
		if s.keep[m.Name] {
			matchers = append(matchers, m)
			continue
		}
		if m.Type != labels.MatchEqual && m.Type != labels.MatchNotEqual {
			return false
		}
		fresh, err := labels.NewMatcher(m.Type, m.Name, s.label(m.Name, m.Value))
		if err != nil {
			return false
		}
		matchers = append(matchers, fresh)
	}
	in.Matchers = matchers
	return true
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
