package topology

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxEntityBytes bounds the length of an entity's id. Kubernetes names end at 253 bytes each, so a longer id
// comes from a broken or hostile sender. It is part of keys in a store, which end at 1024 bytes.
const MaxEntityBytes = 1000

// Entity is the id of a thing that can fail: "kind/name" or "kind/namespace/name", with "@cluster" behind it when
// the cluster is known. Kinds are lower-case singular Kubernetes kinds. The zero value names nothing.
type Entity string

// NewEntity puts an id together. Namespace and cluster may be empty. Characters that would break the id's
// shape ('/' in every part, and '@' in all but the name) are replaced by '_'.
func NewEntity(kind, namespace, name, cluster string) Entity {
	var b strings.Builder
	b.Grow(len(kind) + len(namespace) + len(name) + len(cluster) + 3)
	b.WriteString(clean(strings.ToLower(kind), "/@"))
	b.WriteByte('/')
	if namespace != "" {
		b.WriteString(clean(namespace, "/@"))
		b.WriteByte('/')
	}
	b.WriteString(clean(name, "/"))
	if cluster != "" {
		b.WriteByte('@')
		b.WriteString(clean(cluster, "/@"))
	}
	return Entity(b.String())
}

func clean(s, bad string) string {
	if !strings.ContainsAny(s, bad) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(bad, r) {
			return '_'
		}
		return r
	}, s)
}

// ParseEntity checks an id written by a person or a program and returns it unchanged.
func ParseEntity(s string) (Entity, error) {
	switch {
	case s == "":
		return "", errors.New("empty entity id (want kind/name or kind/namespace/name)")
	case len(s) > MaxEntityBytes:
		return "", fmt.Errorf("entity id of %d bytes is longer than %d", len(s), MaxEntityBytes)
	case !utf8.ValidString(s):
		return "", errors.New("entity id is not valid UTF-8")
	}
	kind, rest, ok := strings.Cut(s, "/")
	if !ok || kind == "" || rest == "" || strings.HasPrefix(rest, "/") || strings.HasSuffix(rest, "/") {
		return "", fmt.Errorf("entity id %q has no kind and name (want kind/name or kind/namespace/name)", s)
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return "", fmt.Errorf("entity id %q has a control character", s)
		}
	}
	return Entity(s), nil
}

// Kind is the part before the first slash.
func (e Entity) Kind() string {
	kind, _, _ := strings.Cut(string(e), "/")
	return kind
}

// Name is the last part, without the cluster.
func (e Entity) Name() string {
	s := string(e)
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		s = s[i+1:]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[:i]
	}
	return s
}

// Namespace is the middle part, or empty.
func (e Entity) Namespace() string {
	_, rest, _ := strings.Cut(string(e), "/")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i]
	}
	return ""
}

// Cluster is what stands behind the last '@', or empty. A slash behind the '@' means that the '@' belongs to the name.
func (e Entity) Cluster() string {
	i := strings.LastIndexByte(string(e), '@')
	if i < 0 || strings.IndexByte(string(e[i:]), '/') >= 0 {
		return ""
	}
	return string(e[i+1:])
}
