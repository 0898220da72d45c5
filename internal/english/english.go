// Package english puts nouns behind numbers in sentences for people: 1 page, 2 pages. It is pure.
package english

import (
	"strconv"
	"strings"
)

// Count writes a number with the noun that it counts, given in the singular: "1 page", "2 pages", "0 entities".
func Count(n int, noun string) string { return strconv.Itoa(n) + " " + Noun(n, noun) }

// Noun is a noun, given in the singular, as it stands behind a number: "entity" behind 1, "entities" behind all others. It goes by the
// noun's end, so it is for nouns without an irregular plural.
func Noun(n int, noun string) string {
	if n == 1 || noun == "" {
		return noun
	}
	stem, y := strings.CutSuffix(noun, "y")
	switch {
	case y && stem != "" && !strings.ContainsRune("aeou", rune(stem[len(stem)-1])):
		return stem + "ies"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	}
	return noun + "s"
}

// Times writes how often something happened: "once", "twice", "3 times".
func Times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}
