package pyenv

import (
	"context"
	"embed"
	"path"
	"path/filepath"
	"strings"
)

// The scripts behave as those of CPython's venv, with the same names of variables and functions:
// https://docs.python.org/3/library/venv.html#how-venvs-work. Unlike those they quote what they hold, and what they change they change back
// exactly.
//
//go:embed activate
var activate embed.FS

// script is an activate script, and how its language writes a string.
type script struct {
	name    string
	quote   func(string) string
	windows bool // for Windows only
}

var scripts = []script{
	{"activate", quoteSh, false},
	{"activate.fish", quoteFish, false},
	{"activate.csh", quoteCsh, false},
	{"Activate.ps1", quotePowerShell, false},
	{"activate.bat", quoteBatch, true},
	{"deactivate.bat", quoteBatch, true},
}

// SetupScripts writes the scripts that put the environment's programs on PATH, for each kind of shell.
func (b *Builder) SetupScripts(_ context.Context, c *Context) error {
	for _, s := range scripts {
		if s.windows && !b.Python.Windows || b.Python.Windows && s.name == "activate.csh" {
			continue
		}
		text, err := activate.ReadFile(path.Join("activate", s.name))
		if err != nil {
			return err
		}
		content := s.fill(string(text), c, b.Python.Windows)
		if err := writeWhole(filepath.Join(c.BinPath, s.name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fill puts the environment's values into a script.
func (s script) fill(text string, c *Context, windows bool) string {
	cygpath := ""
	if windows {
		// The shell may be one of those that see C:\env as /c/env.
		cygpath = "if command -v cygpath >/dev/null 2>&1; then VIRTUAL_ENV=\"$(cygpath \"$VIRTUAL_ENV\")\"; fi\n"
	}
	text = strings.NewReplacer(
		"@ENV_DIR@", s.quote(c.Target), "@PROMPT@", s.quote(c.Prompt), "@BIN_NAME@", c.BinName, "@CYGPATH@", cygpath,
	).Replace(text)
	if s.windows {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

func quoteSh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func quoteFish(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// quoteCsh keeps "!" from history, which csh looks for in quotes too.
func quoteCsh(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `\!`).Replace(s) + "'"
}

// quotePowerShell doubles quotes, of which PowerShell knows five: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules.
func quotePowerShell(s string) string {
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(s) + "'"
}

// quoteBatch is for between the quotes of set "NAME=value", where "%" alone has a meaning. Paths have no quotes on Windows.
func quoteBatch(s string) string { return strings.NewReplacer("%", "%%", `"`, "").Replace(s) }
