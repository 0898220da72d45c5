// Package packs holds the rule packs that come with quell, as the text of rule files. They are ordinary rule files: what
// they can say, a user's file can say too, and a user's file is asked first.
package packs

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.yml
var files embed.FS

// Names returns the names of all packs, sorted.
func Names() []string {
	matches, err := fs.Glob(files, "*.yml")
	if err != nil {
		panic("packs: " + err.Error()) // only a malformed pattern does that
	}
	for i, m := range matches {
		matches[i] = strings.TrimSuffix(m, ".yml")
	}
	slices.Sort(matches)
	return matches
}

// Text returns the rule file of a pack; ok is false if there is none of that name.
func Text(name string) (text string, ok bool) {
	data, err := files.ReadFile(name + ".yml")
	return string(data), err == nil
}
