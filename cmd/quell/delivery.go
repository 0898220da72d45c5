package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quell/internal/picture"
	"quell/web"
)

func newDelivery() *cobra.Command {
	return group(&cobra.Command{
		Use:   "delivery",
		Short: "Look at deliveries on their way to receivers, and at those that failed",
		Long: `Asks a running quell over HTTP for its deliveries: each is one message to one integration of a receiver. Those that a receiver
refused for good or did not accept in time are kept as dead letters, and can be tried again once the cause is fixed.`,
		Example: `  quell delivery list
  quell delivery retry --all --receiver oncall`,
	}, newDeliveryList(), newDeliveryShow(), newDeliveryRetry())
}

// deliveryPage is an answer of the API.
type deliveryPage struct {
	Deliveries   []web.Delivery    `json:"deliveries"`
	Next         string            `json:"next,omitempty"`
	Integrations []web.Integration `json:"integrations"`
}

// deliveries asks for all of a state, page by page, at most limit (0: all).
func (c *client) deliveries(ctx context.Context, state, receiver string, limit int) (*deliveryPage, error) {
	all := &deliveryPage{Deliveries: []web.Delivery{}}
	query := url.Values{"state": {state}}
	if receiver != "" {
		query.Set("receiver", receiver)
	}
	for {
		most := web.MaxLimit
		if limit > 0 {
			most = min(most, limit-len(all.Deliveries))
		}
		query.Set("limit", strconv.Itoa(most))
		var page deliveryPage
		if err := c.get(ctx, "/api/v1/deliveries?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		all.Deliveries = append(all.Deliveries, page.Deliveries...)
		all.Integrations, all.Next = page.Integrations, page.Next
		if page.Next == "" || limit > 0 && len(all.Deliveries) >= limit {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

func newDeliveryList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deliveries that are waiting or were given up, and the state of each receiver",
		Long: `Prints one line for each integration (whether quell is sending to it, and how much is waiting), and then the deliveries that have not
been accepted yet, oldest first, with the outcome of the last attempt. With --dead, lists those that were given up.`,
		Example: `  quell delivery list
  quell delivery list --dead --receiver oncall -o json`,
		Args: noArguments,
	}
	address := urlFlag(cmd)
	format := formatFlag(cmd, "text", "json")
	dead := cmd.Flags().Bool("dead", false, "list what was given up")
	pending := cmd.Flags().Bool("pending", false, "list what is waiting (the default)")
	receiver := cmd.Flags().String("receiver", "", "only those to the receiver of this `name`")
	limit := cmd.Flags().Int("limit", 50, "how many at most; 0 is all")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		switch {
		case *dead && *pending:
			return usagef("either --dead or --pending, not both")
		case *limit < 0:
			return usagef("--limit %d is negative", *limit)
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		state := web.DeliveryPending
		if *dead {
			state = web.DeliveryDead
		}
		page, err := c.deliveries(cmd.Context(), state, *receiver, *limit)
		if err != nil {
			return err
		}
		if *format == "json" {
			return writeJSON(cmd.OutOrStdout(), page)
		}
		if err := integrationTable(cmd.OutOrStdout(), page.Integrations, *receiver); err != nil {
			return err
		}
		return deliveryTable(cmd.OutOrStdout(), page, state)
	})
}

// integrationTable lists integrations in columns, those of a receiver if that is not empty.
func integrationTable(out io.Writer, list []web.Integration, receiver string) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no receiver has an integration")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "RECEIVER\tINTEGRATION\tSTATE\tPENDING\tOLDEST\tDEAD\tLAST ERROR") // a write error comes back from Flush
	for i := range list {
		if v := &list[i]; receiver == "" || v.Receiver == receiver {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d\t%s\n", v.Receiver, v.Integration, integrationState(v), v.Pending, stamp(v.Oldest), v.Dead, orDash(v.Error))
		}
	}
	return w.Flush()
}

func integrationState(v *web.Integration) string {
	switch v.Breaker {
	case "open":
		return fmt.Sprintf("ill since %s, next try %s", stamp(v.OpenSince), stamp(v.RetryAt))
	case "half-open":
		return fmt.Sprintf("ill since %s, being tried", stamp(v.OpenSince))
	}
	switch {
	case v.RetryAt != nil:
		return "asked for patience until " + stamp(v.RetryAt)
	case v.Failures > 0:
		return fmt.Sprintf("failing (%d in a row)", v.Failures)
	}
	return "well"
}

// deliveryTable lists deliveries in columns.
func deliveryTable(out io.Writer, page *deliveryPage, state string) error {
	if len(page.Deliveries) == 0 {
		_, err := fmt.Fprintf(out, "\nno deliveries are %s\n", state)
		return err
	}
	when := "NEXT TRY"
	if state == web.DeliveryDead {
		when = "GIVEN UP"
	}
	_, _ = fmt.Fprintln(out) // a write error comes back from Flush
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "ID\tCREATED\tRECEIVER\tINTEGRATION\tACTION\tINCIDENT\tATTEMPTS\t%s\tERROR\n", when)
	for i := range page.Deliveries {
		d := &page.Deliveries[i]
		incident, at := "-", d.NextAttempt
		if d.Incident != 0 {
			incident = d.Incident.String()
		}
		if state == web.DeliveryDead {
			at = d.Died
		}
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, stamp(&d.Created), d.Receiver, d.Integration, d.Action, incident,
			d.Attempts, stamp(at), orDash(d.Error))
	}
	if err := w.Flush(); err != nil || page.Next == "" {
		return err
	}
	_, err := fmt.Fprintln(out, "there are more: --limit 0 shows all")
	return err
}

func newDeliveryShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a delivery: what, to whom, and why it has not arrived",
		Long:    "Shows everything known about a delivery that is waiting or was given up.",
		Example: "  quell delivery show 4194305",
		Args:    cobra.ExactArgs(1),
	}
	return ask(cmd, func(args []string) (string, error) {
		id, err := deliveryID(args[0])
		return "/api/v1/deliveries/" + id, err
	}, deliveryStory)
}

// deliveryID checks an id on the command line.
func deliveryID(text string) (string, error) {
	if _, err := strconv.ParseUint(text, 10, 64); err != nil {
		return "", usagef("%q is no id of a delivery: quell delivery list shows them", text)
	}
	return text, nil
}

func deliveryStory(out io.Writer, d *web.Delivery) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" && value != "-" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, picture.Clean(value)) // a write error comes back from Flush
		}
	}
	line("delivery", fmt.Sprintf("%d, %s", d.ID, d.State))
	line("what", d.Action)
	line("to", d.Receiver+"/"+d.Integration)
	if d.Incident != 0 {
		line("incident", fmt.Sprintf("%s: %s", d.Incident, d.Title))
	}
	line("text", d.Text)
	line("why", d.Reason)
	line("key", d.Key)
	line("created", stamp(&d.Created))
	line("attempts", strconv.Itoa(d.Attempts))
	line("error", d.Error)
	line("next try", stamp(d.NextAttempt))
	line("given up", stamp(d.Died))
	if d.Died == nil {
		line("given up at", stamp(&d.Expires))
	}
	return w.Flush()
}

func newDeliveryRetry() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry ID…|--all",
		Short: "Try dead letters again",
		Long: `Tries deliveries again that were given up, with what there is to say now. A page is refused, with the reason, if its incident is over or
somebody has acknowledged it since, unless you insist with --force. Then nothing more is sent about it, so it has to be closed by
hand at the receiver.`,
		Example: `  quell delivery retry 4194305
  quell delivery retry --all --receiver oncall`,
	}
	address := urlFlag(cmd)
	all := cmd.Flags().Bool("all", false, "try all dead letters again")
	receiver := cmd.Flags().String("receiver", "", "with --all, only those to the receiver of this `name`")
	force := cmd.Flags().Bool("force", false, "try even those that have nothing to say any more")
	by := cmd.Flags().String("by", os.Getenv("USER"), "`name` for the audit log")
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		switch {
		case *all == (len(args) > 0):
			return usagef("say which: ids, or --all")
		case *receiver != "" && !*all:
			return usagef("--receiver goes with --all")
		}
		for _, id := range args {
			if _, err := deliveryID(id); err != nil {
				return err
			}
		}
		c, err := newClient(address)
		if err != nil {
			return err
		}
		if *all {
			page, err := c.deliveries(cmd.Context(), web.DeliveryDead, *receiver, 0)
			if err != nil {
				return err
			}
			for i := range page.Deliveries {
				args = append(args, strconv.FormatUint(page.Deliveries[i].ID, 10))
			}
		}
		if len(args) == 0 {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are no dead letters")
			return err
		}
		return each(cmd, args, func(id string) (string, error) {
			var answer struct {
				ID uint64 `json:"id"`
			}
			body := map[string]any{"by": *by, "force": *force}
			err := c.do(cmd.Context(), http.MethodPost, "/api/v1/deliveries/"+id+"/retry", body, &answer)
			return fmt.Sprintf("%s is tried again as %d", id, answer.ID), err
		})
	})
}
