package correlate

import (
	"strings"

	"quell/correlate/topology"
)

// Pods come under ever new names. Where nobody tells what owns them, since quell sees alerts alone and no cluster, their names do: controllers of
// Kubernetes make them in ways that hardly anybody else hits on. A guess is good enough to count trouble by, and for nothing else: it is no
// dependency.

const (
	// randomLetters are those that Kubernetes makes suffixes of (k8s.io/apimachinery/pkg/util/rand), hashLetters those that it can make of the
	// decimal digits of a hash; both without vowels, so that no words come of it.
	randomLetters = "bcdfghjklmnpqrstvwxz2456789"
	hashLetters   = "bcdf456789"
	digits        = "0123456789"
	// randomLength is that of a pod's suffix, hashMin and hashMax those of a replica set's: the digits of 32 bits, small numbers left out.
	// minutesLength is that of the minutes since 1970 in the name of a cron job's job.
	randomLength, hashMin, hashMax, minutesLength = 5, 6, 10, 8
)

// namedWorkload is the deployment or cron job that the name of a pod, replica set or job tells of; empty if it tells of none.
func namedWorkload(entity topology.Entity) topology.Entity {
	name, kind := entity.Name(), ""
	switch entity.Kind() {
	case "pod":
		rest, suffix := lastPart(name)
		if len(suffix) != randomLength || !madeOf(suffix, randomLetters) {
			return ""
		}
		name = rest
	case "replicaset", "job":
	default:
		return ""
	}
	rest, made := lastPart(name)
	switch {
	case rest == "":
		return ""
	case len(made) == minutesLength && madeOf(made, digits) && entity.Kind() != "replicaset":
		kind = "cronjob" // until 2046 these minutes begin with a digit that no hash has
	case len(made) >= hashMin && len(made) <= hashMax && madeOf(made, hashLetters) && entity.Kind() != "job":
		kind = "deployment"
	default:
		return ""
	}
	return topology.NewEntity(kind, entity.Namespace(), rest, entity.Cluster())
}

// lastPart cuts a name at its last hyphen; rest is empty if it has none.
func lastPart(name string) (rest, last string) {
	k := strings.LastIndexByte(name, '-')
	if k < 0 {
		return "", name
	}
	return name[:k], name[k+1:]
}

// madeOf reports whether text has no other letters.
func madeOf(text, letters string) bool {
	return strings.Trim(text, letters) == ""
}
