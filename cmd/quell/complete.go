package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// noArguments refuses arguments, and says how to give the file that is most likely meant: promtool and amtool take it without a flag.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.Flags().Lookup("config") != nil && (strings.HasSuffix(args[0], ".yml") || strings.HasSuffix(args[0], ".yaml")) {
		return usagef("%s takes the configuration by a flag: %[1]s -c %s", cmd.CommandPath(), args[0])
	}
	return usagef("%s takes flags only, got %q", cmd.CommandPath(), args[0])
}

// oneArgument completes the only argument of a command by words, and not by files.
func oneArgument(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// flagOf completes the value of a flag by words, and not by files.
func flagOf(cmd *cobra.Command, flag string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails for unknown flags only
}
