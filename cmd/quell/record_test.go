package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// estate is a random world whose every name is a word that nothing else has: namespaces, services, pods, nodes with addresses, people, a
// receiver, a webhook, and rules that tell them apart.
type estate struct {
	r     *rand.Rand
	names []string
	lines bytes.Buffer
	at    time.Time
}

// name makes up a word and remembers that it must not be told.
func (e *estate) name() string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	var b strings.Builder
	for range 4 {
		b.WriteByte(consonants[e.r.IntN(len(consonants))])
		b.WriteByte(vowels[e.r.IntN(len(vowels))])
	}
	e.names = append(e.names, b.String())
	return b.String()
}

func (e *estate) address() string {
	a := fmt.Sprintf("%d.%d.%d.%d", 11+e.r.IntN(80), 10+e.r.IntN(80), 10+e.r.IntN(80), 10+e.r.IntN(80))
	e.names = append(e.names, a)
	return a
}

func (e *estate) line(kind, body string) {
	fmt.Fprintf(&e.lines, "{\"t\":%q,%q:%s}\n", e.at.Format(time.RFC3339), kind, body)
	e.at = e.at.Add(time.Duration(1+e.r.IntN(40)) * time.Second)
}

// alert tells of an alert whose labels are pairs of names and values.
func (e *estate) alert(status string, pairs ...string) {
	var labels []string
	for i := 0; i < len(pairs); i += 2 {
		labels = append(labels, fmt.Sprintf("%q:%q", pairs[i], pairs[i+1]))
	}
	e.line("alertmanager", fmt.Sprintf(`{"version":"4","alerts":[{"status":%q,"labels":{%s},"annotations":{"summary":"%s burns"},"generatorURL":"http://%s/graph"}]}`,
		status, strings.Join(labels, ","), e.names[e.r.IntN(len(e.names))], e.names[0]))
}

// play makes a recording of a morning in the estate and the configuration for it, in a folder.
func (e *estate) play(t *testing.T, folder string) {
	e.at = time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC)
	cluster, domain, person, receiver, owner := e.name(), e.name(), e.name(), e.name(), e.name()
	shop, stock := e.name(), e.name()
	services := []string{e.name(), e.name(), e.name()}
	nodes := []string{e.name(), e.name()}
	hosts := []string{e.address(), e.address()}
	for _, s := range services {
		node := e.r.IntN(2)
		e.line("topology", fmt.Sprintf(`{"edges":[{"from":"service/%s/%s","to":"pod/%s/%s-7d9f","type":"selects"},{"from":"pod/%s/%s-7d9f","to":"node/%s","type":"runs_on"}]}`,
			shop, s, shop, s, shop, s, nodes[node]))
	}
	e.line("silence", fmt.Sprintf(`{"id":"%s-1","matchers":[{"name":"namespace","value":%q,"isEqual":true,"isRegex":false}],"starts_at":"2026-05-04T05:00:00Z","ends_at":"2026-05-04T23:00:00Z","created_by":%q,"comment":"%s"}`,
		owner, stock, person, domain))
	for k := range 14 {
		status := "firing"
		if k > 8 {
			status = "resolved"
		}
		e.alert(status, "alertname", "KubePodNotReady", "namespace", shop, "pod", services[k%3]+"-7d9f", "severity", "warning", "instance", hosts[k%2]+":9100")
		e.alert(status, "alertname", "Slow", "namespace", []string{shop, stock}[k%2], "service", services[(k+1)%3], "team", owner, "severity", "critical", "host", nodes[k%2]+"."+domain+".example")
		e.line("event", fmt.Sprintf(`{"id":"%s-%d","entity":"pod/%s/%s-7d9f@%s","reason":"BackOff","component":"webhook/%s","message":"%s is ill","warning":true,"count":1,"t":%q,"source":"webhook/%s"}`,
			person, k, shop, services[k%3], cluster, domain, services[0], e.at.Format(time.RFC3339), domain))
	}
	rules := fmt.Sprintf(`# of %s
holds:
  - {name: %s, hold: 7m, matchers: [alertname=Slow, namespace=%q], why: "%s said so"}
  - name: by pattern
    hold: 90s
    matchers: ['namespace=~"%s|%s.*"', 'host!~"%s\\..+"']
  - {name: by expression, hold: 2m, when: 'labels.service == "%s" || labels["instance"].startsWith("%s") || labels.host.matches(r"^%s\.%s")', matchers: []}
enrich:
  - {name: owner, owner: %s, runbook: "https://%s.example/{{ .Entity.Name }}", matchers: [namespace=%s]}
critical:
  - {name: till, entities: ["service/%s/%s*"]}
dependencies:
  - {from: service/%s/%s, to: service/%s/%s, type: calls, note: "asked %s"}
symptoms:
  - {name: quiet, severity: info, matchers: [team=%s, alertname=Slow, service=%s]}
`, owner, e.name(), shop, person, shop, stock, nodes[0], services[0], hosts[0], nodes[1], domain, owner, domain, shop, shop, services[1],
		shop, services[1], shop, services[2], person, owner, services[2])
	rules = strings.Replace(rules, ", matchers: []}", "}", 1)
	config := fmt.Sprintf("rules: {files: [%s.yml]}\nroute: {receiver: %s}\nreceivers: [{name: %s}]\n", owner, receiver, receiver)
	for name, text := range map[string]string{owner + ".yml": rules, "quell.yml": config, "morning.jsonl": e.lines.String()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What is recorded passes as a test; scrubbed, it passes as well, decides alike, and no byte of any name is left in it.
func TestScrubbedRecordsTellNoNames(t *testing.T) {
	for seed := range uint64(3) {
		folder := t.TempDir()
		e := &estate{r: rand.New(rand.NewPCG(seed, 77))}
		e.play(t, folder)
		quell := func(args ...string) (output string) {
			var out, stderr bytes.Buffer
			if code := run(args, strings.NewReader(""), &out, &stderr); code != statusFine {
				t.Fatalf("seed %d: quell %q: status %d: %s%s", seed, args, code, &out, &stderr)
			}
			return stderr.String()
		}
		journal, config := filepath.Join(folder, "morning.jsonl"), filepath.Join(folder, "quell.yml")
		plain, scrubbed := filepath.Join(folder, "plain.txtar"), filepath.Join(folder, "scrubbed.txtar")
		flags := []string{"record", "--journal", journal, "-c", config, "--from", "2026-05-04T00:00:00Z"}
		quell(slices.Concat(flags, []string{"--out", plain})...)
		quell("test", plain)
		if told := quell(slices.Concat(flags, []string{"--scrub", "--out", scrubbed})...); strings.Contains(told, "decide otherwise") {
			t.Errorf("seed %d: %s", seed, told)
		}
		quell("test", scrubbed)
		text, err := os.ReadFile(scrubbed)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range e.names {
			if at := bytes.Index(text, []byte(name)); at >= 0 {
				t.Errorf("seed %d: %q is left: …%s…", seed, name, text[max(0, at-80):min(len(text), at+80)])
			}
		}
	}
}
