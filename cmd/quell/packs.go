package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quell/internal/config"
	"quell/internal/strictyaml"
	"quell/rules/packs"
)

func newPacks() *cobra.Command {
	return group(&cobra.Command{
		Use:   "packs",
		Short: "Read the rule packs that come with quell",
		Long: `Lists the rule packs that come with quell, and prints them. They are ordinary rule files: to change something, copy it
into a file of your own, which takes precedence. The key rules.packs of the configuration says which are in force.`,
		Example: `  quell packs list
  quell packs show kube-prometheus`,
	}, newPacksList(), newPacksShow())
}

// packView is a pack as the list shows it.
type packView struct {
	Name    string `json:"name"`
	Default bool   `json:"default"`
	About   string `json:"about"`
}

func newPacksList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the packs and what they are for",
		Long:    "Lists the packs and what each is for. Those that are on unless the configuration says otherwise are marked as default.",
		Example: `  quell packs list -o json`,
		Args:    noArguments,
	}
	format := formatFlag(cmd, "text", "json")
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text", "json"); err != nil {
			return err
		}
		defaults := config.DefaultPolicy().Packs
		var list []packView
		for _, name := range packs.Names() {
			list = append(list, packView{name, slices.Contains(defaults, name), packs.About(name)})
		}
		if *format == "json" {
			return writeJSON(cmd.OutOrStdout(), map[string]any{"packs": list})
		}
		return packTable(cmd.OutOrStdout(), list)
	})
}

func packTable(out io.Writer, list []packView) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "PACK\tDEFAULT\tABOUT") // errors stick to Flush
	for _, v := range list {
		on := "-"
		if v.Default {
			on = "on"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", v.Name, on, v.About)
	}
	return t.Flush()
}

func newPacksShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show PACK",
		Short:   "Print a pack as a rule file",
		Long:    "Prints a pack exactly as quell reads it: a rule file with comments that say why.",
		Example: `  quell packs show postgres > rules/postgres.yml`,
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: oneArgument(packs.Names()),
	}
	return leaf(cmd, func(cmd *cobra.Command, args []string) error {
		text, ok := packs.Text(args[0])
		if !ok {
			hint := strictyaml.Suggest(args[0], packs.Names())
			if hint == "" {
				hint = "there are " + strings.Join(packs.Names(), ", ")
			}
			return fmt.Errorf("unknown pack %q (%s)", args[0], hint)
		}
		_, err := io.WriteString(cmd.OutOrStdout(), text)
		return err
	})
}
