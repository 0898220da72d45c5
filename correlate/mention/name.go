package mention

import "strings"

// Limits of names in Kubernetes (RFC 1123), in bytes.
const (
	maxLabel     = 63
	maxSubdomain = 253
)

// isSubdomain reports whether s is a DNS-1123 subdomain: what most objects may be called.
func isSubdomain(s string) bool {
	if len(s) > maxSubdomain {
		return false
	}
	for {
		label, rest, more := strings.Cut(s, ".")
		// Names of objects need not keep to the length of a label, only to its characters.
		if !isWord(label) {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

// isLabel reports whether s is a DNS-1123 label: what namespaces and services may be called.
func isLabel(s string) bool { return len(s) <= maxLabel && isWord(s) }

// isWord reports whether s consists of lower-case letters and digits, with hyphens within.
func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}

func isAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// split parts "namespace/name"; what has no namespace is in that of the event.
func (r *reader) split(s string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(s, "/"); ok {
		return namespace, name
	}
	return r.namespace, s
}

// token returns the run at the begin of s that ends where a sentence would end a name, and what follows. A name that goes on
// with other characters is not cut short: it comes back whole and is found invalid.
func token(s string) (name, rest string) {
	end := strings.IndexAny(s, " \t\r\n,;:()[]{}\"'")
	if end < 0 {
		end = len(s)
	}
	name = strings.TrimRight(s[:end], ".")
	return name, s[len(name):]
}
