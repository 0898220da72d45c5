package mention

import (
	"strings"

	"quell/correlate/topology"
)

// maxImage bounds image references, in bytes: a repository may have 255, a tag 128, a digest some more.
const maxImage = 512

// What registries say when they answer, and what is said when they do not. A message that says neither, like "Back-off pulling
// image", blames nothing; nor does one about a full disk.
var (
	silentRegistry = [...]string{
		"dial tcp", "no such host", "i/o timeout", "connection re", "handshake", "x509:", "deadline exceeded", "Client.Timeout", "EOF",
		"server misbehaving", "500 Internal", "502 Bad", "503 Service", "504 Gateway", "429 Too Many", "toomanyrequests",
	}
	poorImage = [...]string{
		"not found", "manifest unknown", "does not exist", "denied", "nauthorized", "authorization", "no match for platform", "no matching manifest",
		"not present with pull policy",
	}
)

// image reads an image reference by what is said behind it: a registry that cannot be reached or is not well is to blame for all
// its images; one that answers that it has no such image is not. Only the first image of a message is looked at: the others
// are the same one again, and a look goes over all that follows.
func (r *reader) image(reference, after string) {
	host, ok := registryOf(reference)
	if !ok || r.sawImage {
		return
	}
	r.sawImage = true
	switch {
	case containsAny(after, silentRegistry[:]):
		r.depend("pulls", topology.NewEntity("registry", "", host, r.about.Cluster()))
	case containsAny(after, poorImage[:]):
		r.depend("made_from", imageEntity(reference, r.about.Cluster()))
	}
}

// imageEntity keeps the slashes of a reference, by which people know images: an id may have more parts than it needs. Only
// the '@' before a digest must go, since what stands behind one is a cluster.
func imageEntity(reference, cluster string) topology.Entity {
	id := "image/" + strings.ReplaceAll(reference, "@", "_")
	if cluster != "" {
		id += "@" + cluster
	}
	return topology.Entity(id)
}

// registryOf returns the host that an image reference is pulled from; ok is false if it is no valid one. The first component is a
// host if it looks like one, as for every container runtime.
func registryOf(reference string) (host string, ok bool) {
	if len(reference) > maxImage {
		return "", false
	}
	host, path, found := strings.Cut(reference, "/")
	if !found || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, path = "docker.io", reference
	}
	name, port, hasPort := strings.Cut(host, ":")
	if !isSubdomain(name) || hasPort && (port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "") {
		return "", false
	}
	path, digest, hasDigest := strings.Cut(path, "@")
	if hasDigest && !isDigest(digest) {
		return "", false
	}
	path, tag, hasTag := strings.Cut(path, ":")
	return host, isRepository(path) && (!hasTag || isTag(tag))
}

// isRepository reports whether s is a path of lower-case components.
func isRepository(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		for i := range len(component) {
			inner := i > 0 && i < len(component)-1
			if c := component[i]; !isAlnum(c) && (!inner || strings.IndexByte("._-", c) < 0) {
				return false
			}
		}
		if component == "" {
			return false
		}
	}
	return true
}

func isTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && (c < 'A' || c > 'Z') && strings.IndexByte("._-", c) < 0 {
			return false
		}
	}
	return true
}

// isDigest reports whether s is an algorithm and a number in hexadecimal.
func isDigest(s string) bool {
	algorithm, sum, ok := strings.Cut(s, ":")
	return ok && isWord(algorithm) && len(sum) >= 32 && strings.Trim(sum, "0123456789abcdef") == ""
}

func containsAny(s string, signs []string) bool {
	for _, sign := range signs {
		if strings.Contains(s, sign) {
			return true
		}
	}
	return false
}
