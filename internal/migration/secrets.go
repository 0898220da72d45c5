package migration

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"quell/internal/strictyaml"
)

// nested are the credentials that stand in maps of these names, wherever they are, with the keys that name a file instead. Empty means that
// there is no such key.
var nested = map[string]map[string]string{
	"http_config":     {"bearer_token": "bearer_token_file"},
	"basic_auth":      {"password": "password_file"},
	"authorization":   {"credentials": "credentials_file"},
	"oauth2":          {"client_secret": "client_secret_file"},
	"tls_config":      {"key": "key_file"},
	"smtp_tls_config": {"key": "key_file"},
	"sigv4":           {"secret_key": "", "access_key": ""},
}

// conceal puts the credentials of a value into files, and moves its relative paths. Inline are the keys with credentials at its top.
func (m *migration) conceal(t *strictyaml.Tree, inline map[string]string, what string) {
	for key, file := range inline {
		m.both(t, key, file)
	}
	kept := strictyaml.Tree{Kind: t.Kind, At: t.At}
	add := func(key string, n *strictyaml.Tree) {
		kept.Keys, kept.Items = append(kept.Keys, key), append(kept.Items, n)
	}
	for i, n := range t.Items {
		key := ""
		if t.Kind == strictyaml.Map {
			key = t.Keys[i]
		}
		file, secret := inline[key]
		switch {
		case n.Kind == strictyaml.Map || n.Kind == strictyaml.List:
			if key == "proxy_connect_header" {
				m.lose(n, "proxy_connect_header is not carried over: its credentials cannot stand in a file of their own", "use a proxy that needs none")
				continue
			}
			within := nested[key]
			if key == "http_headers" {
				m.headers(n, what)
			}
			m.conceal(n, within, what+"-"+key)
			add(key, n)
		case n.Kind == strictyaml.Null || n.Text == "":
			if n.Kind == strictyaml.Scalar && !secret {
				add(key, n)
			}
		case secret && file == "":
			m.lose(n, key+" is not carried over: there is no key that names a file for it", "give it by the environment of AWS (AWS_SECRET_ACCESS_KEY, profile or role)")
		case secret && isAddress(key) && !isSecretAddress(n.Text):
			add(key, n)
		case secret:
			add(file, text(m.secret(n.Text, what+"-"+key, key+" of "+what)))
		case key == "proxy_url" && hasUser(n.Text):
			m.lose(n, "a proxy_url with a password is not carried over", "use a proxy that needs none, or set HTTPS_PROXY in quell's environment")
		case strings.HasSuffix(key, "_file"):
			add(key, text(m.path(n.Text)))
		default:
			add(key, n)
		}
	}
	t.Keys, t.Items = kept.Keys, kept.Items
}

// headers puts the secrets of http_headers into files.
func (m *migration) headers(t *strictyaml.Tree, what string) {
	for i, h := range t.Items {
		secrets := h.Get("secrets")
		if t.Kind != strictyaml.Map || secrets == nil || !m.isMap(h) {
			continue
		}
		var files []string
		if list := h.Get("files"); list != nil {
			for _, n := range m.items(list) {
				files = append(files, m.path(m.text(n)))
			}
		}
		for _, n := range m.items(secrets) {
			files = append(files, m.secret(m.text(n), what+"-"+t.Keys[i], "header "+t.Keys[i]+" of "+what))
		}
		kept := &strictyaml.Tree{Kind: strictyaml.Map, At: h.At}
		for k, key := range h.Keys {
			if key != "secrets" && key != "files" {
				kept.Keys, kept.Items = append(kept.Keys, key), append(kept.Items, h.Items[k])
			}
		}
		kept.Keys, kept.Items = append(kept.Keys, "files"), append(kept.Items, texts(files))
		t.Items[i] = kept
	}
}

// both reports a credential that is there and in a file.
func (m *migration) both(t *strictyaml.Tree, inline, file string) {
	if a, b := t.Get(inline), t.Get(file); file != "" && a != nil && a.Text != "" && b != nil && b.Text != "" {
		b.At.Problem("there is both "+inline+" and "+file, "Alertmanager would not take the file either")
	}
}

// isAddress reports keys whose value is an address that may hold a credential.
func isAddress(key string) bool { return key == "url" }

// token is what a part of an address looks like if nobody is meant to guess it.
var token = regexp.MustCompile(`[0-9]`)

// isSecretAddress reports an address that may let in whoever knows it: with a password, a query, or a part that looks random.
func isSecretAddress(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.RawQuery != "" || strings.Contains(s, "{{") {
		return true
	}
	return slices.ContainsFunc(strings.Split(u.Path, "/"), func(part string) bool { return len(part) >= 16 && token.MatchString(part) })
}

func hasUser(s string) bool {
	u, err := url.Parse(s)
	return err != nil || u.User != nil
}

// unsafe is what file names of credentials do not have.
var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// secret notes a credential and returns the path of the file for it, as the new configuration has it. The same credential is one file.
func (m *migration) secret(value, name, what string) string {
	if known := m.values[value]; value != "" && known != "" {
		return known
	}
	name = strings.Trim(unsafe.ReplaceAllString(name, "_"), "._")
	if len(name) > 100 {
		name = name[:100]
	}
	if name == "" {
		name = "secret"
	}
	unique := name
	for n := 2; ; n++ {
		i := slices.IndexFunc(m.result.Secrets, func(s Secret) bool { return s.Name == unique })
		if i < 0 {
			break
		}
		if value == "" && m.result.Secrets[i].Value == "" {
			return m.result.Secrets[i].Path // the same that is missing
		}
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	s := Secret{Path: m.options.Secrets + "/" + unique, Name: unique, Value: value, For: clean(what)}
	m.result.Secrets = append(m.result.Secrets, s)
	if value != "" {
		m.values[value] = s.Path
	}
	return s.Path
}
