package slack

import (
	"maps"
	"slices"
)

// CuredCodes are Slack's codes for which people are told what to do.
func CuredCodes() []string { return slices.Sorted(maps.Keys(cures)) }

// Escape is what makes text from outside harmless.
func Escape(s string, maxRunes int) string { return escape(s, maxRunes) }
