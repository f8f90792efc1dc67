//go:build unix

package pyenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shell is a shell that can enter an environment.
type shell struct {
	name, script string
	args         []string
	show         string // prints the environment, the prompt, where python is found, and whether deactivate is there
}

const posixShow = `env; printf 'PS1=[%s]\n' "${PS1-none}"; printf 'python=%s\n' "$(command -v python)"; command -v deactivate; true`

var shells = []shell{
	{"bash", "activate", []string{"--norc", "-c"}, posixShow},
	{"dash", "activate", []string{"-c"}, posixShow},
	{"zsh", "activate", []string{"-f", "-c"}, posixShow},
	{"fish", "activate.fish", []string{"--no-config", "-c"}, `env; printf 'PS1=[%s]\n' (fish_prompt | string replace -ra '\e[^m]*m' ''); printf 'python=%s\n' (command -v python); functions -q deactivate; and echo deactivate; true`},
	{"tcsh", "activate.csh", []string{"-f", "-c"}, `env; printf 'PS1=[%s]\n' $prompt:q; printf 'python=%s\n' "` + "`which python`" + `"; alias deactivate | sed 's/^..*/deactivate/'`},
}

// run runs a script in a shell, in which SHOW prints the state, and returns what was printed.
func (s shell) run(t *testing.T, home, script string, env ...string) string {
	t.Helper()
	switch s.name {
	case "tcsh":
		script = "set prompt = '$ '; " + script
	case "fish":
	default: // who runs a script needs no prompt, and bash takes it away
		if !slices.Contains(env, "PS1=") {
			script = "PS1='$ '; export PS1; " + script
		}
	}
	script = strings.ReplaceAll(script, "SHOW", s.show)
	if s.name == "tcsh" || s.name == "fish" { // of which each command is a line
		script = strings.ReplaceAll(script, "; ", "\n")
	}
	if s.name == "fish" {
		script = "function fish_prompt; echo -n '$ '; end\n" + script
	}
	args := append(slices.Clone(s.args), script)
	if s.name == "tcsh" { // reads more than one line from a file only
		file := filepath.Join(t.TempDir(), "script")
		check(t, os.WriteFile(file, []byte(script+"\n"), 0o600))
		args = []string{"-f", file}
	}
	cmd := exec.Command(s.name, args...)
	cmd.Dir = home
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + home, "TERM=xterm"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", s.name, err, script, out)
	}
	lines := strings.Split(string(out), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return regexp.MustCompile(`^(_|SHLVL|PWD|OLDPWD|HOSTTYPE|VENDOR|OSTYPE|MACHTYPE|GROUP|USER|LOGNAME|HOST)=`).MatchString(line)
	})
	return strings.Join(lines, "\n")
}

// parts makes the parts of what run returned comparable.
func parts(text string) (list []string) {
	for part := range strings.SplitSeq(text, "----\n") {
		lines := strings.Split(part, "\n")
		slices.Sort(lines)
		list = append(list, strings.Join(lines, "\n"))
	}
	return list
}

func quoteFor(s shell, text string) string {
	for _, script := range scripts {
		if script.name == s.script {
			return script.quote(text)
		}
	}
	return text
}

func source(s shell, dir string) string {
	return ". " + quoteFor(s, filepath.Join(dir, "bin", s.script))
}

func (s shell) source(dir string) string {
	if s.name == "tcsh" || s.name == "fish" {
		return "source " + quoteFor(s, filepath.Join(dir, "bin", s.script))
	}
	return source(s, dir)
}

func eachShell(t *testing.T, do func(t *testing.T, s shell)) {
	t.Helper()
	for _, s := range shells {
		t.Run(s.name, func(t *testing.T) {
			if _, err := exec.LookPath(s.name); err != nil {
				t.Skipf("%s is not installed", s.name)
			}
			do(t, s)
		})
	}
}

// TestActivateDoesAsCPythons compares what the scripts do to the environment with what those of each CPython do. Those have changed: before 3.10
// there was no VIRTUAL_ENV_PROMPT, before 3.13 it had the brackets of the prompt; csh showed other brackets in 3.8.
func TestActivateDoesAsCPythons(t *testing.T) {
	for v, p := range hostPythons(t) {
		t.Run(v, func(t *testing.T) {
			theirs, ours := pair(t, p, false)
			minor, _ := parseVersion(v)
			eachShell(t, func(t *testing.T, s shell) {
				for _, env := range [][]string{nil, {"PYTHONHOME=/old"}, {"VIRTUAL_ENV_DISABLE_PROMPT=1"}} {
					// Twice, as when one has forgotten that it is active; then left.
					home := t.TempDir()
					do := func(dir string) []string {
						leave := "deactivate"
						if s.name == "tcsh" {
							leave = "eval deactivate" // aliases are seen by what is read after them
						}
						text := s.run(t, home, s.source(dir)+"; SHOW; echo ----; "+s.source(dir)+"; SHOW; echo ----; "+leave+"; SHOW", env...)
						return parts(strings.ReplaceAll(text, dir, "DIR"))
					}
					got, want := do(ours), do(theirs)
					drop := func(list []string, pattern string) {
						for i := range list {
							list[i] = regexp.MustCompile(pattern).ReplaceAllString(list[i], "")
						}
					}
					disabled := len(env) > 0 && strings.HasPrefix(env[0], "VIRTUAL")
					switch {
					case minor.minor < 10, minor.minor < 13 && disabled:
						drop(got, `(?m)^VIRTUAL_ENV_PROMPT=.*\n`)
						drop(want, `(?m)^VIRTUAL_ENV_PROMPT=.*\n`)
					case minor.minor < 13:
						for i := range want {
							want[i] = strings.ReplaceAll(want[i], "VIRTUAL_ENV_PROMPT=(venv) ", "VIRTUAL_ENV_PROMPT=venv")
						}
					}
					if minor.minor == 8 && s.name == "tcsh" {
						for i := range want {
							want[i] = strings.ReplaceAll(want[i], "[venv]", "(venv)")
						}
					}
					equal(t, got, want)
				}
			})
		})
	}
}

// TestDeactivateLeavesAsItWas enters and leaves an environment whose names have what shells take for their own, from a state that is unusual.
func TestDeactivateLeavesAsItWas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's $HOME `id` \"!x\" \\n %d *", "venv")
	p := wasi("3.12.0")
	p.Program = "/bin/true"
	create(t, Builder{Python: p, Prompt: "$(touch pwned) 'a' \"b\" `c` \\ !1 %s"}, dir)
	eachShell(t, func(t *testing.T, s shell) {
		for _, env := range [][]string{nil, {"PS1="}, {"PYTHONHOME=/old"}} {
			home := t.TempDir()
			leave := "deactivate"
			if s.name == "tcsh" {
				leave = "eval deactivate"
			}
			got := parts(s.run(t, home, "SHOW; echo ----; "+s.source(dir)+"; SHOW; echo ----; "+leave+"; SHOW", env...))
			before, within, after := got[0], got[1], got[2]
			equal(t, after, before)
			for _, want := range []string{"VIRTUAL_ENV=" + dir + "\n", "PATH=" + dir + "/bin:/usr/bin:/bin\n", "python=" + dir + "/bin/python\n", "VIRTUAL_ENV_PROMPT=$(touch pwned) 'a' \"b\" `c` \\ !1 %s\n"} {
				if !strings.Contains(within+"\n", want) {
					t.Errorf("there is no %s in\n%s", want, within)
				}
			}
			if _, err := os.Stat(filepath.Join(home, "pwned")); err == nil {
				t.Error("the prompt was run as a command")
			}
		}
	})
}

// TestOneEnvironmentIsLeftForAnother goes from one of CPython's to one of ours and back again: the path of neither stays.
func TestOneEnvironmentIsLeftForAnother(t *testing.T) {
	for _, p := range hostPythons(t) {
		theirs, ours := pair(t, p, false)
		eachShell(t, func(t *testing.T, s shell) {
			home := t.TempDir()
			for _, way := range [][2]string{{theirs, ours}, {ours, theirs}} {
				text := s.run(t, home, s.source(way[0])+"; "+s.source(way[1])+"; SHOW")
				text = strings.ReplaceAll(text, "[venv]", "(venv)") // as some versions have it for csh
				for _, want := range []string{"PATH=" + way[1] + "/bin:/usr/bin:/bin\n", "PS1=[(venv) $ ]"} {
					if !strings.Contains(text, want) {
						t.Errorf("there is no %q in\n%s", want, text)
					}
				}
			}
		})
		return
	}
}
