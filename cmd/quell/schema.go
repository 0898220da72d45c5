package main

import (
	"github.com/spf13/cobra"

	"quell/internal/config"
	"quell/internal/strictyaml"
	"quell/rules"
)

func newSchema() *cobra.Command {
	return group(&cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of rule files or of the configuration",
		Long: `Prints a JSON Schema (2020-12), with which editors complete keys, show what each means, and mark mistakes as you type.
It is generated from the code that reads the files, so it always fits this quell. For what takes more than one file to see
(names that lead nowhere, file patterns, rules that never match) run quell check.

Editors that use yaml-language-server (VS Code, Neovim, Helix, Emacs …) use the schema that the file's first line names:

  # yaml-language-server: $schema=rules.schema.json`,
		Example: `  quell schema rules > rules/rules.schema.json
  quell schema config > config.schema.json`,
	},
		newSchemaOf("rules", "Print the JSON Schema of rule files", rules.SchemaTitle, rules.Schema),
		newSchemaOf("config", "Print the JSON Schema of the configuration", config.SchemaTitle, config.Schema))
}

func newSchemaOf(name, short, title string, schema func() (*strictyaml.Schema, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    short + ", which is docs/schema/" + name + ".schema.json of the same version.",
		Example: "  quell schema " + name + " > " + name + ".schema.json",
		Args:    noArguments,
	}
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		s, err := schema()
		if err != nil {
			return err
		}
		text, err := s.Document(title)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	})
}
