package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/ingest"
	"quell/ingest/hook"
	"quell/internal/config"
	"quell/internal/picture"
	"quell/internal/rulebook"
	"quell/internal/strictyaml"
	"quell/routing"
	"quell/rules/webhook"
)

func newWebhook() *cobra.Command {
	return group(&cobra.Command{
		Use:   "webhook",
		Short: "Read webhook mappings, and try them on sample bodies",
		Long: `Lists and prints the presets that come with quell, which map what other tools post to alerts and events, and shows what a sample body
becomes. The key webhooks of the configuration says who may post to /api/v1/webhook/NAME.`,
		Example: `  quell webhook presets
  quell webhook show grafana
  quell webhook try --preset grafana body.json`,
	}, newWebhookPresets(), newWebhookShow(), newWebhookTry())
}

func newWebhookPresets() *cobra.Command {
	return leaf(&cobra.Command{
		Use:     "presets",
		Short:   "List the presets and what they are for",
		Long:    "Lists the presets and what each is for.",
		Example: `  quell webhook presets`,
		Args:    noArguments,
	}, func(cmd *cobra.Command, _ []string) error {
		t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, "PRESET\tABOUT") // errors stick to Flush
		language := webhook.NewLanguage()
		for _, name := range webhook.Presets() {
			m, _ := language.Preset(name)
			_, _ = fmt.Fprintf(t, "%s\t%s\n", name, m.About)
		}
		return t.Flush()
	})
}

func newWebhookShow() *cobra.Command {
	return leaf(&cobra.Command{
		Use:     "show PRESET",
		Short:   "Print a preset as a mapping file",
		Long:    "Prints a preset exactly as quell reads it: a mapping file with comments that say why.",
		Example: `  quell webhook show datadog > datadog.yml`,
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: oneArgument(webhook.Presets()),
	}, func(cmd *cobra.Command, args []string) error {
		text, ok := webhook.PresetText(args[0])
		if !ok {
			return unknownPreset(args[0])
		}
		_, err := io.WriteString(cmd.OutOrStdout(), text)
		return err
	})
}

func unknownPreset(name string) error {
	hint := strictyaml.Suggest(name, webhook.Presets())
	if hint == "" {
		hint = "there are " + strings.Join(webhook.Presets(), ", ")
	}
	return fmt.Errorf("unknown preset %q (%s)", name, hint)
}

// tried is what a sample is tried on.
type tried struct {
	config *config.Config // nil: the defaults
	source *hook.Source
	rules  correlate.Rules
}

func newWebhookTry() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "try {-c FILE NAME | --preset PRESET} BODY.json",
		Short: "Show what a sample body becomes",
		Long: `Maps a sample body as the webhook of that name would, and shows each alert and event that comes of it, with its entity, its severity, how
long it would be held and who would be told. If something cannot be mapped, it shows where in the mapping, and the exit status is 1. "-" is
standard input. Signatures and tokens are not checked, and nothing is contacted.`,
		Example: `  quell webhook try --preset grafana body.json
  quell webhook try -c quell.yml github body.json --header 'X-GitHub-Event: deployment_status' --query entity=deployment/shop/cart`,
		Args: cobra.RangeArgs(1, 2),
	}
	path := configFlag(cmd, "configuration `file` with the webhook, the rules and the routes")
	preset := cmd.Flags().String("preset", "", "`name` of a preset, instead of a webhook of the configuration")
	flagOf(cmd, "preset", webhook.Presets()...)
	headers := cmd.Flags().StringArray("header", nil, "a `header` of the request, \"Name: value\"; may be given several times")
	query := cmd.Flags().StringArray("query", nil, "a `parameter` of the request's address, name=value; may be given several times")
	at := cmd.Flags().String("at", "", "when it is received, as RFC 3339 `time` (default now)")
	cmd.MarkFlagsOneRequired("config", "preset")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		if want := 2; *preset != "" && len(args) == want || *preset == "" && len(args) < want {
			return usagef("want the name of a webhook and a body, or --preset and a body")
		}
		r := &webhook.Request{Now: time.Now().UTC().Truncate(time.Second), Headers: pairsOf(*headers, ":"), Query: pairsOf(*query, "=")}
		if *at != "" {
			t, err := time.Parse(time.RFC3339, *at)
			if err != nil {
				return usagef("--at %q is no time such as 2026-11-21T03:00:00Z", *at)
			}
			r.Now = t.UTC()
		}
		t, err := newTried(cmd, *path, *preset, args[0])
		if err != nil {
			return err
		}
		r.Body, err = readSample(cmd.InOrStdin(), args[len(args)-1])
		if err != nil {
			return err
		}
		return t.try(cmd.OutOrStdout(), r)
	})
}

// pairsOf reads names and values that stand in front of and behind a separator.
func pairsOf(list []string, separator string) map[string]string {
	all := make(map[string]string, len(list))
	for _, text := range list {
		name, value, _ := strings.Cut(text, separator)
		all[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return all
}

// newTried finds the source, and compiles the rules that are in force with it.
func newTried(cmd *cobra.Command, path, preset, name string) (*tried, error) {
	t := new(tried)
	policy := config.DefaultPolicy()
	if path != "" {
		c, err := loadConfig(cmd, path)
		if err != nil {
			return nil, err
		}
		t.config, policy = c, c.Policy()
		var names []string
		for _, s := range c.Webhooks {
			names = append(names, s.Name)
			if s.Name == name {
				t.source = s
			}
		}
		if t.source == nil && preset == "" {
			return nil, fmt.Errorf("%s has no webhook %q (%s)", path, name, "there are "+strings.Join(names, ", "))
		}
	}
	if preset != "" {
		m, ok := webhook.NewLanguage().Preset(preset)
		if !ok {
			return nil, unknownPreset(preset)
		}
		t.source = &hook.Source{Name: preset, Mapping: m, MaxItems: hook.DefaultMaxItems}
	}
	compiled, err := rulebook.Compile(&policy)
	t.rules = compiled
	return t, err
}

// sampleValues bounds the values of a sample.
const sampleValues = 200_000

func readSample(stdin io.Reader, path string) (any, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read sample: %w", err)
		}
		defer f.Close() //nolint:errcheck // it is only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read sample: %w", err)
	}
	body, err := ingest.DecodeValue(data, sampleValues)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return body, nil
}

// try maps a sample and tells what becomes of it.
func (t *tried) try(out io.Writer, r *webhook.Request) error {
	s := t.source
	r.Name, r.Labels, r.MaxItems = s.Name, s.Labels, s.MaxItems
	if s.Mapping.SNS {
		r.Body = webhook.Unwrap(r.Body)
	}
	res := s.Mapping.Apply(r)
	for _, it := range res.Items {
		_, _ = fmt.Fprintf(out, "item %d, by %q\n", it.Index, it.Outcome)
		switch in := it.Input.(type) {
		case *correlate.Alert:
			t.alert(out, in)
		case *correlate.Event:
			t.event(out, in)
		}
	}
	for _, f := range res.Faults {
		where := fmt.Sprintf("item %d", f.Index)
		if f.Index < 0 {
			where = "the body"
		}
		_, _ = fmt.Fprintf(out, "%s cannot be mapped\n  %s\n", where, f.Reason)
	}
	_, err := fmt.Fprintf(out, "%d taken, %d ignored, %d not mapped\n", len(res.Items), res.Ignored, res.FaultCount)
	if err == nil && res.FaultCount > 0 {
		return &failureError{statusWrong, nil}
	}
	return err
}

func (t *tried) alert(out io.Writer, a *correlate.Alert) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...)) // errors stick to Flush, and that writes to out
	}
	defer w.Flush() //nolint:errcheck // the line after it tells
	state := "fires, since " + a.StartsAt.Format(time.RFC3339)
	if a.Resolved() {
		state = "resolved at " + a.EndsAt.Format(time.RFC3339)
	} else if !a.Expires.IsZero() {
		state += ", lost at " + a.Expires.Format(time.RFC3339) + " unless told again"
	}
	line("alert", "%q %s", a.Labels.Get("alertname"), state)
	entity, edges := t.rules.Entity(a.Labels)
	line("entity", "%s", entity)
	for _, e := range edges {
		line("", "%s %s %s", e.From, e.Type, e.To)
	}
	severity := t.rules.Severity(a.Labels)
	line("severity", "%s", severity)
	if !a.Resolved() {
		line("hold", "%s", t.hold(a.Labels, severity))
		for _, e := range t.route(a.Labels, string(entity), a.StartsAt) {
			line("told", "%s", e)
		}
	}
	what := "labels"
	for name, value := range a.Labels.All() {
		line(what, "%s=%q", name, value)
		what = ""
	}
	what = "says"
	for name, value := range a.Annotations.All() {
		line(what, "%s: %s", name, picture.Clean(value))
		what = ""
	}
	if a.GeneratorURL != "" {
		line("link", "%s", a.GeneratorURL)
	}
}

func (t *tried) event(out io.Writer, e *correlate.Event) {
	m := t.rules.Event(e)
	meaning := "says nothing to quell: no rule knows its reason"
	switch {
	case m.Change:
		meaning = "a change, which may be the cause of trouble after it"
	case m.Symptom:
		meaning = "a symptom of severity " + m.Severity.String()
	case len(m.Heals) > 0:
		meaning = "ends what is known of " + strings.Join(m.Heals, ", ")
	case m.Progress:
		meaning = "healing is under way"
	case m.Gone:
		meaning = "the entity is gone"
	}
	_, _ = fmt.Fprintf(out, "  event   %s: %s\n  entity  %s\n  means   %s\n", picture.Clean(e.Reason), picture.Clean(e.Message), e.Entity, meaning)
}

// hold says how long an incident of such an alert alone waits at first.
func (t *tried) hold(l correlate.Labels, severity correlate.Severity) string {
	policy := config.DefaultPolicy()
	if t.config != nil {
		policy = t.config.Policy()
	}
	if severity != correlate.SeverityUnset && severity < correlate.SeverityWarning {
		return "none: information pages nobody"
	}
	if h, ok := t.rules.Hold(l, severity); ok {
		return fmt.Sprintf("%s, %s", model.Duration(h.Hold), h.Why)
	}
	return fmt.Sprintf("%s, the default", model.Duration(policy.WithDefaults().Hold))
}

// route tells who would be told if it escalated at once; nobody knows without a configuration.
func (t *tried) route(l correlate.Labels, root string, at time.Time) []string {
	if t.config == nil {
		return nil
	}
	pairs := []correlate.Label{{Name: "quell_root", Value: root}}
	for name, value := range l.All() {
		pairs = append(pairs, correlate.Label{Name: name, Value: value})
	}
	var list []string
	for _, e := range routing.New(t.config.Routing(), routing.Options{}).Preview(correlate.NewLabels(pairs), at) {
		list = append(list, e.Text)
	}
	return list
}
