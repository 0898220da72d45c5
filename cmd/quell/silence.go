package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"quell/correlate/silence"
	"quell/correlate/topology"
	"quell/internal/english"
	"quell/internal/picture"
	"quell/web"
)

const silencesPath = "/api/v1/silences"

func newSilence() *cobra.Command {
	return group(&cobra.Command{
		Use:   "silence",
		Short: "Keep alerts, or everything that depends on something, from paging for a while",
		Long: `Asks a running quell to silence something, and shows what is silenced.

Silenced alerts still join their incident, where people can see them. An incident pages only if something in it is still going on and is
not silenced. When a silence ends, whatever is still ill gets the settle time, and then pages. While all of an incident is silenced,
those who were paged for it hear nothing more, except that it is over.

amtool and other tools for Alertmanager's silences work with quell, too.`,
		Example: `  quell silence add --for 2h --comment "new switch" --entity node/n3
  quell silence list`,
	}, newSilenceAdd(), newSilenceList(), newSilenceExpire())
}

// silenceFlags are what the commands that make a silence have in common.
type silenceFlags struct {
	address                    *urlFlags
	lasts, starts, comment, by *string
	force                      *bool
}

func newSilenceFlags(cmd *cobra.Command, lasts, lastsHelp string) silenceFlags {
	return silenceFlags{
		address: urlFlag(cmd),
		lasts:   cmd.Flags().String("for", lasts, lastsHelp),
		starts:  cmd.Flags().String("start", "", "`time` at which it begins, as 2026-05-03T22:00:00Z; otherwise now"),
		comment: cmd.Flags().String("comment", "", "`why`, for whoever sees the silence"),
		by:      cmd.Flags().String("by", os.Getenv("USER"), "`name` that the silence and the audit log show"),
		force:   cmd.Flags().Bool("force", false, "create the silence even if it is too broad"),
	}
}

// make sends a silence that has these flags, and tells what came of it.
func (f *silenceFlags) make(cmd *cobra.Command, asked *web.Silence) error {
	asked.CreatedBy, asked.Comment, asked.Force = *f.by, *f.comment, *f.force
	if *f.lasts != "" {
		d, err := model.ParseDuration(*f.lasts)
		if err != nil {
			return usagef("--for %q is no duration such as 90m, 2h or 1d", *f.lasts)
		}
		asked.Duration = d
	}
	if *f.starts != "" {
		at, err := time.Parse(time.RFC3339, *f.starts)
		if err != nil {
			return usagef("--start %q is no time such as 2026-05-03T22:00:00Z", *f.starts)
		}
		asked.StartsAt = at
	}
	c, err := newClient(f.address)
	if err != nil {
		return err
	}
	var made web.Silence
	if err := c.do(cmd.Context(), http.MethodPost, silencesPath, asked, &made); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s until %s, silences %s\n", made.ID, made.State, stamp(&made.EndsAt), english.Count(made.Alerts, "active alert"))
	return err
}

func newSilenceAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add [MATCHER…]",
		Short: "Silence alerts, or everything that depends on an entity",
		Long: `Silences alerts that fit all the matchers, and that are about one of the entities or something that depends on one.

Matchers are Alertmanager's: alertname=KubePodNotReady, 'team=~"shop|pay"', severity!=critical. An entity is what quell graph shows:
node/n3, service/shop/db, or a whole namespace/shop or cluster/prod-eu. What depends on it is looked up in quell's topology at the moment at
which somebody would be paged: the pods of a node, the callers of a service, and whatever has parts that cannot do without it.

A silence that is too broad is refused, with a list of what it would hit, unless you force it: one that only says what alerts are not, one
on something that half of everything depends on, or one that lasts for weeks.`,
		Example: `  quell silence add alertname=KubePodCrashLooping namespace=shop --for 1h --comment "known bug, fix is under way"
  quell silence add --entity node/n3@prod-eu --for 2h --start 2026-05-03T22:00:00Z --comment "kernel upgrade"
  quell silence add severity=warning --entity service/shop/db --for 30m`,
	}
	flags := newSilenceFlags(cmd, "1h", "how `long` it lasts")
	entities := cmd.Flags().StringArray("entity", nil, "`entity` to silence, with everything that depends on it; may be repeated")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		if len(args)+len(*entities) == 0 {
			return usagef("say what to silence: matchers such as alertname=Down, or --entity node/n3")
		}
		asked := &web.Silence{Matchers: args}
		for _, text := range *entities {
			entity, err := topology.ParseEntity(text)
			if err != nil {
				return &usageError{err.Error()}
			}
			asked.Entities = append(asked.Entities, entity)
		}
		return flags.make(cmd, asked)
	})
}

func newIncidentSilence() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "silence ID",
		Short: "Silence an incident until it is fixed",
		Long: `Silences an incident by its root: what is ill in it now, and everything that depends on the root. The silence survives flapping: it ends when
the incident is over and can no longer be reopened, or after --for, whichever comes first. Anything more severe than what the incident
has now is not silenced, and neither is trouble with another cause.`,
		Example: `  quell incident silence inc-7 --until-fixed --comment "replacement disk arrives on Tuesday"
  quell incident silence inc-7 --for 4h`,
		Args: cobra.ExactArgs(1),
	}
	flags := newSilenceFlags(cmd, "", "how `long` it lasts at most; a week with --until-fixed alone")
	untilFixed := cmd.Flags().Bool("until-fixed", false, "keep it until the incident is over")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		id, err := incidentID(args[0])
		if err != nil {
			return err
		}
		if !*untilFixed && *flags.lasts == "" {
			return usagef("say --until-fixed, or with --for how long it is to last at most")
		}
		return flags.make(cmd, &web.Silence{Incident: id})
	})
}

func newSilenceList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List silences, and open maintenance windows",
		Long: `Lists the silences that are active or pending and the configuration's maintenance windows that are open, with the number of active alerts
that each of them silences now.`,
		Example: `  quell silence list
  quell silence list --expired -o json`,
		Args: noArguments,
	}
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "json")
	expired := cmd.Flags().Bool("expired", false, "also those that have ended, which are kept for some days")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		var answer struct {
			Silences []web.Silence `json:"silences"`
		}
		if err := c.get(cmd.Context(), silencesPath, &answer); err != nil {
			return err
		}
		shown := []web.Silence{}
		for _, s := range answer.Silences {
			if *expired || s.State != silence.Expired {
				shown = append(shown, s)
			}
		}
		if *format == "json" {
			return writeJSON(cmd.OutOrStdout(), map[string]any{"silences": shown})
		}
		return silenceTable(cmd.OutOrStdout(), shown)
	})
}

// silenceTable lists silences in columns.
func silenceTable(out io.Writer, list []web.Silence) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no silences")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tSTATE\tUNTIL\tALERTS\tBY\tABOUT\tCOMMENT") // a write error comes back from Flush
	for k := range list {
		s := &list[k]
		state, until := s.State.String(), stamp(&s.EndsAt)
		if s.State == silence.Pending {
			until = stamp(&s.StartsAt) + " – " + until
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.ID, state, until, s.Alerts, picture.Clean(s.CreatedBy), picture.Clean(about(s)), picture.Clean(s.Comment))
	}
	return w.Flush()
}

// about says in a few words what a silence is about.
func about(s *web.Silence) string {
	words := s.Matchers
	for _, entity := range s.Entities {
		words = append(words, string(entity))
	}
	if s.Incident != 0 {
		words = append(words, fmt.Sprintf("%s until fixed (%s)", s.Incident, cmp.Or(string(s.Root), "no root")))
	}
	return strings.Join(words, " ")
}

func newSilenceExpire() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "expire ID…",
		Short: "End silences",
		Long:  "Ends silences now. Whatever is still ill gets the settle time, and then pages. Maintenance windows are ended in the configuration.",
		Example: `  quell silence expire 5b1f6d0e-3c43-4d31-a2a5-6d2c1d1c0a52
  quell silence list -o json | jq -r '.silences[] | select(.created_by=="ada").id' | xargs quell silence expire`,
		Args: cobra.MinimumNArgs(1),
	}
	address := urlFlag(cmd)
	by := cmd.Flags().String("by", os.Getenv("USER"), "`name` for the audit log")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		c, err := newClient(address)
		if err != nil {
			return err
		}
		return each(cmd, args, func(id string) (string, error) {
			var ended web.Silence
			err := c.do(cmd.Context(), http.MethodDelete, silencesPath+"/"+url.PathEscape(id), map[string]string{"by": *by}, &ended)
			return fmt.Sprintf("%s  %s", ended.ID, ended.State), err
		})
	})
}
