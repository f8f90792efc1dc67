package prepare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// The modules of the specification's test suite, as they are in wazero's own tests: what wazero compiles, Prepare accepts, and what
// Prepare makes of it compiles too, with the same imports and exports.
func TestSpecModulesCompileThePreparedWayToo(t *testing.T) {
	for _, suite := range specSuites {
		t.Run(suite.name, func(t *testing.T) {
			t.Parallel()
			r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(suite.features))
			t.Cleanup(func() { _ = r.Close(context.Background()) })
			var compiled, rejected, laxer int
			for _, file := range specModules(t, suite.name) {
				wasm, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				name := filepath.Base(file)
				original, compileErr := r.CompileModule(t.Context(), wasm)
				m, err := Prepare(wasm, Options{Checks: true, Growth: true})
				if compileErr != nil {
					rejected++
					if err == nil {
						laxer++
					}
					continue
				}
				compiled++
				if err != nil {
					t.Errorf("%s: wazero compiles it, and Prepare says: %v", name, err)
					continue
				}
				comparePrepared(t, r, name, original, m)
			}
			t.Logf("%d modules compile; %d do not, of which Prepare accepts %d", compiled, rejected, laxer)
			if compiled < suite.modules {
				t.Errorf("only %d modules compile, want at least %d", compiled, suite.modules)
			}
		})
	}
}

// specDir returns the folder of the suites.
func specDir(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatalf("find wazero's source: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "internal", "integration_test", "spectest")
}

func specModules(t *testing.T, suite string) []string {
	t.Helper()
	pattern := filepath.Join(specDir(t), suite, "testdata", "*.wasm")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules in %s (%v)", pattern, err)
	}
	return files
}

// comparePrepared closes original.
func comparePrepared(t *testing.T, r wazero.Runtime, name string, original wazero.CompiledModule, m *Module) {
	t.Helper()
	ctx := t.Context()
	defer original.Close(ctx)
	prepared, err := r.CompileModule(ctx, m.Bytes)
	if err != nil {
		t.Errorf("%s: the prepared module does not compile: %v", name, err)
		return
	}
	defer prepared.Close(ctx)
	if diff := cmp.Diff(surface(original), surface(prepared), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: functions and memories (-original +prepared):\n%s", name, diff)
	}
	if diff := cmp.Diff(surface(original), ownSurface(m), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: functions and memories (-wazero +Prepare):\n%s", name, diff)
	}
	compareGlobals(t, r, name, original, prepared, m)
}

// compareGlobals instantiates modules that need nothing from outside, since wazero tells of globals only then.
func compareGlobals(t *testing.T, r wazero.Runtime, name string, original, prepared wazero.CompiledModule, m *Module) {
	t.Helper()
	if len(m.Imports) > 0 || m.HasStart {
		return
	}
	ctx := t.Context()
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	before, err := r.InstantiateModule(ctx, original, config)
	if err != nil {
		return // segments that do not fit trap on instantiation
	}
	defer before.Close(ctx)
	after, err := r.InstantiateModule(ctx, prepared, config)
	if err != nil {
		t.Errorf("%s: the prepared module cannot be instantiated, and the original can: %v", name, err)
		return
	}
	defer after.Close(ctx)
	for _, e := range m.Exports {
		if e.Kind != KindGlobal {
			continue
		}
		a, b := before.ExportedGlobal(e.Name), after.ExportedGlobal(e.Name)
		if a == nil || b == nil || a.Type() != b.Type() || isNumber(a.Type()) && a.Get() != b.Get() {
			t.Errorf("%s: global %q is another once prepared", name, e.Name)
		}
	}
	for _, g := range m.Globals {
		global := after.ExportedGlobal(g.Name)
		if _, ok := global.(api.MutableGlobal); !ok {
			t.Errorf("%s: %s is not exported as a mutable global", name, g.Name)
			continue
		}
		if g.Type != Ref && g.Type != RefNull && global.Type() != byte(g.Type) {
			t.Errorf("%s: %s is of type %#x, and Prepare says %#x", name, g.Name, global.Type(), byte(g.Type))
		}
	}
}

// isNumber leaves out references, which are addresses, and on which wazero's Global.String panics.
func isNumber(t api.ValueType) bool { return api.ValueTypeF64 <= t && t <= api.ValueTypeI32 }

func surface(c wazero.CompiledModule) map[string][]string {
	s := map[string][]string{}
	for _, f := range c.ImportedFunctions() {
		mod, name, _ := f.Import()
		s["imported functions"] = append(s["imported functions"], mod+" "+name)
	}
	for _, m := range c.ImportedMemories() {
		mod, name, _ := m.Import()
		s["imported memories"] = append(s["imported memories"], mod+" "+name)
	}
	s["exported functions"] = slices.Sorted(maps.Keys(c.ExportedFunctions()))
	s["exported functions"] = slices.DeleteFunc(s["exported functions"], func(name string) bool { return name == Start })
	s["exported memories"] = slices.Sorted(maps.Keys(c.ExportedMemories()))
	return s
}

func ownSurface(m *Module) map[string][]string {
	s := map[string][]string{"exported functions": nil, "exported memories": nil}
	for _, i := range m.Imports {
		switch i.Kind {
		case KindFunc:
			s["imported functions"] = append(s["imported functions"], i.Module+" "+i.Name)
		case KindMemory:
			s["imported memories"] = append(s["imported memories"], i.Module+" "+i.Name)
		}
	}
	for _, e := range m.Exports {
		switch e.Kind {
		case KindFunc:
			s["exported functions"] = append(s["exported functions"], e.Name)
		case KindMemory:
			s["exported memories"] = append(s["exported memories"], e.Name)
		}
	}
	slices.Sort(s["exported functions"])
	slices.Sort(s["exported memories"])
	return s
}
