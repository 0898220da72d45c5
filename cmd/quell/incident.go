package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/internal/picture"
	"quell/web"
)

func newIncident() *cobra.Command {
	return group(&cobra.Command{
		Use:   "incident",
		Short: "Look at the incidents of a running quell, and act on them",
		Long: `Asks a running quell over HTTP. An incident is all the symptoms that one root cause explains. Its id, such as inc-7, is in
every page, message and digest.`,
		Example: `  quell incident list --state held,escalated
  quell incident why inc-7`,
	}, newIncidentList(), newIncidentShow(), newIncidentWhy(), newIncidentPicture(), newIncidentFeedback(), newIncidentCases(),
		newIncidentSilence(),
		newIncidentAct("ack", "acknowledge", "Says that somebody looks at it: the page stops, and it no longer counts as healed by itself."),
		newIncidentAct("resolve", "resolve", "Closes it by hand. Symptoms that still fire reopen it when they begin anew."))
}

func newIncidentList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List incidents, newest first",
		Long: `Lists incidents, newest first: those that are open, those that can still be reopened, and those kept as history. An incident
has to pass all filters.`,
		Example: `  quell incident list --state held             # what may heal by itself
  quell incident list --since 24h --severity critical -o json`,
		Args: noArguments,
	}
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "json")
	limit := cmd.Flags().Int("limit", 50, "how many at most; 0 is all")
	filters := map[string]*string{
		"state":    cmd.Flags().String("state", "", "only these `states`: held, self-healed, escalated, acknowledged, resolved"),
		"entity":   cmd.Flags().String("entity", "", "only those whose root or member is this `entity`"),
		"severity": cmd.Flags().String("severity", "", "only those of this `severity` or worse"),
		"class":    cmd.Flags().String("class", "", "only those of this `class`, e.g. \"KubePodNotReady on pod\""),
		"since":    cmd.Flags().String("since", "", "only those that were open after this `time`, or within this duration"),
		"until":    cmd.Flags().String("until", "", "only those that were opened before this `time`"),
	}
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		if *limit < 0 {
			return usagef("--limit %d is negative", *limit)
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		list, err := c.incidents(cmd.Context(), queryOf(filters), *limit)
		if err != nil {
			return err
		}
		if *format == "json" {
			if list == nil {
				list = []*correlate.Incident{}
			}
			return writeJSON(cmd.OutOrStdout(), map[string]any{"incidents": list})
		}
		return table(cmd.OutOrStdout(), list)
	})
}

// table lists incidents in columns.
func table(out io.Writer, list []*correlate.Incident) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no incidents")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tOPENED\tSEVERITY\tALERTS\tSTATE\tTITLE") // a write error comes back from Flush
	for _, inc := range list {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", inc.ID, stamp(&inc.Opened), inc.Severity,
			inc.Alerts, picture.Clean(picture.State(inc)), picture.Clean(inc.Title))
	}
	return w.Flush()
}

func newIncidentShow() *cobra.Command {
	return incidentView(&cobra.Command{
		Use:   "show ID",
		Short: "Show an incident: root, cascade, timeline",
		Long: `Shows what is known about an incident: its state, its root cause and why that is the root, the cascade as a tree, and
every decision about it.`,
		Example: `  quell incident show inc-7
  quell incident show inc-7 -o json`,
		Args: cobra.ExactArgs(1),
	}, func(id correlate.IncidentID) (string, error) { return "/api/v1/incidents/" + id.String(), nil }, picture.Story)
}

func newIncidentWhy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID",
		Short: "Explain why an incident has its root",
		Long: `Explains an incident: the numbers that put its root first, the path that trouble took from there to each symptom and who reported the
dependencies along it, the other candidates and what speaks against them, what would have made another the root, why quell waited
or did not, and what ended the incident.

The score of a candidate is the product of four factors. Coverage is the share of the symptoms' strength that it explains; each
symptom counts by the chance that trouble travels the path to it and by how well the times fit. Evidence is 1 if the candidate shows
trouble of its own; it is less if what it shows may come from something it depends on, or if it is silent and few of its neighbours
are ill. The prior is that of its kind. A recent change multiplies the score. What would have made another the root is not guessed:
the incident is ranked again with that one thing changed.

An incident that is over is explained with the dependencies that are known now. Once it can no longer be reopened, only its stored
roots, paths and decisions are left.`,
		Example: `  quell incident why inc-7
  quell incident why inc-7 --ascii --width 80
  quell incident why inc-7 -o json | jq '.counterfactuals[] | select(.flips)'`,
		Args: cobra.ExactArgs(1),
	}
	limit := cmd.Flags().Int("limit", web.DefaultExplained, fmt.Sprintf("how many symptoms to explain one by one, at most %d", web.MaxLimit))
	return incidentView(cmd, func(id correlate.IncidentID) (string, error) {
		if *limit < 1 || *limit > web.MaxLimit {
			return "", usagef("--limit %d is not between 1 and %d", *limit, web.MaxLimit)
		}
		return fmt.Sprintf("/api/v1/incidents/%s/why?limit=%d", id, *limit), nil
	}, picture.Why)
}

// incidentView makes a command that shows what quell answers on a path about one incident.
func incidentView[T any](
	cmd *cobra.Command, path func(correlate.IncidentID) (string, error), show func(*T, picture.Options) string,
) *cobra.Command {
	ascii := cmd.Flags().Bool("ascii", false, "draw with ASCII characters")
	width := cmd.Flags().Int("width", 100, "`columns` of a line at most")
	return ask(cmd, func(args []string) (string, error) {
		id, err := incidentID(args[0])
		if err != nil {
			return "", err
		}
		return path(id)
	}, func(out io.Writer, answer *T) error {
		_, err := io.WriteString(out, show(answer, picture.Options{ASCII: *ascii, Width: *width}))
		return err
	})
}

// newIncidentAct makes the command of an operator action.
func newIncidentAct(action, verb, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     action + " ID…",
		Short:   "Have quell " + verb + " incidents",
		Long:    long + " Who did it, when and from where goes into the audit log.",
		Example: fmt.Sprintf("  quell incident %[1]s inc-7\n  quell incident %[1]s inc-7 inc-9 --by alice", action),
		Args:    cobra.MinimumNArgs(1),
	}
	address := urlFlag(cmd)
	by := cmd.Flags().String("by", os.Getenv("USER"), "`name` for the audit log")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		c, err := newClient(address)
		if err != nil {
			return err
		}
		ids := make([]string, len(args))
		for i, arg := range args {
			id, err := incidentID(arg)
			if err != nil {
				return err
			}
			ids[i] = id.String()
		}
		return each(cmd, ids, func(id string) (string, error) {
			var inc correlate.Incident
			err := c.do(cmd.Context(), http.MethodPost, "/api/v1/incidents/"+id+"/"+action, map[string]string{"by": *by}, &inc)
			return fmt.Sprintf("%s %s  %s", inc.ID, inc.State, picture.Clean(inc.Title)), err
		})
	})
}

// incidentID reads an argument; a bare number is fine for people.
func incidentID(arg string) (correlate.IncidentID, error) {
	id, err := correlate.ParseIncidentID(arg)
	if err != nil {
		if id, bare := correlate.ParseIncidentID("inc-" + arg); bare == nil {
			return id, nil
		}
		return 0, &usageError{err.Error()}
	}
	return id, nil
}
