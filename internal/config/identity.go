package config

import (
	"path/filepath"

	"quell/correlate"
	"quell/internal/strictyaml"
)

// place is where a part of the configuration is defined, as "file:line:col": without the folder, since the journal keeps it, and a
// configuration is the same in any.
func place(n strictyaml.Node) string { return filepath.Base(n.Pos()) }

// placed notes where a policy or a time interval is defined, for reasons.
func (l *loader) placed(section, name string, n strictyaml.Node) {
	if l.config.places == nil {
		l.config.places = make(map[string]string)
	}
	l.config.places[section+"/"+name] = place(n)
}

// ruleID identifies a part of the configuration that decides as a rule does.
func ruleID(section, name string, n strictyaml.Node) correlate.RuleID {
	return correlate.RuleID{Section: section, Name: name, File: filepath.Base(n.File()), Line: n.Line()}
}
