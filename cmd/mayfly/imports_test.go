package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportsGoOneWay keeps the layers apart: cmd -> gateway -> runtime -> {host, pyenv, store}, and none of the last three knows
// another.
func TestImportsGoOneWay(t *testing.T) {
	const module = "github.com/mayfly-faas/mayfly/"
	allowed := map[string][]string{
		"cmd":     {"cmd", "gateway", "runtime", "host", "pyenv", "store"},
		"gateway": {"gateway", "runtime", "host"},
		"runtime": {"runtime", "host", "pyenv", "store"},
		"host":    {"host"},
		"pyenv":   {"pyenv"},
		"store":   {"store"},
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages++
		layer, _, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, module), "/")
		if layer == "examples" {
			continue
		}
		if allowed[layer] == nil {
			t.Errorf("%s is in a top-level folder that ARCHITECTURE.md does not have", p.ImportPath)
		}
		for _, i := range append(append(p.Imports, p.TestImports...), p.XTestImports...) {
			to, ok := strings.CutPrefix(i, module)
			if !ok {
				continue
			}
			to, _, _ = strings.Cut(to, "/")
			if !slices.Contains(allowed[layer], to) {
				t.Errorf("%s imports %s: %s must not know %s", p.ImportPath, i, layer, to)
			}
		}
	}
	if packages < 10 {
		t.Errorf("only %d packages were looked at", packages)
	}
}
