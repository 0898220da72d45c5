package servicegraph

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	promconfig "github.com/prometheus/common/config"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what came into the golden files; read the diff")

// TestPresetsReadWhatTheirMakersWrite sends each preset's query to a Prometheus that answers in the API's form, and compares the
// query and the edges with those in testdata.
func TestPresetsReadWhatTheirMakersWrite(t *testing.T) {
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".txtar")
			file, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			prom := startPrometheus(t)
			prom.answers(string(file.Files[0].Data))
			c := Config{Name: name, URL: prom.URL, Preset: name, Cluster: "eu", HTTP: promconfig.DefaultHTTPClientConfig}.withDefaults()
			source, err := newClient(&c)
			if err != nil {
				t.Fatal(err)
			}
			v, _, err := source.instant(context.Background(), c.promQL())
			if err != nil {
				t.Fatal(err)
			}
			a := c.read(v)
			var got strings.Builder
			fmt.Fprintf(&got, "%s\n\n%d series, %d unnamed\n", prom.lastQuery(), a.series, a.unnamed)
			for _, e := range a.edges {
				fmt.Fprintf(&got, "%s %s %s\n", e.From, e.Type, e.To)
			}
			if *update {
				file.Files[1].Data = []byte(got.String())
				if err := os.WriteFile(path, txtar.Format(file), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(file.Files[1].Data), got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
