package app

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"quell/correlate"
	"quell/internal/config"
	"quell/storage"
)

const keptConfig = `server: {listen: "127.0.0.1:0"}
hold: {default: 7m}
route: {receiver: a}
receivers: [{name: a, webhook_configs: [{url: "http://127.0.0.1:1/hook"}]}]
rules: {files: ["*.rules"]}
reload: {watch: false}
`

// runOnce runs quell for as long as during takes.
func runOnce(t *testing.T, dir string, during func(ctx context.Context, a *App)) {
	t.Helper()
	a := &App{options: Options{ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: io.Discard}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	defer func() { // also when during gives up
		cancel()
		if err := <-done; err != nil {
			t.Errorf("quell ended with %v", err)
		}
	}()
	a.wait(t)
	during(ctx, a)
}

// operators are the texts that operators were told, and no receiver took yet.
func operators(t *testing.T, a *App) (texts []string) {
	t.Helper()
	outbox, err := readOutbox(a.store, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range outbox {
		if strings.HasSuffix(d.Key, "/operator/config-refused") {
			texts = append(texts, d.Text)
		}
	}
	return texts
}

// TestAStartWithBadFilesGoesOnAsBefore: quell takes requests with the rules that it had, says what is wrong, and keeps the good ones
// however often it starts; good files are in force at the next reload.
func TestAStartWithBadFilesGoesOnAsBefore(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", keptConfig)
	writeFile(t, dir, "shop.rules", "holds: [{name: cart, matchers: ['alertname=\"Cart\"'], hold: 3m}]\n")
	hash := ""
	runOnce(t, dir, func(_ context.Context, a *App) { hash = a.current.Load().config.Hash })
	writeFile(t, dir, "shop.rules", "holds: [{name: cart, matchers: ['alertname=\"Cart\"'], hold: 3 minutes}]\n")
	for range 2 {
		runOnce(t, dir, func(ctx context.Context, a *App) {
			st, err := admin{a}.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c := st.Config
			if c.Hash != hash || c.By != "start" || len(c.Problems) != 1 || c.Problems[0].Line != 1 || c.RefusedSince == nil || !strings.Contains(c.Error, "3 minutes") {
				t.Errorf("status tells %+v", c)
			}
			if err := (admin{a}).Ready(); err != nil {
				t.Errorf("not ready, and senders would go elsewhere: %v", err)
			}
			if got := testutil.ToFloat64(a.metrics.reloadOK); got != 0 {
				t.Errorf("quell_config_last_reload_successful is %v", got)
			}
			err = a.loop.look(ctx, func(e *correlate.Engine) error {
				if files := e.Policy().Rules; len(files) != 1 || !strings.Contains(files[0].Text, "hold: 3m") {
					t.Errorf("rules in force: %+v", files)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if texts := operators(t, a); len(texts) == 0 || !strings.Contains(texts[0], "shop.rules:1:") || !strings.Contains(texts[0], "the configuration that it had last") {
				t.Errorf("operators were told %q", texts)
			}
		})
	}
	writeFile(t, dir, "shop.rules", "holds: [{name: cart, matchers: ['alertname=\"Cart\"'], hold: 4m}]\n")
	runOnce(t, dir, func(ctx context.Context, a *App) {
		st, err := admin{a}.Status(ctx)
		if err != nil || st.Config.Hash == hash || st.Config.Error != "" {
			t.Errorf("status tells %v %+v", err, st.Config)
		}
		var audit []string
		if err := a.store.Scan(storage.Audit, nil, nil, func(_, v []byte) error { audit = append(audit, string(v)); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(audit) != 1 || !strings.Contains(audit[0], `"by":"start"`) || !strings.Contains(audit[0], `hold: 3m → 4m`) {
			t.Errorf("audit log is %q, want what changed while quell was down", audit)
		}
	})
}

// TestAStartWithBadFilesAndNothingBeforeFails: there is nothing to go on with.
func TestAStartWithBadFilesAndNothingBeforeFails(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", keptConfig+"nonsense: 1\n")
	err := Run(context.Background(), Options{ConfigPath: filepath.Join(dir, "quell.yml"), Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}

// TestAFileThatIsNotThereIsNoBadFile: its name may be misspelt, and the store beside it be another's, unless that is named.
func TestAFileThatIsNotThereIsNoBadFile(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", keptConfig)
	runOnce(t, dir, func(context.Context, *App) {})
	o := Options{ConfigPath: filepath.Join(dir, "qell.yml"), Stderr: io.Discard}
	if err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.Storage, o.Started = filepath.Join(dir, "data", "quell.db"), func(net.Addr) { cancel() }
	if err := Run(ctx, o); err != nil || ctx.Err() == nil {
		t.Errorf("with the store named: got %v", err)
	}
}

// TestOperatorsAreRemindedOfBadFilesOnce, after a while.
func TestOperatorsAreRemindedOfBadFilesOnce(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", keptConfig)
	runOnce(t, dir, func(ctx context.Context, a *App) {
		before := testutil.ToFloat64(a.metrics.configHash)
		writeFile(t, dir, "quell.yml", keptConfig+"nonsense: 1\n")
		if err := a.reload(ctx, byWatch, "test"); err == nil {
			t.Fatal("a bad file was taken")
		}
		since := a.refused.Load().since
		for _, after := range []time.Duration{0, refusedNotice - time.Second, refusedNotice, 2 * refusedNotice} {
			a.remind(ctx, since.Add(after))
			if n, want := len(operators(t, a)), map[bool]int{true: 1}[after >= refusedNotice]; n != want {
				t.Errorf("after %v operators were told %d times, want %d", after, n, want)
			}
		}
		writeFile(t, dir, "quell.yml", strings.Replace(keptConfig, "7m", "8m", 1))
		if err := a.reload(ctx, byWatch, "test"); err != nil {
			t.Fatal(err)
		}
		if a.refused.Load() != nil || testutil.ToFloat64(a.metrics.configHash) == before {
			t.Error("the good file is not in force")
		}
		c, err := admin{a}.Config(ctx)
		if err != nil || len(c.Files) != 1 || !strings.Contains(c.Files[0].Text, "8m") || strings.Contains(c.Files[0].Text, "/hook") {
			t.Errorf("the API shows %v %+v", err, c)
		}
	})
}

// TestFilesAreReadOnceTheyRest: not while they change, and not again while they stay as they are.
func TestFilesAreReadOnceTheyRest(t *testing.T) {
	var w settling
	for i, c := range []struct {
		now, inForce string
		read         bool
	}{
		{"a", "a", false}, {"a", "a", false}, {"b", "a", false}, {"c", "a", false}, {"c", "a", true}, {"c", "c", false}, {"a", "c", false}, {"c", "c", false},
	} {
		if got := w.look(c.now, c.inForce); got != c.read {
			t.Errorf("look %d: read is %v", i, got)
		}
	}
}

// TestFilesThatChangeWhileTheyAreReadAreNotTaken: a reading that saw one file before and another after a change is of no moment.
func TestFilesThatChangeWhileTheyAreReadAreNotTaken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "quell.yml")
	writeFile(t, dir, "quell.yml", keptConfig)
	writeFile(t, dir, "a.rules", "holds: []\n")
	c, look, err := read(path, nil, nil)
	if err != nil || look != config.Fingerprint(c.Files(), c.Patterns) || len(c.Files()) != 2 {
		t.Fatalf("got %v, %v", c, err)
	}
	writeFile(t, dir, "b.rules", "holds: []\n")
	c, look, err = read(path, c.Files(), c.Patterns)
	if err != nil || len(c.Files()) != 3 || look != config.Fingerprint(c.Files(), c.Patterns) {
		t.Errorf("after one more file: got %v, %v", c.Files(), err)
	}
}

// TestAStartAmidWritesGoesOnAsBefore: who is restarted while the files are synchronised takes alerts all the same, and the files once they rest.
func TestAStartAmidWritesGoesOnAsBefore(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "quell.yml", keptConfig)
	writeFile(t, dir, "shop.rules", "holds: []\n")
	hash := ""
	runOnce(t, dir, func(_ context.Context, a *App) { hash = a.current.Load().config.Hash })
	touched, stop, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { // writes faster than anybody reads
		defer close(stopped)
		first := touched
		for i := 1; ; i++ {
			at := time.Unix(int64(i), 0)
			_ = os.Chtimes(filepath.Join(dir, "shop.rules"), at, at)
			select {
			case <-stop:
				return
			case first <- struct{}{}:
				first = nil
			default:
			}
		}
	}()
	<-touched
	runOnce(t, dir, func(ctx context.Context, a *App) {
		close(stop)
		<-stopped
		if got := a.current.Load().config.Hash; got != hash {
			t.Errorf("hash %s is in force, want %s", got, hash)
		}
		if err := a.reload(ctx, byWatch, ""); err != nil || a.refused.Load() != nil {
			t.Errorf("files that came to rest are not taken: %v", err)
		}
	})
}
