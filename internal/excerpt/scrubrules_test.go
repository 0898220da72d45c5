package excerpt

import (
	"testing"

	"quell/correlate"
	"quell/rules"
	"quell/rules/packs"
)

// FuzzScrubRules: whatever rules are in force, those of all packs among them, they can be scrubbed, and are rules then; no text makes it panic.
func FuzzScrubRules(f *testing.F) {
	for _, name := range packs.Names() {
		text, _ := packs.Text(name)
		f.Add(text)
	}
	f.Add("holds: [{name: a, hold: 1m, matchers: ['namespace=~\"(?i)shop-[a-z]+|\\\\d{2,3}|10\\\\.0\\\\.4\\\\.17\"'], when: \"labels.x == 'a' // shop\"}]\n")
	f.Add("heartbeats: [{name: nightly, interval: 1h, entity: cronjob/shop/backup, severity: error}]\nedge_types: [{name: feeds, weight: 0.4}]\n")
	f.Add("inhibit: [{source_matchers: ['{a=\"b\",c!~\"d.*\"}'], target_matchers: [a=c], equal: [cluster]}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		files := []correlate.RuleFile{{Name: "acme.yml", Text: text}}
		fresh, err := NewScrubber(1).Rules(files, []string{"kubernetes"})
		if _, wrong := rules.Compile(&correlate.Policy{Rules: files}); wrong != nil {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rules.Compile(&correlate.Policy{Rules: fresh}); err != nil {
			t.Fatalf("%v in:\n%s", err, fresh[0].Text)
		}
	})
}

// What is said of names in matchers, patterns and expressions is said of their other names, and nothing else is changed.
func TestScrubbedRulesSayTheSameOfOtherNames(t *testing.T) {
	s := NewScrubber(1)
	s.Labels(correlate.LabelsOf("alertname", "Slow", "namespace", "acme", "instance", "10.20.30.40:9100"))
	s.Entity("deployment/acme/till")
	acme, till, host := s.Value("acme"), s.Value("till"), s.Value("10.20.30.40")
	files, err := s.Rules([]correlate.RuleFile{{Name: "acme.yml", Text: `# Of acme.
holds:
  - {name: acme holds, hold: 90s, matchers: ['namespace=~"acme(-[a-z]+)?|\\d+\\.acme"', alertname=Slow], why: acme wants it}
critical:
  - {name: tills, entities: ["deployment/acme/till*"]}
symptoms:
  - {name: slow, severity: info, when: 'labels["namespace"] == "acme" && labels.alertname != "Slow" && labels.instance.startsWith("10.20.30.40") && entity.id.matches(r"^deployment/acme")'}
`}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `holds:
  - {name: "rule-1", hold: 90s, matchers: ["namespace=~\"` + acme + `(-[a-z]+)?|\\\\d+\\\\.` + acme + `\"", "alertname=\"Slow\""]}
critical:
  - {name: "rule-2", entities: ["deployment/` + acme + `/` + till + `*"]}
symptoms:
  - {name: "rule-3", severity: info, when: "labels[\"namespace\"] == \"` + acme + `\" && labels.alertname != \"Slow\" && labels.instance.startsWith(\"` + host + `\") && entity.id.matches(r\"^deployment/` + acme + `\")"}
`
	if files[0].Text != want {
		t.Errorf("got\n%s\nwant\n%s", files[0].Text, want)
	}
}
