package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// consoleBlock is a command in a document, with what it prints. "| head -N" or "| tail -N" may stand behind it.
var consoleBlock = regexp.MustCompile("(?s)```console\n\\$ quell ([^\n]*)\n(.*?)```\n")

// took is the one figure of a replay, or of tests, that is never the same twice.
var took = regexp.MustCompile(`(?m)\d+\.\d{3}( s\))?$`)

// TestCommandsInDocumentsPrintWhatTheySay runs each command of some documents, in the folder of the repository. With -update what they
// print is written into the document.
func TestCommandsInDocumentsPrintWhatTheySay(t *testing.T) {
	t.Chdir("../..")
	for _, doc := range []string{"docs/healing.md", "docs/migrating.md", "docs/testing-rules.md", "docs/webhooks.md"} {
		t.Run(doc, func(t *testing.T) { checkCommands(t, doc) })
	}
}

func checkCommands(t *testing.T, doc string) {
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	fresh := consoleBlock.ReplaceAllFunc(text, func(block []byte) []byte {
		commands++
		parts := consoleBlock.FindSubmatch(block)
		return fmt.Appendf(nil, "```console\n$ quell %s\n%s```\n", parts[1], printed(t, string(parts[1])))
	})
	if commands == 0 {
		t.Fatal("it shows no command")
	}
	if *update {
		if err := os.WriteFile(doc, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), string(fresh)); diff != "" {
		t.Errorf("%s (-says +prints; run with -update and read the diff):\n%s", doc, diff)
	}
}

// printed is what a command prints, without blanks at the end.
func printed(t *testing.T, command string) string {
	t.Helper()
	command, part, cut := strings.Cut(command, " | ")
	var stdout bytes.Buffer // and what goes to standard error: a terminal shows both
	if status := run(strings.Fields(command), strings.NewReader(""), &stdout, &stdout); status != statusFine {
		t.Fatalf("quell %s: status %d, %s", command, status, &stdout)
	}
	lines := strings.Split(strings.TrimSpace(took.ReplaceAllString(stdout.String(), "0.100$1")), "\n")
	if cut {
		end, count, _ := strings.Cut(part, " -")
		n, err := strconv.Atoi(count)
		switch n = min(n, len(lines)); {
		case err == nil && end == "head":
			lines = lines[:n]
		case err == nil && end == "tail":
			lines = lines[len(lines)-n:]
		default:
			t.Fatalf("%q is neither head -N nor tail -N", part)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
}
