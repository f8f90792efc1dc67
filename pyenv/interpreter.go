package pyenv

import (
	"fmt"
	"path/filepath"
	"strings"
)

// oldestHost is the N of the oldest CPython 3.N of the host's over which environments are made.
const oldestHost = 8

// sandboxPython is the interpreter of a CPython for WASI as it sees itself: its standard library is looked for in /usr/local/lib.
const sandboxPython = "/usr/local/bin/python3"

// Interpreter is what an environment stands on: a CPython of the host's, as [FindHost] and [ProbeHost] describe it, or a build for WASI, as
// [Base.Interpreter] does.
type Interpreter struct {
	// Version is CPython's, whole: "3.12.0". It is needed.
	Version string
	// Executable is the absolute path of the interpreter as the environment's Python will see it (sys._base_executable). Its folder is
	// home in pyvenv.cfg. It is needed.
	Executable string
	// Resolved is Executable without links, for the key executable of pyvenv.cfg. "" is Executable.
	Resolved string
	// Invoked is sys.executable, with which the key command of pyvenv.cfg begins. "" is Executable.
	Invoked string
	// Program is the file on this machine that the environment's python links to, or is a copy of. "" leaves bin without one.
	Program string
	// Build is the folder of a build for WASI; "" for a CPython of the host's.
	Build string
	// Windows asks for the layout of Windows: Scripts, Lib\site-packages, python.exe.
	Windows bool
	// Lib64 asks for the link lib64 -> lib.
	Lib64 bool
	// Scripts, Include and Purelib are folders of an environment as sysconfig has them in its scheme "venv", relative, with slashes. "" is
	// what CPython has there unless it was patched.
	Scripts, Include, Purelib string
	// Launchers is where CPython on Windows keeps the small programs that are copied as an environment's python.exe.
	Launchers string
}

// Interpreter returns the build as something to make environments over. program is what their python is to be: mayfly, which runs the
// sandboxed CPython when it is called by that name; "" for environments that only a sandbox will see.
func (b Base) Interpreter(program string) Interpreter {
	python := "lib/python" + b.Minor()
	return Interpreter{
		Version: b.Version, Executable: sandboxPython, Program: program, Build: b.Dir,
		Windows: onWindows && program != "", Lib64: hasLib64,
		// The sandbox is POSIX wherever it runs.
		Include: "include/python" + b.Minor(), Purelib: python + "/site-packages",
	}
}

func (p Interpreter) withDefaults() (Interpreter, error) {
	v, err := parseVersion(p.Version)
	if err != nil {
		return p, err
	}
	if v.minor < oldestHost {
		return p, detailf(ErrVersion, "CPython %s is too old: environments are made over CPython 3.%d or newer", p.Version, oldestHost)
	}
	if !p.isAbs(p.Executable) {
		return p, fmt.Errorf("the interpreter of an environment has to be an absolute path, not %q", p.Executable)
	}
	scripts, include, purelib := "bin", fmt.Sprintf("include/python3.%d", v.minor), fmt.Sprintf("lib/python3.%d/site-packages", v.minor)
	if v.minor < 11 { // before there was a scheme for environments
		include = "include"
	}
	if p.Windows {
		scripts, include, purelib = "Scripts", "Include", "Lib/site-packages"
	}
	for _, d := range []struct {
		value *string
		other string
	}{
		{&p.Resolved, p.Executable}, {&p.Invoked, p.Executable},
		{&p.Scripts, scripts}, {&p.Include, include}, {&p.Purelib, purelib},
	} {
		if *d.value == "" {
			*d.value = d.other
		}
	}
	for _, dir := range []string{p.Scripts, p.Include, p.Purelib} {
		if !filepath.IsLocal(filepath.FromSlash(dir)) {
			return p, fmt.Errorf("%q leads out of the environment", dir)
		}
	}
	return p, nil
}

// isAbs and split know the paths of the interpreter's system, which need not be this one's.
func (p Interpreter) isAbs(path string) bool {
	return strings.HasPrefix(path, "/") || p.Windows && len(path) > 2 && path[1] == ':' && strings.ContainsRune(`\/`, rune(path[2]))
}

func (p Interpreter) split(path string) (dir, name string) {
	separators := "/"
	if p.Windows && p.Build == "" {
		separators = `\/`
	}
	i := strings.LastIndexAny(path, separators)
	if dir = path[:i]; dir == "" {
		dir = path[:1]
	}
	return dir, path[i+1:]
}

// names are how the environment's python is called beside its first name.
func (p Interpreter) names() []string {
	v, _ := parseVersion(p.Version) // withDefaults has seen it
	names := []string{"python", "python3"}
	if v.minor > oldestHost { // 3.8 has no python3.8
		names = append(names, fmt.Sprintf("python3.%d", v.minor))
	}
	if v.minor == 14 && p.Build == "" {
		names = append(names, "𝜋thon") // CPython 3.14 has its joke
	}
	return names
}
