package rules

import (
	"testing"

	"quell/correlate"
	"quell/correlate/topology"
	"quell/internal/strictyaml"
)

// readMapping reads the forms under the key "m".
func readMapping(t *testing.T, text string) Mapping {
	t.Helper()
	var m Mapping
	problems := strictyaml.Read("m.yml", []byte(text), func(n strictyaml.Node) { n.Map(strictyaml.Fields{"m": m.Read}) })
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMappingTakesTheFirstFormOfWhichAllLabelsAreThere(t *testing.T) {
	m := readMapping(t, `m:
- {kind: database, name_label: server, matchers: ['type="db"']}
- {kind: service, name_label: server, namespace_label: ns, cluster_label: in}
- {kind: service, name_label: server, namespace_label: ns}
- {kind: host, name_label: server}
`)
	for _, c := range []struct {
		labels []string
		want   topology.Entity
	}{
		{[]string{"server", "pg", "type", "db", "ns", "shop"}, "database/pg@here"},
		{[]string{"server", "web", "ns", "shop", "in", "there"}, "service/shop/web@there"},
		{[]string{"server", "web", "ns", "shop"}, "service/shop/web@here"},
		{[]string{"server", "a/b"}, "host/a_b@here"},
		{[]string{"server", "a\nb"}, ""},
		{[]string{"ns", "shop"}, ""},
		{nil, ""},
	} {
		got, ok := m.Entity(correlate.LabelsOf(c.labels...), "here")
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%v: got %q, %v, want %q", c.labels, got, ok, c.want)
		}
	}
}

func TestMappingNamesMistakes(t *testing.T) {
	var m Mapping
	problems := strictyaml.Read("m.yml", []byte("m:\n- {kind: Pod, name_label: a}\n- {kind: pod}\n- {kind: pod, name_label: a, matchers: [x]}\n"),
		func(n strictyaml.Node) { n.Map(strictyaml.Fields{"m": m.Read}) })
	want := `m.yml:2:10: kind "Pod" is not lower-case (write pod)
m.yml:3:3: key "name_label" is missing
m.yml:4:41: bad matcher "x": bad matcher format: x (write 'name="value"', or with !=, =~ or !~)`
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
