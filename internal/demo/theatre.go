package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/common/model"

	"quell/internal/app"
	"quell/internal/fake"
	"quell/rules/packs"
)

// theatre is all that runs during the demo: quell, and the services that it tells of trouble.
type theatre struct {
	// url is quell's address.
	url   string
	pager *fake.PagerDuty
	chat  *fake.Slack
	stop  context.CancelFunc
	// stopped yields how quell ended, once.
	stopped chan error
}

type theatreOptions struct {
	// dir is where quell keeps its files.
	dir string
	// rate divides all times of the configuration and the rule packs.
	rate time.Duration
	log  io.Writer
}

// open starts the services and quell. If quell ends by itself, fail is told why.
func open(ctx context.Context, fail context.CancelCauseFunc, o theatreOptions) (t *theatre, err error) {
	t = &theatre{stopped: make(chan error, 1)}
	if t.pager, err = fake.StartPagerDuty(); err != nil {
		return nil, err
	}
	if t.chat, err = fake.StartSlack(); err != nil {
		return nil, errors.Join(err, t.pager.Close())
	}
	path, err := t.configure(o)
	if err != nil {
		return nil, errors.Join(err, t.pager.Close(), t.chat.Close())
	}
	// quell must not stop before the theatre is closed, so that nothing is cut off in the middle of a sentence.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	started := make(chan net.Addr, 1)
	// goroutine: close waits for it.
	go func() {
		err := app.Run(running, app.Options{ConfigPath: path, Listen: "127.0.0.1:0", Version: "demo", Stderr: o.log, Started: func(a net.Addr) { started <- a }})
		if running.Err() == nil {
			fail(fmt.Errorf("quell ended: %w", err))
		}
		t.stopped <- err
	}()
	select {
	case addr := <-started:
		t.url = "http://" + addr.String()
		return t, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), t.close())
	}
}

// close stops quell first, which may still want to say something, then the services.
func (t *theatre) close() error {
	t.stop()
	return errors.Join(<-t.stopped, t.pager.Close(), t.chat.Close())
}

// configure writes quell's configuration with its secrets and rules, and returns its path.
func (t *theatre) configure(o theatreOptions) (path string, err error) {
	path = filepath.Join(o.dir, "quell.yml")
	files := map[string]string{
		"pagerduty.key": "R0UT1NGKEY0000000000000000000000",
		"slack.token":   "xoxb-demo",
		"quell.yml":     fmt.Sprintf(configText, divided(5*time.Minute, o.rate), divided(time.Minute, o.rate), t.pager.URL(), t.chat.APIURL()),
	}
	for _, name := range packs.Names() {
		text, _ := packs.Text(name) // it was just named
		files["rules-"+name+".yml"] = hasten(text, o.rate)
	}
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600))
	}
	return path, err
}

const configText = `storage: {path: quell.db}
hold: {default: %[1]s, settle: %[2]s, event_ttl: %[1]s}
rules: {files: ["rules-*.yml"], packs: []}
log: {level: warn}
route: {receiver: oncall}
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key_file: pagerduty.key, url: %[3]q}]
    slack_configs: [{token_file: slack.token, channel: "#ops", api_url: %[4]q}]
`

// times finds the durations of a rule file.
var times = regexp.MustCompile(`\b(hold|ttl): ([1-9][0-9a-z]*)`)

// hasten divides the times of a rule file.
func hasten(text string, rate time.Duration) string {
	return times.ReplaceAllStringFunc(text, func(s string) string {
		m := times.FindStringSubmatch(s)
		d, err := model.ParseDuration(m[2])
		if err != nil {
			return s // quell itself will say what is wrong with it
		}
		return m[1] + ": " + divided(time.Duration(d), rate)
	})
}

// divided writes a duration of real life as one of the demo. quell takes none below a second.
func divided(d, rate time.Duration) string {
	return model.Duration(max(d/rate, time.Second).Round(time.Millisecond)).String()
}
