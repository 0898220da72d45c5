package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quell/internal/strictyaml"
	"quell/rules"
)

// shop is a catalog as Backstage's own examples look, with much that is none of our business.
const shop = `# Who owns the shop
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: Shop}
spec: {owner: group:shop, domain: sales}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  description: |
    Takes the money
    ---
    or not.
  annotations:
    backstage.io/kubernetes-id: checkout
    backstage.io/kubernetes-namespace: shop
    circleci.com/project-slug: github/example/checkout
  tags: [go]
spec:
  type: service
  lifecycle: production
  owner: shop
  system: shop
  subcomponentOf: storefront
  dependsOn: [resource:default/orders, "Component:pay/ledger"]
  consumesApis: [payments-api, api:bank]
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: orders, annotations: {quell.dev/entity: "database/orders@eu"}}
spec: {type: database, owner: shop, dependencyOf: [component:storefront]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: storefront}
spec: {type: website, owner: shop}
---
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: shop}
spec: {type: team, children: []}
---
apiVersion: apps/v1
kind: Deployment
metadata: {generateName: not-ours}
`

const pay = `apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: payments-api}
spec: {type: openapi, owner: pay, definition: {$text: ./openapi.yaml}}
---
apiVersion: backstage.io/v1beta1
kind: Component
metadata: {name: ledger, namespace: pay, annotations: {backstage.io/kubernetes-id: ledger-x, backstage.io/kubernetes-namespace: pay, backstage.io/kubernetes-cluster: eu}}
spec: {type: service, providesApis: [api:default/payments-api]}
`

// read reads files by name, "name\ntext" each, and shows what they tell.
func read(t *testing.T, mapping rules.Mapping, texts ...string) (told string, problems strictyaml.Problems) {
	t.Helper()
	var files []*File
	for _, text := range texts {
		name, data, _ := strings.Cut(text, "\n")
		f, ps := Read(name, []byte(data))
		problems = append(problems, ps...)
		files = append(files, f)
	}
	list, ps := Join(files, mapping)
	var b strings.Builder
	for _, top := range list {
		if err := top.Validate(); err != nil || !top.Replace {
			t.Errorf("%s: %v, replace %v", top.Source, err, top.Replace)
		}
		fmt.Fprintf(&b, "%s:\n", top.Source)
		for _, e := range top.Entities {
			fmt.Fprintf(&b, "  %s\n", e.ID)
		}
		for _, e := range top.Edges {
			fmt.Fprintf(&b, "  %s %s %s\n", e.From, e.Type, e.To)
		}
	}
	return b.String(), append(problems, ps...)
}

func TestCatalogsTellWhoDependsOnWhomAcrossFiles(t *testing.T) {
	got, problems := read(t, nil, "shop.yaml\n"+shop, "pay/catalog-info.yaml\n"+pay)
	const want = `catalog shop.yaml:
  system/shop
  service/shop/checkout
  database/orders@eu
  component/storefront
  service/shop/checkout in_system system/shop
  component/storefront depends_on service/shop/checkout
  service/shop/checkout depends_on database/orders@eu
  service/shop/checkout depends_on service/pay/ledger-x@eu
  service/shop/checkout calls service/pay/ledger-x@eu
  service/shop/checkout calls api/bank
  component/storefront depends_on database/orders@eu
catalog pay/catalog-info.yaml:
  api/payments-api
  service/pay/ledger-x@eu
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const warning = "shop.yaml:27:32: warning: api:default/bank is described in none of the catalogs"
	if got := problems.Error(); got != warning || problems.Err() != nil {
		t.Errorf("got problems\n%s\nwant\n%s", got, warning)
	}
}

// TestMappingComesBeforeWhatAnnotationsSay about Kubernetes, and after what they say outright.
func TestMappingComesBeforeWhatAnnotationsSay(t *testing.T) {
	mapping := rules.Mapping{
		{Kind: "deployment", Name: "kubernetes_id", Namespace: "kubernetes_namespace"},
		{Kind: "database", Name: "name"},
	}
	got, _ := read(t, mapping, "a\n"+shop)
	for _, want := range []string{"\n  deployment/shop/checkout\n", "\n  database/orders@eu\n", "\n  database/storefront\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant%s", got, want)
		}
	}
}

// TestEveryMistakeIsNamedWithItsPosition: each document has one.
func TestEveryMistakeIsNamedWithItsPosition(t *testing.T) {
	const head = "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
	for _, c := range []struct{ text, want string }{
		{"kind: Component", `f:1:1: key "apiVersion" is missing`},
		{"- x", "f:1:1: want a map, got a list"},
		{head, `f:1:1: key "metadata" is missing`},
		{head + "metadata: {title: x}", `f:3:11: key "name" is missing`},
		{head + "metadata: {name: 12}", "f:3:18: want text, got a number (put it in quotes)"},
		{head + "metadata: {name: x, annotations: {quell.dev/entity: y}}", `f:3:53: entity id "y" has no kind and name (want kind/name or kind/namespace/name)`},
		{head + "metadata: {name: x}\nspec: {dependsOn: [y]}", `f:4:20: "y" names no kind (write component:y or resource:y)`},
		{head + "metadata: {name: x}\nspec: {dependsOn: ['a:b:c', ':b', 'a:/c', 'a:b/', 'a:b c']}", strings.Join([]string{
			`f:4:20: "a:b:c" is no reference (write kind:namespace/name or kind:name, e.g. component:payments)`,
			`f:4:29: ":b" is no reference (write kind:namespace/name or kind:name, e.g. component:payments)`,
			`f:4:35: "a:/c" is no reference (write kind:namespace/name or kind:name, e.g. component:payments)`,
			`f:4:43: "a:b/" is no reference (write kind:namespace/name or kind:name, e.g. component:payments)`,
			`f:4:51: "a:b c" is no reference (write kind:namespace/name or kind:name, e.g. component:payments)`,
		}, "\n")},
		{head + "metadata: {name: x}\nspec: {dependsOn: component:y}", "f:4:19: want a list, got text (write [value])"},
		{head + "metadata: {name: x}\n---\n" + head + "metadata: {name: X}\n", "f:5:1: second description of component:default/x; the first is in f:1"},
		{
			head + "metadata: {name: payments}\n---\n" + head + "metadata: {name: y}\nspec: {dependsOn: [component:paymnets]}\n",
			"f:8:20: warning: component:default/paymnets is described in none of the catalogs (did you mean component:default/payments?)",
		},
		{head + "metadata: [", "f:3:11: "},
	} {
		_, problems := read(t, nil, "f\n"+c.text)
		if got := problems.Error(); got != c.want && !(strings.HasSuffix(c.want, ": ") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// FuzzRead looks for catalogs that panic, take long, or tell what is no topology.
func FuzzRead(f *testing.F) {
	f.Add(shop)
	f.Add(pay)
	f.Fuzz(func(t *testing.T, text string) {
		begin := time.Now()
		read(t, nil, "f\n"+text)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
