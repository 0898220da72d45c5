package config

import (
	"regexp"
	"strings"

	"quell/internal/confdiff"
)

// redacted stands where something is not shown.
const redacted = "<secret>"

var (
	// secretKey is a key whose value may be a credential, though quell wants those in files of their own: what is commented out may hold one,
	// and what belongs to others may be written there. Names of files are no secrets.
	secretKey = regexp.MustCompile(`(?i)([\w.-]*(?:password|passwd|secret|token|api_?key|routing_key|service_key|integration_key|credentials|authorization|private_key)[\w.-]*)(["']?[ \t]*:[ \t]*)(\S[^\n]*)`)
	// address is one with what may be secret in it: who may ask, and for what.
	address = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://)([^\s/@"',}\]]*@)?([^\s/@?#"',}\]]*)([^\s"',}\]]*)`)
	// addressKey is a key whose address is one that a secret may be part of.
	addressKey = regexp.MustCompile(`(?i)(?:^|[\s{,"'#-])(?:[a-z_]*url|server_url|endpoint|address)["']?[ \t]*:`)
	// addressBelow is such a key at the end of a line: its address comes on the lines below that are indented further.
	addressBelow = regexp.MustCompile(`(?i)(?:^|[\s{,"'#-])(?:[a-z_]*url|server_url|endpoint|address)["']?[ \t]*:[ \t]*(?:[&!|>][^\s]*[ \t]*)*(?:#.*)?$`)
	// publicKey is a key whose address is for people.
	publicKey = regexp.MustCompile(`(?i)external_url["']?[ \t]*:`)
	// flowEnd ends a value inside of braces.
	flowEnd = regexp.MustCompile(`["']?\s*[,}\]]`)
)

// Redact returns a text of a configuration without what may be secret in it: values of keys that sound like credentials, comments included,
// users and passwords in addresses, and what stands behind the host in addresses of integrations, since who knows those can pretend to be quell.
func Redact(text string) string {
	lines := strings.SplitAfter(text, "\n")
	hidden := -1  // the indentation of the key whose value goes on over the next lines
	address := -1 // and of the one whose address does
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if hidden >= 0 {
			if strings.TrimSpace(line) == "" || indent > hidden {
				lines[i] = strings.Repeat(" ", indent) + redacted + "\n"
				continue
			}
			hidden = -1
		}
		var block bool
		if line, block = redactKeys(line); block {
			hidden = indent
		}
		if address >= 0 && strings.TrimSpace(line) != "" && indent <= address {
			address = -1
		}
		lines[i] = redactAddresses(line, address >= 0)
		if bare := strings.TrimRight(line, "\r\n"); addressBelow.MatchString(bare) && !publicKey.MatchString(bare) {
			// The key of a list's item stands behind its dash.
			address = len(bare) - len(strings.TrimLeft(bare, " -"))
		}
	}
	return strings.Join(lines, "")
}

// redactKeys takes the values of secret keys out of a line. Block is true if such a value is on the lines below.
func redactKeys(line string) (out string, block bool) {
	var b strings.Builder
	for {
		at := secretKey.FindStringSubmatchIndex(line)
		if at == nil {
			return b.String() + line, block
		}
		key, value := line[at[2]:at[3]], line[at[6]:at[7]]
		b.WriteString(line[:at[6]])
		line = line[at[6]:]
		if isFile(key) || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			continue // names of files, and maps whose keys come next
		}
		if strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">") {
			block = true
			continue
		}
		end := len(value)
		if m := flowEnd.FindStringIndex(value); m != nil && value[0] != '"' && value[0] != '\'' {
			end = m[0]
		} else if q := value[0]; q == '"' || q == '\'' {
			if k := strings.IndexByte(value[1:], q); k >= 0 {
				end = k + 2
			}
		}
		b.WriteString(redacted)
		line = line[end:]
	}
}

func isFile(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "_file") || strings.HasSuffix(key, "_files") || key == "secrets"
}

// redactAddresses takes what may be secret out of the addresses on a line. Below is true if the line goes on with the value of an integration's
// address.
func redactAddresses(line string, below bool) string {
	whole := below || addressKey.MatchString(line) && !publicKey.MatchString(line)
	return address.ReplaceAllStringFunc(line, func(s string) string {
		m := address.FindStringSubmatch(s)
		if m[2] != "" {
			m[2] = redacted + "@"
		}
		if whole && strings.Trim(m[4], "/") != "" {
			m[4] = "/" + redacted
		}
		return m[1] + m[2] + m[3] + m[4]
	})
}

// Shown returns the texts of a configuration, the configuration itself first, as people may see them: without what may be secret in it, and
// with the digest of each file as it is.
func (c *Config) Shown() []confdiff.File {
	var list []confdiff.File
	seen := make(map[string]bool)
	for _, s := range c.Sources {
		if s.Secret || s.Hash == "" || seen[s.Path] {
			continue
		}
		seen[s.Path] = true
		list = append(list, confdiff.File{Name: s.Name, Text: Redact(string(s.Text)), Hash: s.Hash})
	}
	return list
}
