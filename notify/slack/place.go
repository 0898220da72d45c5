package slack

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"quell/correlate"
)

// place is where an incident's message is, and what its thread has been told already. Its written form is the integration's reference.
type place struct {
	channel, ts string
	// told is when the incident was as the thread tells; zero if nobody knows.
	told time.Time
	// pictures counts the attempts to upload one, and shape is what the last one showed.
	pictures int
	shape    shape
}

// shape is what a picture of a cascade depends on, coarsely. The zero value is no picture.
type shape struct {
	root    uint32
	members int
}

func shapeOf(i *correlate.Incident) shape {
	if len(i.Roots) == 0 {
		return shape{}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(i.Roots[0].Entity)) // a hash takes everything
	return shape{root: h.Sum32(), members: i.MemberCount}
}

func (p place) known() bool { return p.channel != "" && p.ts != "" }

// ref is the written form, empty for an unknown place.
func (p place) ref() string {
	if !p.known() {
		return ""
	}
	ref := p.channel + "/" + p.ts
	if p.told.IsZero() && p.pictures == 0 {
		return ref
	}
	told := int64(0)
	if !p.told.IsZero() {
		told = p.told.UnixNano()
	}
	for _, n := range []int64{told, int64(p.pictures), int64(p.shape.root), int64(p.shape.members)} {
		ref += "/" + strconv.FormatInt(n, 10)
	}
	return ref
}

// placeOf reads a reference. What it cannot read counts as unknown: earlier versions wrote less.
func placeOf(ref string) place {
	fields := strings.Split(ref, "/")
	var n [4]int64
	for k := range n {
		if 2+k < len(fields) {
			n[k], _ = strconv.ParseInt(fields[2+k], 10, 64) // what is no number is zero
		}
	}
	p := place{channel: fields[0], pictures: int(n[1]), shape: shape{root: uint32(n[2]), members: int(n[3])}}
	if len(fields) > 1 {
		p.ts = fields[1]
	}
	if n[0] != 0 {
		p.told = time.Unix(0, n[0]).UTC()
	}
	return p
}
