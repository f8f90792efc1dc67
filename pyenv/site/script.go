package site

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// maxShebang is how many bytes of a script's first line Linux reads.
const maxShebang = 127

// shebang is the first lines of a script. Where a path cannot be in #!, the shell starts it, as in pip's scripts: its line is a string
// in Python.
func shebang(python string) string {
	if len(python)+3 <= maxShebang && !strings.ContainsAny(python, " \t") {
		return "#!" + python + "\n"
	}
	return "#!/bin/sh\n'''exec' \"" + python + "\" \"$0\" \"$@\"\n' '''\n"
}

// rewritten is a script of a wheel that starts with #!python, for an interpreter.
// https://packaging.python.org/specifications/binary-distribution-format/#recommended-installer-features
func rewritten(script []byte, python string) []byte {
	if !bytes.HasPrefix(script, []byte("#!python")) {
		return script
	}
	_, rest, _ := bytes.Cut(script, []byte("\n"))
	return append([]byte(shebang(python)), rest...)
}

// launcher is the script of an entry point, as pip has it.
func launcher(p wheel.EntryPoint, python string) []byte {
	module, attribute, _ := p.Object()
	first, _, _ := strings.Cut(attribute, ".")
	return fmt.Appendf(nil, `%s# -*- coding: utf-8 -*-
import re
import sys
from %s import %s
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(%s())
`, shebang(python), module, first, attribute)
}

// windowsLauncher starts NAME-script.py, which is beside it. pip has an .exe in its place.
func windowsLauncher(name string) []byte {
	return []byte("@echo off\r\n\"%~dp0python.exe\" \"%~dp0" + strings.ReplaceAll(name, "%", "%%") + "-script.py\" %*\r\n")
}

var versioned = regexp.MustCompile(`^pip[-0-9.]*$`)

// scriptPoints are the entry points that launchers are made for. pip's own wheel is built by another Python than the one that it is
// installed for, and so its names with versions are made anew, as pip itself does.
func (e *Environment) scriptPoints(project string, points []wheel.EntryPoint) []wheel.EntryPoint {
	var scripts []wheel.EntryPoint
	for _, p := range points {
		if !p.Script() {
			continue
		}
		if wheel.NormalName(project) != "pip" || !versioned.MatchString(p.Name) {
			scripts = append(scripts, p)
			continue
		}
		if p.Name != "pip" {
			continue
		}
		names := []string{"pip", "pip3"}
		if e.Minor > 0 {
			names = append(names, fmt.Sprintf("pip3.%d", e.Minor))
		}
		for _, n := range names {
			scripts = append(scripts, wheel.EntryPoint{Group: p.Group, Name: n, Value: p.Value})
		}
	}
	return scripts
}
