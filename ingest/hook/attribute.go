package hook

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// attribute reads the header of a CloudEvents attribute: what older versions of the protocol put in quotes is taken out of them, then
// it is percent-decoded. What cannot be decoded stays as it is.
func attribute(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : len(value)-1])
	}
	decoded, err := url.PathUnescape(value)
	if err != nil || !utf8.ValidString(decoded) {
		return value
	}
	return decoded
}
