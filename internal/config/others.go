package config

import (
	"quell/internal/strictyaml"
	"quell/notify/alertmanager"
)

// otherUse is an integration that Alertmanager's packages deliver to, to be read when the section global is known.
type otherUse struct {
	// receiver is its receiver's place in the configuration.
	receiver int
	typ      string
	node     strictyaml.Node
}

// otherFields adds the keys of Alertmanager's integrations to a receiver's, and returns a function that counts what they had.
func (l *loader) otherFields(fields strictyaml.Fields) (count func() int) {
	before := len(l.others)
	for _, typ := range alertmanager.Types() {
		fields[typ+"_configs"] = list(func(n strictyaml.Node) {
			if n.Describing() {
				l.otherReader().Integration(typ, n)
				return
			}
			l.others = append(l.others, otherUse{len(l.config.Receivers), typ, n})
		})
	}
	return func() int { return len(l.others) - before }
}

func (l *loader) otherReader() *alertmanager.Reader {
	return &alertmanager.Reader{File: l.otherFile, Check: l.checkField}
}

// readGlobal keeps the section global for [loader.readOthers].
func (l *loader) readGlobal(n strictyaml.Node) {
	if n.Describing() {
		l.otherReader().Global(n)
		return
	}
	l.global = &n
}

// readOthers reads the integrations of all receivers.
func (l *loader) readOthers() {
	r := l.otherReader()
	if l.global != nil {
		r.Global(*l.global)
	}
	for _, u := range l.others {
		if u.receiver >= len(l.config.Receivers) {
			continue // its receiver has no name, or another's, which was reported
		}
		to := &l.config.Receivers[u.receiver]
		c, ok := r.Integration(u.typ, u.node)
		if !ok {
			l.othersFailed = true
			continue
		}
		for _, o := range to.Others {
			if o.Type == c.Type {
				c.Index++
			}
		}
		to.Others = append(to.Others, c)
	}
}

// otherFile finds a file that an integration reads when it is used.
func (l *loader) otherFile(n strictyaml.Node, secret bool) (path string, ok bool) {
	if secret {
		l.secretPath(&path)(n)
		return path, path != ""
	}
	path, _, ok = l.secretFile(n) // it may be one, and what is read here is not kept
	return path, ok
}
