package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"quell/internal/app"
	"quell/internal/config"
	"quell/storage"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve -c FILE",
		Short: "Run quell",
		Long: `Takes in alerts and events over HTTP, and pages. It reads its configuration again when the files change, on SIGHUP, and on
POST /-/reload; if anything is wrong with the new one, the old one stays in force, even across a restart. SIGINT and SIGTERM stop it.
What it accepted is on disk, even after a crash.

Exit status 1 means that it could not start or had to stop, and that starting it again may help; 3 means that the store is damaged
or was written by a newer quell, and that a human is needed.`,
		Example: `  quell serve -c quell.yml
  quell serve -c quell.yml --listen 127.0.0.1:9195      # beside one that runs`,
		Args: noArguments,
	}
	path := configFlag(cmd, "the configuration `file`")
	listen := cmd.Flags().String("listen", "", "`address` to listen on instead of server.listen")
	store := cmd.Flags().String("storage", "", "store `file` instead of storage.path; lets quell find its store even if the configuration cannot be read")
	_ = cmd.MarkFlagRequired("config") // fails for unknown flags only
	return leaf(cmd, func(cmd *cobra.Command, _ []string) error {
		reload, stop := hangups()
		defer stop()
		err := app.Run(cmd.Context(), app.Options{
			ConfigPath: *path, Listen: *listen, Storage: *store, Version: buildVersion(), Stderr: cmd.ErrOrStderr(), Reload: reload,
		})
		if problems, ok := errors.AsType[config.Problems](err); ok {
			_, _ = fmt.Fprintln(cmd.ErrOrStderr(), problems.Error())
			return &failureError{statusWrong, nil}
		}
		if errors.Is(err, storage.ErrDamaged) || errors.Is(err, storage.ErrNewer) {
			return &failureError{statusStore, err}
		}
		return err
	})
}

// hangups yields once for each SIGHUP; those that come while one waits are one. stop ends that.
func hangups() (reload <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1) // when full, a reload waits already, and reads what is there then
	signal.Notify(signals, syscall.SIGHUP)
	asked, done := make(chan struct{}), make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			select {
			case <-done:
				return
			case asked <- struct{}{}:
			}
		}
	}()
	return asked, func() {
		signal.Stop(signals)
		close(done)
	}
}
