package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quell/internal/english"
	"quell/internal/migration"
	"quell/internal/strictyaml"
)

// migrateOptions are the flags of a migration.
type migrateOptions struct {
	output, secrets string
	strict          bool
}

func migrateFlags(cmd *cobra.Command) *migrateOptions {
	o := new(migrateOptions)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "write the configuration to a new `file` instead of standard output")
	cmd.Flags().StringVar(&o.secrets, "secrets-dir", "", "write the credentials that the old file holds to files in this `folder`, readable only by you")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit with status 1 if something could not be carried over")
	return o
}

func newImportAlertmanager() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alertmanager FILE",
		Short: "Convert Alertmanager's configuration into one for quell",
		Long: `Reads alertmanager.yml and writes quell.yml: routes, receivers, time intervals and templates. What is different, or could not be
carried over, is reported on standard error as "file:line:col: what (what to do)", and in comments of the new file. Credentials never go into
the new file but into files of their own: it says which ones to make, or makes them with --secrets-dir. No file is overwritten.`,
		Example: `  quell import alertmanager alertmanager.yml -o quell.yml --secrets-dir secrets
  quell check -c quell.yml`,
		Args: cobra.ExactArgs(1),
	}
	o := migrateFlags(cmd)
	return leaf(cmd, func(cmd *cobra.Command, args []string) error { return migrate(cmd, args[0], o) })
}

// migrate turns one configuration into another.
func migrate(cmd *cobra.Command, name string, o *migrateOptions) error {
	data, err := readOld(cmd, name)
	if err != nil {
		return err
	}
	to := filepath.Dir(cmp.Or(o.output, "quell.yml"))
	from := "."
	if name != "-" {
		from = filepath.Dir(name)
	}
	result, err := migration.Alertmanager(cmp.Or(map[string]string{"-": "stdin"}[name], name), data, migration.Options{Folder: relative(to, from), Secrets: relative(to, o.secrets)})
	if problems, ok := errors.AsType[strictyaml.Problems](err); ok {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), problems.Error())
		return &failureError{statusWrong, nil}
	}
	if err != nil {
		return err
	}
	if o.secrets != "" {
		if err := writeSecrets(o.secrets, result.Secrets); err != nil {
			return err
		}
	}
	if o.output == "" {
		_, err = cmd.OutOrStdout().Write(result.YAML)
	} else {
		err = writeNew(o.output, result.YAML, 0o644)
	}
	if err != nil {
		return err
	}
	report(cmd.ErrOrStderr(), result, o)
	if o.strict && result.Lost() > 0 {
		return &failureError{statusWrong, nil}
	}
	return nil
}

func readOld(cmd *cobra.Command, name string) ([]byte, error) {
	in := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read %w", err) // it names the file
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, strictyaml.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// relative is a path as seen from a folder, or the path itself if that cannot be said.
func relative(folder, path string) string {
	if path == "" {
		return ""
	}
	if rel, err := filepath.Rel(folder, path); err == nil {
		return filepath.ToSlash(rel)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(path)
}

// writeSecrets writes the credentials that are known.
func writeSecrets(folder string, secrets []migration.Secret) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make %w", err)
	}
	for _, s := range secrets {
		if s.Value == "" {
			continue
		}
		if err := writeNew(filepath.Join(folder, s.Name), []byte(s.Value), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a file that is not there yet, or that says just that already.
func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		if there, readErr := os.ReadFile(name); readErr == nil && bytes.Equal(there, data) {
			return nil
		}
		return fmt.Errorf("%s is there already: remove it, or take another name", name)
	}
	if err != nil {
		return fmt.Errorf("write %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// report says what was carried over, what was not, and what is to do.
func report(w io.Writer, r *migration.Result, o *migrateOptions) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	carried := []string{english.Count(r.Routes, "route"), english.Count(r.Receivers, "receiver"), english.Count(r.Intervals, "time interval")}
	if r.Inhibitions > 0 {
		carried = append(carried, english.Count(r.Inhibitions, "inhibit rule"))
	}
	say("carried over: %s\n", strings.Join(carried, ", "))
	for _, lost := range []bool{true, false} {
		first := true
		for _, n := range r.Notes {
			if n.Lost != lost {
				continue
			}
			if first {
				say("\n%s\n", map[bool]string{true: "not carried over, so look at these:", false: "different, with nothing to do at once:"}[lost])
				first = false
			}
			say("  %s\n", n)
		}
	}
	var missing []migration.Secret
	for _, s := range r.Secrets {
		if s.Value == "" || o.secrets == "" {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		say("\nfiles to make, readable by quell alone, each with one credential:\n")
	}
	for _, s := range missing {
		say("  %s  %s\n", s.Path, s.For)
	}
	say("\nnext: quell check -c %s\n", cmp.Or(o.output, "quell.yml"))
}
