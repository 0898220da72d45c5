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

// About returns what a pack is for, in one sentence: the first one of the comment that its file begins with. It is empty if there is
// no pack of that name.
func About(name string) string {
	text, _ := Text(name)
	var words []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		words = append(words, strings.Fields(comment)...)
		if i := slices.IndexFunc(words, func(w string) bool { return strings.HasSuffix(w, ".") }); i >= 0 {
			words = words[:i+1]
			break
		}
	}
	return strings.Join(words, " ")
}
