package main

import (
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"quell/correlate"
	"quell/correlate/honesty"
	"quell/internal/picture"
)

func newFigures() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "figures",
		Short: "Show what waiting achieved: pages, holds, delay, false suppressions",
		Long: `Asks a running quell what its waiting achieved: which pages were sent and what became of them, which holds gave things time to heal and
which only cost time, and how often quell kept quiet about something that needed a human.

A page is unneeded if its incident cleared and nobody had acknowledged it. The delay of a page that was held counts from when the
incident began, which is when it would have been sent without a hold. A false suppression is trouble that quell kept quiet about and
that needed a human in the end: it came back within the reopen window and then paged or was acknowledged, or an operator says so
(quell incident feedback). quell cannot see harm that nobody tells it about, or trouble that comes back later or elsewhere, so
the rate is a lower bound unless operators say what they know. The interval is Wilson's.`,
		Example: `  quell figures --since 30d
  quell figures --since 24h --class "KubePodNotReady on pod"
  quell figures -o json | jq .false_suppression.rate`,
		Args: noArguments,
	}
	filters := map[string]*string{
		"since": cmd.Flags().String("since", "7d", "count from this `time`, or from this long ago"),
		"until": cmd.Flags().String("until", "", "count until this `time`, or until this long ago; empty is now"),
		"class": cmd.Flags().String("class", "", "only incidents of this `class`, e.g. \"KubePodNotReady on pod\""),
	}
	return ask(cmd, func([]string) (string, error) { return "/api/v1/figures?" + queryOf(filters).Encode(), nil },
		func(out io.Writer, f *honesty.Figures) error {
			_, err := io.WriteString(out, picture.Figures(f))
			return err
		})
}

func newIncidentFeedback() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "feedback ID",
		Short: "Tell quell what it could not know about an incident",
		Long: `Tells quell, during an incident or afterwards, whether it needed a human, what its root really was, or anything else. This changes no
decision, but the figures about waiting take it into account, and it stays with the incident. Who said it, when and from where goes into
the audit log.`,
		Example: `  quell incident feedback inc-7 --should-have-paged --comment "customers called"
  quell incident feedback inc-8 --should-have-paged=false
  quell incident feedback inc-9 --root node/n3`,
		Args: cobra.ExactArgs(1),
	}
	address := urlFlag(cmd)
	by := cmd.Flags().String("by", os.Getenv("USER"), "`name` for the audit log")
	page := cmd.Flags().Bool("should-have-paged", false, "whether a human was needed; leave it out if you do not know")
	root := cmd.Flags().String("root", "", "the `entity` that really was the root")
	notRoot := cmd.Flags().String("not-root", "", "the `entity` that quell took for the root, wrongly")
	comment := cmd.Flags().String("comment", "", "anything else, up to 1024 bytes")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		c, err := newClient(address)
		if err != nil {
			return err
		}
		id, err := incidentID(args[0])
		if err != nil {
			return err
		}
		body := map[string]any{"by": *by, "root": *root, "not_root": *notRoot, "comment": *comment}
		if cmd.Flags().Changed("should-have-paged") {
			body["should_have_paged"] = *page
		}
		var inc correlate.Incident
		if err := c.do(cmd.Context(), http.MethodPost, "/api/v1/incidents/"+id.String()+"/feedback", body, &inc); err != nil {
			return err
		}
		last := &inc.Feedback[max(0, len(inc.Feedback)-1)]
		_, err = io.WriteString(cmd.OutOrStdout(), inc.ID.String()+"  "+picture.Clean(last.String())+"\n")
		return err
	})
}
