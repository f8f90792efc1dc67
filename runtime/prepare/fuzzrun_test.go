package prepare

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// What Prepare accepts wazero compiles prepared if, and only if, it compiles it as it is: what is added gives no meaning to what has none. Functions without
// parameters come to the same results, where they come to any.
func FuzzPreparedModulesDoTheSame(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(specDir(f), "v2", "testdata", "*.wasm"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no modules: %v", err)
	}
	for i, file := range files {
		if wasm, err := os.ReadFile(file); err == nil && len(wasm) < 2000 && i%7 == 0 {
			f.Add(wasm)
		}
	}
	f.Add(sizes)
	f.Add(wasm)
	features := api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst
	newRuntime := func() wazero.Runtime {
		config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithCloseOnContextDone(true).WithMemoryLimitPages(16)
		return wazero.NewRuntimeWithConfig(context.Background(), config)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := Prepare(in, Options{Checks: true, Growth: true, Data: true})
		if err != nil {
			return // wazero might end this program: it allocates what a module announces
		}
		plain, err := Prepare(in, Options{}) // without custom sections, of which wazero reads some
		if err != nil {
			t.Fatal(err)
		}
		if before, after := compiles(newRuntime(), plain.Bytes), compiles(newRuntime(), m.Bytes); (before == nil) != (after == nil) {
			t.Fatalf("as it is: %v; prepared: %v", before, after)
		}
		before, ended := results(newRuntime(), in, nil)
		if !ended {
			return
		}
		after, ended := results(newRuntime(), m.Bytes, m.Data)
		if !ended {
			t.Fatalf("it ends with %v, and prepared not at all", before)
		}
		if !slices.Equal(before, after) {
			t.Fatalf("it ends with %v, and prepared with %v", before, after)
		}
	})
}

// compiles returns what is wrong with a module.
func compiles(r wazero.Runtime, wasm []byte) error {
	defer r.Close(context.Background())
	_, err := r.CompileModule(context.Background(), wasm)
	return err
}

// results calls each exported function without parameters and says what came of it. It is false where the module cannot be instantiated
// or takes too long.
func results(r wazero.Runtime, wasm []byte, data []Data) (all []string, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	defer r.Close(context.Background())
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil || len(compiled.ImportedFunctions()) > 0 || len(compiled.ImportedMemories()) > 0 {
		return nil, false
	}
	mod, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, false
	}
	for _, d := range data {
		if !mod.Memory().Write(d.Offset, d.Bytes) {
			return nil, false
		}
	}
	names := []string{}
	for name, def := range compiled.ExportedFunctions() {
		if len(def.ParamTypes()) == 0 && name != Start {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if start := mod.ExportedFunction(Start); start != nil {
		names = append([]string{Start}, names...)
	}
	for _, name := range names {
		values, err := mod.ExportedFunction(name).Call(ctx)
		if ctx.Err() != nil {
			return nil, false
		}
		if name == Start {
			if err != nil {
				return nil, false
			}
			continue
		}
		if def := mod.ExportedFunction(name).Definition(); len(def.ResultTypes()) == 1 && def.ResultTypes()[0] != api.ValueTypeI32 && def.ResultTypes()[0] != api.ValueTypeI64 {
			values = nil // addresses, and NaNs of any kind
		}
		all = append(all, fmt.Sprint(name, values, err != nil))
	}
	return all, true
}
