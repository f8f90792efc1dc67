package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// app is what all subcommands share: where they read and write, and the flags that lead to a server.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	connection     connection
}

// run runs one command line and returns its exit code. It is the only place that prints errors.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		printError(stderr, err)
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mayfly",
		Short: "A self-hosted serverless runtime",
		Long: `mayfly runs functions: a WebAssembly module or a Python file, deployed with one
command and called over HTTP, each request in a sandbox of its own.

  mayfly python install            once, for functions in Python
  mayfly serve                     the server
  mayfly deploy examples/python/hello
  mayfly invoke hello --data '{"name":"Ada"}'

The commands that speak to a server find it by --url and --token, else by MAYFLY_URL and
MAYFLY_TOKEN, else by url and token in the file config.toml in the folder mayfly of your
configuration folder (another file: --config, MAYFLY_CONFIG), else at ` + defaultURL + `.

Exit codes are listed by: mayfly help exit-codes`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSubcommand,
		RunE:          showHelp,
	}
	a.connection.addFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		a.serveCommand(), a.deployCommand(), a.invokeCommand(), a.listCommand(), a.describeCommand(), a.versionsCommand(),
		a.rollbackCommand(), a.logsCommand(), a.deleteCommand(), a.pythonCommand(), a.venvCommand(), a.pipCommand(), a.benchCommand(), a.demoCommand(),
		a.versionCommand(), exitCodesTopic(),
	)
	return root
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// jsonFlag adds --json to a command.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON instead of a table")
}

// isTerminal reports whether w is a terminal, on which progress may be shown.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// noSubcommand refuses what is no subcommand of a command that has some, and suggests the nearest.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(cmd, "unknown command %.80q%s", args[0], didYouMean("", suggestions(cmd, args[0])))
}

// positional takes as many arguments as names, which are how the help calls them. Names in brackets may be left out.
func positional(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return usage(cmd, "%.80q is one argument too many: %s", args[len(names)], cmd.UseLine())
		}
		for _, name := range names[len(args):] {
			if !strings.HasPrefix(name, "[") {
				return usage(cmd, "%s is missing: %s", name, cmd.UseLine())
			}
		}
		return nil
	}
}

func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return usage(cmd, "%v", err)
	}
	name := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return usage(cmd, "unknown flag -%s", name)
	}
	// Cobra knows the nearest only among commands.
	flags := &cobra.Command{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return usage(cmd, "unknown flag --%s%s", name, didYouMean("--", suggestions(flags, name)))
}

func suggestions(cmd *cobra.Command, word string) []string {
	cmd.SuggestionsMinimumDistance = 2
	return cmd.SuggestionsFor(word)
}

func didYouMean(prefix string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf(": did you mean %s%s?", prefix, strings.Join(words, " or "+prefix))
}
