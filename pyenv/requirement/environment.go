package requirement

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Environment is what the variables of markers stand for (PEP 508, "Environment Markers"), and so a kind of target.
type Environment struct {
	OSName                       string `json:"os_name"`
	SysPlatform                  string `json:"sys_platform"`
	PlatformMachine              string `json:"platform_machine"`
	PlatformPythonImplementation string `json:"platform_python_implementation"`
	PlatformRelease              string `json:"platform_release"`
	PlatformSystem               string `json:"platform_system"`
	PlatformVersion              string `json:"platform_version"`
	PythonVersion                string `json:"python_version"`
	PythonFullVersion            string `json:"python_full_version"`
	ImplementationName           string `json:"implementation_name"`
	ImplementationVersion        string `json:"implementation_version"`
}

// WASI is the environment of the sandbox with a CPython of this version: "3.12.0".
func WASI(version string) Environment {
	return Environment{
		OSName: "posix", SysPlatform: "wasi", PlatformMachine: "wasm32", PlatformSystem: "wasi",
		PlatformRelease: "0.0.0", PlatformVersion: "0.0.0",
		PlatformPythonImplementation: "CPython", ImplementationName: "cpython",
		PythonVersion: minor(version), PythonFullVersion: version, ImplementationVersion: version,
	}
}

// minor is "3.12" of "3.12.0rc1".
func minor(version string) string {
	v, err := ParseVersion(version)
	if err != nil {
		return version
	}
	return strings.Join(v.Release()[:min(2, len(v.release))], ".")
}

//go:embed environment.py
var environmentScript string

// Host asks an interpreter of this machine for its environment. It runs for ten seconds at most, isolated from the user's settings (-I). The error
// is [ErrPython].
func Host(ctx context.Context, python string) (Environment, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-I", "-c", environmentScript)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaint, time.Second
	if err := cmd.Run(); err != nil {
		return Environment{}, detailf(ErrPython, "ask %s for its environment: %v %s", python, err, short(complaint.String()))
	}
	var e Environment
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.PythonVersion == "" {
		return Environment{}, detailf(ErrPython, "ask %s for its environment: it answers %q", python, short(out.String()))
	}
	return e, nil
}

// value is what a variable of a single value stands for.
func (e Environment) value(variable string) string {
	switch variable {
	case "os_name":
		return e.OSName
	case "sys_platform":
		return e.SysPlatform
	case "platform_machine":
		return e.PlatformMachine
	case "platform_python_implementation":
		return e.PlatformPythonImplementation
	case "platform_release":
		return e.PlatformRelease
	case "platform_system":
		return e.PlatformSystem
	case "platform_version":
		return e.PlatformVersion
	case "python_version":
		return e.PythonVersion
	case "python_full_version":
		return e.PythonFullVersion
	case "implementation_name":
		return e.ImplementationName
	}
	return e.ImplementationVersion
}

// Chosen is what of a project's optional dependencies was asked for.
type Chosen struct {
	Extras []string // normalized
	Groups []string // normalized; only markers of lock files ask for them (PEP 751)
}

// Holds says whether the marker holds in e with these extras. With several, it holds if it does with one of them, and with none if it does where extra is "": as
// pip has it.
func (m Marker) Holds(e Environment, extras ...string) bool {
	return m.HoldsFor(e, Chosen{Extras: extras})
}

// HoldsFor is [Marker.Holds] for the markers of lock files, which know groups too.
func (m Marker) HoldsFor(e Environment, chosen Chosen) bool {
	if m.root == nil {
		return true
	}
	c := conditions{env: e, chosen: chosen}
	if len(chosen.Extras) == 0 {
		return m.root.holds(&c)
	}
	return slices.ContainsFunc(chosen.Extras, func(extra string) bool {
		c.extra = extra
		return m.root.holds(&c)
	})
}

type conditions struct {
	env    Environment
	extra  string
	chosen Chosen
}

func (n both) holds(c *conditions) bool   { return n.left.holds(c) && n.right.holds(c) }
func (n either) holds(c *conditions) bool { return n.left.holds(c) || n.right.holds(c) }

func (n compare) holds(c *conditions) bool {
	if set := n.right.variable; set == "extras" || set == "dependency_groups" {
		names := c.chosen.Extras
		if set == "dependency_groups" {
			names = c.chosen.Groups
		}
		return slices.Contains(names, Normalize(c.value(n.left))) == (n.op == "in")
	}
	left, right := c.value(n.left), c.value(n.right)
	switch {
	case n.left.variable == "extra" || n.right.variable == "extra":
		left, right = Normalize(left), Normalize(right)
	case n.versions != nil:
		// Only where both sides are versions are they compared as such.
		if v, err := ParseVersion(left); err == nil {
			return n.versions.match(v)
		}
	case n.right.variable != "" && n.op != "in" && n.op != "not in":
		if sp, err := parseSpecifier(n.op + right); err == nil {
			if v, err := ParseVersion(left); err == nil {
				return sp.match(v)
			}
		}
	}
	switch n.op {
	case "==", "===":
		return left == right
	case "!=":
		return left != right
	case "<":
		return left < right
	case "<=":
		return left <= right
	case ">":
		return left > right
	case ">=":
		return left >= right
	case "in":
		return strings.Contains(right, left)
	case "not in":
		return !strings.Contains(right, left)
	}
	return false // ~= of what is no version
}

func (c *conditions) value(o operand) string {
	switch o.variable {
	case "":
		return o.value
	case "extra":
		return c.extra
	}
	return c.env.value(o.variable)
}
