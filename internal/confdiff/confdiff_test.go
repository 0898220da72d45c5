package confdiff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const before = `# what runs
hold: {default: 5m, settle: 1m}
route:
  receiver: oncall
  routes:
    - {matchers: ['team="shop"'], receiver: shop}
    - {matchers: ['team="shop"'], receiver: other}
receivers:
  - name: oncall
    webhook_configs: [{url: "http://127.0.0.1:1"}]
  - name: shop
digest: [{schedule: "0 9 * * MON", receiver: shop}]
`

const after = `hold: {settle: 1m, default: 10m}
route:
  receiver: oncall
  routes:
    - {receiver: shop, matchers: ['team="shop"'], continue: true}
    - {matchers: ['team="bank"'], receiver: other}
receivers:
  - {name: shop}
  - {name: oncall, webhook_configs: [{url: "http://127.0.0.1:2"}]}
digest: [{schedule: "0 8 * * MON", receiver: shop}]
`

// TestWhatIsSaidIsComparedAndNotHow: order, notation, comments and the file of a rule are no change; values, rules and routes are.
func TestWhatIsSaidIsComparedAndNotHow(t *testing.T) {
	d := Compare(
		[]File{{Name: "prod.yml", Text: before}, {Name: "rules/a.yml", Text: "holds:\n- {name: cart, matchers: ['a=\"b\"'], hold: 5m}\n- {name: gone, matchers: [], hold: 1m}\nevents: [{reason: [A], meaning: ignore}]\n"}},
		[]File{{Name: "quell.yml", Text: after}, {Name: "rules/b.yml", Text: "events:\n- meaning: ignore\n  reason:\n  - A\nholds:\n- {name: new, matchers: [], hold: 1m}\n- {hold: 20m, name: cart, matchers: ['a=\"b\"']}\n"}},
	)
	var got []string
	for _, c := range d.Changes {
		got = append(got, c.String())
	}
	want := []string{
		`added digest (quell.yml:10)`,
		`removed digest (quell.yml:12)`,
		`changed hold (quell.yml:1): default: 5m → 10m`,
		`changed receivers "oncall" (quell.yml:9): webhook_configs: [{url: http://127.0.0.1:1}] → [{url: http://127.0.0.1:2}]`,
		`added route "[team=\"bank\"]" (quell.yml:6)`,
		`changed route "[team=\"shop\"]" (quell.yml:5): continue: nothing → true`,
		`removed route "[team=\"shop\"] #2" (quell.yml:7)`,
		`changed holds "cart" (rules/b.yml:7): hold: 5m → 20m`,
		`removed holds "gone" (rules/a.yml:3)`,
		`added holds "new" (rules/b.yml:6)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	var files []string
	for _, f := range d.Files {
		files = append(files, f.Change+" "+f.Name)
	}
	if diff := cmp.Diff([]string{"changed quell.yml", "removed rules/a.yml", "added rules/b.yml"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if text := d.Files[0].Text; !strings.HasPrefix(text, "--- running/quell.yml\n+++ file/quell.yml\n@@") || !strings.Contains(text, "\n-# what runs\n") {
		t.Errorf("diff of quell.yml: %s", text)
	}
}

// TestWhatOnlyDiffersInSecretsDiffers, though nothing of it is shown.
func TestWhatOnlyDiffersInSecretsDiffers(t *testing.T) {
	d := Compare([]File{{"q.yml", "a: <secret>\n", "1"}}, []File{{"q.yml", "a: <secret>\n", "2"}})
	if d.Same() || len(d.Changes) != 0 || d.Files[0].Text != "" || d.Summary() != "changed quell.yml" {
		t.Errorf("got %+v", d)
	}
	if d := Compare([]File{{"q.yml", "a: 1\n", ""}}, []File{{"other.yml", "a: 1\n", ""}}); !d.Same() {
		t.Errorf("got %+v", d)
	}
}

// FuzzCompare looks for texts that make the comparison panic, or differ from themselves.
func FuzzCompare(f *testing.F) {
	f.Add(before, after)
	f.Fuzz(func(t *testing.T, a, b string) {
		Compare([]File{{Name: "q.yml", Text: a}}, []File{{Name: "q.yml", Text: b}})
		if d := Compare([]File{{Name: "q.yml", Text: a}}, []File{{Name: "q.yml", Text: a}}); !d.Same() || len(d.Changes) > 0 {
			t.Errorf("differs from itself: %+v", d)
		}
	})
}
