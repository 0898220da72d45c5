//go:build !slim

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestImportedConfigurationsPassTheCheck imports each configuration of Alertmanager's own tests and documents that Alertmanager takes, and
// those of the importer's tests; makes the files of credentials that it asks for; and runs quell's check on what came of it.
func TestImportedConfigurationsPassTheCheck(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/alertmanager").Output()
	if err != nil {
		t.Fatal(err)
	}
	module := strings.TrimSpace(string(out))
	taken := 0
	for _, pattern := range []string{
		module + "/config/testdata/*.yml", module + "/doc/examples/*.yml", module + "/examples/ha/*.yml", "../../internal/migration/testdata/*.yml",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.Contains(path, ".golden.") {
				continue
			}
			if problems, ok := importAndCheck(t, path); ok {
				taken++
				for _, p := range problems {
					t.Errorf("%s: %s", filepath.Base(path), p)
				}
			}
		}
	}
	if taken < 25 {
		t.Errorf("only %d files were taken", taken)
	}
}

// importAndCheck returns what the check says of an imported file but warnings; it is false if the file is none that Alertmanager would take.
func importAndCheck(t *testing.T, path string) (problems []string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := keyPair(t)
	for name, text := range map[string]string{
		"old.yml": string(old), "cert.pem": certificate, "certs/ca.pem": certificate, "key.pem": key,
	} {
		makeFile(t, filepath.Join(dir, name), text)
	}
	to := filepath.Join(dir, "quell.yml")
	var stdout, stderr bytes.Buffer
	if run([]string{"import", "alertmanager", filepath.Join(dir, "old.yml"), "-o", to, "--secrets-dir", filepath.Join(dir, "secrets")}, nil, &stdout, &stderr) != statusFine {
		return nil, false
	}
	// A file that is missing here is one that the old machine has, or one that a person has to make: the check names its place only.
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("secrets/everybody-email-tls_config-key"), []byte("key.pem"))
	for _, m := range fileKey.FindAllStringSubmatch(string(text), -1) {
		name := m[1]
		if !filepath.IsAbs(name) {
			makeFile(t, filepath.Join(dir, name), anySecret)
			continue
		}
		within := filepath.Join(dir, "abs", strings.ReplaceAll(name, "/", "_"))
		makeFile(t, within, anySecret)
		text = bytes.ReplaceAll(text, []byte(name), []byte(within))
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	stdout.Reset()
	run([]string{"check", "-c", to}, nil, &stdout, &stderr)
	for line := range strings.Lines(stdout.String()) {
		if !strings.Contains(line, ": warning: ") && !strings.Contains(line, ": OK (") {
			problems = append(problems, strings.TrimSpace(line))
		}
	}
	return problems, true
}

// fileKey matches keys that name a file with one credential.
var fileKey = regexp.MustCompile(`(?m)_file: '?([^'\n]+)'?$`)

// anySecret is what stands in files of credentials that nobody looks at: an address will do for all of them.
const anySecret = "https://example.com/x"

// makeFile makes a file that is not there yet.
func makeFile(t *testing.T, path, text string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keyPair makes a certificate with its key.
func keyPair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bare}))
}
