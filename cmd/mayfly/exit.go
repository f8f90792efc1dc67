package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bundle"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
	"github.com/mayfly-faas/mayfly/pyenv/site"
	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

// exit is one exit code and what leads to it.
type exit struct {
	code  int
	means string
	errs  []error
	kinds []string // of the server's problems
}

// exits says which exit code each error leads to, first match first, and tells users so. Scripts decide by the codes: none ever
// changes its meaning.
var exits = []exit{
	{code: 0, means: "done"},
	{code: 130, means: "interrupted", errs: []error{context.Canceled}},
	{
		code: 2, means: "wrong command, flag, argument, requirement or configuration file",
		errs: []error{errUsage, requirement.ErrRequirement, requirement.ErrOption, requirement.ErrEditable, requirement.ErrInclude, requirement.ErrProject, pylock.ErrLock, index.ErrSource},
	},
	{
		code: 3, means: "not found: no function, version, package or CPython of that name",
		errs: []error{pyenv.ErrNoPython, site.ErrNotInstalled}, kinds: []string{"not-found", "no-such-resource"},
	},
	{code: 5, means: "no Mayfly server answers at that address", errs: []error{client.ErrUnreachable}},
	{
		code: 6, means: "the function failed, timed out, ran out of memory, or answered with a status of 400 or above",
		errs: []error{client.ErrAnswer}, kinds: []string{"function-failed", "timeout", "out-of-memory"},
	},
	{
		code: 4, means: "refused: an artifact that cannot be deployed, a wrong token, a limit that was met, a CPython that is in use, a folder that is no environment, packages that do not go together or are not what they should be",
		errs: []error{
			bundle.ErrRefused, errInUse, pyenv.ErrSource, pyenv.ErrVersion, pyenv.ErrDigest, pyenv.ErrInstalled, pyenv.ErrNotVenv, site.ErrNotEnvironment, site.ErrConflict,
			site.ErrOutside, site.ErrNoRecord, resolve.ErrConflict, resolve.ErrHashes, index.ErrHash, index.ErrMetadata, pylock.ErrTarget, wheelstore.ErrDigest, wheelstore.ErrBusy,
			wheel.ErrUnsafe, wheel.ErrLimit, wheel.ErrFormat, wheel.ErrRecord, wheel.ErrMismatch, wheel.ErrUnsupported,
		}, kinds: []string{"no-python"},
	},
	{code: exitFailed, means: "failed in any other way"},
}

const (
	exitFailed  = 1
	exitRefused = 4
)

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	problem, refused := errors.AsType[*client.Problem](err)
	for _, e := range exits {
		if slices.ContainsFunc(e.errs, func(target error) bool { return errors.Is(err, target) }) ||
			refused && slices.Contains(e.kinds, problem.Kind()) {
			return e.code
		}
	}
	if refused && problem.Status/100 == 4 {
		return exitRefused
	}
	return exitFailed
}

func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Exit codes of mayfly:\n\n")
	for _, e := range slices.SortedFunc(slices.Values(exits), func(x, y exit) int { return x.code - y.code }) {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.means)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: strings.TrimSuffix(b.String(), "\n")}
}

// errUsage is what every usageError is.
var errUsage = errors.New("wrong usage")

// usageError is a mistake in the command line or in the configuration.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Unwrap() error { return errUsage }

// usage makes a usageError for a command, whose help it points at. Cmd is nil where the help does not help.
func usage(cmd *cobra.Command, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if cmd != nil {
		text += fmt.Sprintf("\nsee: %s --help", cmd.CommandPath())
	}
	return &usageError{text}
}

// printError tells the user of an error, with the function's traceback where there is one.
func printError(w io.Writer, err error) {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintln(w, "mayfly:", printable(text))
	problem, ok := errors.AsType[*client.Problem](err)
	if !ok {
		return
	}
	if problem.Trace != "" {
		fmt.Fprintln(w, printable(strings.TrimRight(problem.Trace, "\n")))
	}
	if problem.Status/100 == 5 && problem.RequestID != "" {
		fmt.Fprintln(w, "request id:", printable(problem.RequestID))
	}
}

// printable replaces what could make a terminal do more than show text: functions, whoever wrote them, choose what they print.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
