package mention

import (
	"strings"

	"quell/correlate/topology"
)

// maxWord bounds the words that are looked up before a quoted name, in bytes: "storageclasses.storage.k8s.io" and its like.
const maxWord = 64

// quoted looks at each quotation mark as if it opened a name. Which ones do needs no pairing, which hostile text would upset: a
// closing one has no space before it.
func (r *reader) quoted() {
	s := r.message
	for open := strings.IndexByte(s, '"'); open >= 0; {
		length := strings.IndexByte(s[open+1:], '"')
		if length < 0 {
			return
		}
		// Messages that were quoted once more have backslashes before their quotation marks.
		before := strings.TrimSuffix(s[:open], `\`)
		name := strings.TrimSuffix(s[open+1:open+1+length], `\`)
		if head, ok := strings.CutSuffix(before, " "); ok {
			r.quotedName(head, name, s[open+length+2:])
		}
		open += 1 + length
	}
}

// quotedName reads a name in quotation marks by the word before it. head ends with that word, after begins behind the name.
func (r *reader) quotedName(head, name, after string) {
	var buf [maxWord]byte
	word := lowerWord(buf[:0], head)
	switch string(word) {
	case "":
	case "image":
		r.image(name, after)
	case "webhook":
		if isSubdomain(name) {
			r.webhook = topology.NewEntity("webhook", "", name, r.about.Cluster())
			r.depend("calls", r.webhook)
		}
	case "volume":
		r.volume(head, name)
	case "user":
		if account, ok := strings.CutPrefix(name, "system:serviceaccount:"); ok && !strings.Contains(account, "/") {
			r.name(resources["serviceaccount"], strings.Replace(account, ":", "/", 1))
		}
	default:
		if res, ok := resourceOf(word); ok && r.blamed(res, name, after) {
			r.name(res, name)
		}
	}
}

// blamed reports whether the text behind a name makes it a cause. What is refused, or there already, was to be made.
func (r *reader) blamed(res resource, name, after string) bool {
	for _, effect := range [...]string{" is forbidden", " already exists", " is invalid"} {
		if strings.HasPrefix(after, effect) {
			return false
		}
	}
	if res.kind == "service" && r.webhook != "" && !strings.Contains(name, "/") {
		return false // the webhook's own, in a namespace that only its address tells
	}
	return !res.ifMissing || strings.HasPrefix(after, " not found")
}

// volume reads the name of a volume. It is that of a persistent volume where one is attached or bound; elsewhere it may be a
// pod's own name for it, unless it looks like one that a provisioner gave.
func (r *reader) volume(head, name string) {
	head = strings.TrimSuffix(head, " volume")
	for _, context := range [...]string{"Multi-Attach error for", "AttachVolume.Attach failed for", "MountDevice failed for", "requested"} {
		if strings.HasSuffix(head, context) {
			r.name(resources["persistentvolume"], name)
			return
		}
	}
	if strings.HasPrefix(name, "pvc-") {
		r.name(resources["persistentvolume"], name)
	}
}

// lowerWord appends the last word of s in lower case, without an API group or subresource behind it; none if it is too long to be
// one that is known.
func lowerWord(b []byte, s string) []byte {
	tail := s[max(0, len(s)-maxWord):]
	start := strings.LastIndexAny(tail, " ([\"'") + 1
	if start == 0 && len(tail) < len(s) {
		return b
	}
	for i := start; i < len(tail) && tail[i] != '.' && tail[i] != '/'; i++ {
		c := tail[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
