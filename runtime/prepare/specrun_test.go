package prepare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const specV2 = api.CoreFeaturesV2

var specSuites = []struct {
	name     string
	features api.CoreFeatures
	modules  int // fewer that compile than this mean that the test has lost its subject
	calls    int // likewise
}{
	{"v1", api.CoreFeaturesV1, 800, 16000},
	{"v2", specV2, 1600, 48000},
	{"extended-const", specV2 | experimental.CoreFeaturesExtendedConst, 10, 50},
	{"threads", specV2 | experimental.CoreFeaturesThreads, 5, 200},
	{"tail-call", specV2 | experimental.CoreFeaturesTailCall, 5, 50},
	{"exception-handling", specV2 | experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesTypedFunctionReferences, 10, 50},
	{"typed-function-references", specV2 | experimental.CoreFeaturesTypedFunctionReferences | experimental.CoreFeaturesTailCall, 200, 100},
}

// Every command of the specification's test suite comes out the same with the modules as they are and with them prepared: results to the bit,
// traps, and what is refused.
func TestSpecAssertionsComeOutTheSamePrepared(t *testing.T) {
	for _, suite := range specSuites {
		t.Run(suite.name, func(t *testing.T) {
			t.Parallel()
			asserted, failed := 0, 0
			scripts, err := filepath.Glob(filepath.Join(specDir(t), suite.name, "testdata", "*.json"))
			if err != nil || len(scripts) == 0 {
				t.Fatalf("no scripts: %v", err)
			}
			for _, script := range scripts {
				// By version 1, a data segment that does not fit keeps the element segments from being written.
				options := Options{Checks: true, Growth: true, Data: suite.features != api.CoreFeaturesV1}
				original := runScript(t, script, suite.features, func(wasm []byte) ([]byte, []Data, error) { return wasm, nil, nil })
				prepared := runScript(t, script, suite.features, func(wasm []byte) ([]byte, []Data, error) {
					m, err := Prepare(wasm, options)
					if err != nil {
						return nil, nil, err
					}
					return m.Bytes, m.Data, nil
				})
				for i := range original {
					asserted++
					if original[i] != prepared[i] {
						failed++
						t.Errorf("%s:%s\nprepared: %s", filepath.Base(script), original[i], prepared[i])
					}
				}
			}
			t.Logf("%d commands, %d differ", asserted, failed)
			if asserted < suite.calls {
				t.Errorf("only %d commands ran, want at least %d", asserted, suite.calls)
			}
		})
	}
}

type specCommand struct {
	Type, Name, Filename, As string
	Line                     int
	ModuleType               string `json:"module_type"`
	Action                   struct {
		Type, Field, Module string
		Args                []specValue
	}
}

type specValue struct {
	Type     string
	LaneType string `json:"lane_type"`
	Value    any
}

// encode returns a value as wazero takes it.
func (v specValue) encode(t *testing.T) []uint64 {
	if v.Type == "v128" {
		var words [2]uint64
		lanes := v.Value.([]any)
		bits := 128 / len(lanes)
		for i, lane := range lanes {
			words[i*bits/64] |= specNumber(t, lane.(string), bits) << (i * bits % 64)
		}
		return words[:]
	}
	s, ok := v.Value.(string)
	if !ok || s == "null" {
		return []uint64{0}
	}
	n := specNumber(t, s, 64)
	if v.Type == "externref" {
		n++ // 0 is null
	}
	return []uint64{n}
}

func specNumber(t *testing.T, s string, bits int) uint64 {
	t.Helper()
	switch {
	case strings.HasPrefix(s, "nan"):
		if bits == 32 {
			return 0x7fc00000
		}
		return 0x7ff8000000000000
	case strings.HasPrefix(s, "-"):
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(n) & (1<<bits - 1)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// specRun runs one script.
type specRun struct {
	t       *testing.T
	dir     string
	runtime wazero.Runtime
	prepare func([]byte) ([]byte, []Data, error)
	modules map[string]api.Module
	last    api.Module
}

// runScript runs a script and returns what came of each command.
func runScript(t *testing.T, script string, features api.CoreFeatures, prepare func([]byte) ([]byte, []Data, error)) []string {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Commands []specCommand }
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := &specRun{t: t, dir: filepath.Dir(script), prepare: prepare, modules: map[string]api.Module{}}
	r.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
	defer r.runtime.Close(ctx)
	spectest, err := os.ReadFile(filepath.Join(specDir(t), "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.runtime.Instantiate(ctx, spectest); err != nil {
		t.Fatal(err)
	}
	var outcomes []string
	for i := 0; i < len(s.Commands); i++ {
		c := s.Commands[i]
		if c.ModuleType == "text" {
			continue
		}
		var outcome string
		switch c.Type {
		case "module":
			name := ""
			if next := i + 1; next < len(s.Commands) && s.Commands[next].Type == "register" {
				name = s.Commands[next].As
				i++
			}
			outcome = r.instantiate(c, name)
		case "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
			last := r.last
			outcome = r.instantiate(c, "")
			r.last = last
		default:
			outcome = r.act(c)
		}
		outcomes = append(outcomes, fmt.Sprintf("%d: %s %s: %s", c.Line, c.Type, c.Action.Field, outcome))
	}
	return outcomes
}

func (r *specRun) instantiate(c specCommand, name string) string {
	wasm, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx := context.Background()
	wasm, data, err := r.prepare(wasm)
	if err != nil {
		return "refused"
	}
	r.last = nil
	module, err := r.runtime.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName(name))
	if err != nil {
		return "refused"
	}
	for _, d := range data {
		if !module.Memory().Write(d.Offset, d.Bytes) {
			_ = module.Close(ctx)
			return "refused"
		}
	}
	if start := module.ExportedFunction(Start); start != nil {
		if _, err := start.Call(ctx); err != nil {
			_ = module.Close(ctx)
			return "refused"
		}
	}
	r.last = module
	if c.Name != "" {
		r.modules[c.Name] = module
	}
	return "instantiated"
}

func (r *specRun) act(c specCommand) string {
	module := r.last
	if c.Action.Module != "" {
		module = r.modules[c.Action.Module]
	}
	if module == nil {
		return "no module"
	}
	if c.Action.Type == "get" {
		g := module.ExportedGlobal(c.Action.Field)
		if g == nil {
			return "no global"
		}
		return fmt.Sprint(g.Get())
	}
	f := module.ExportedFunction(c.Action.Field)
	if f == nil {
		return "no function"
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.encode(r.t)...)
	}
	results, err := f.Call(context.Background(), args...)
	if err != nil {
		for errors.Unwrap(err) != nil {
			err = errors.Unwrap(err)
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first
	}
	for i, typ := range f.Definition().ResultTypes() {
		if typ != api.ValueTypeF64 && typ != api.ValueTypeF32 && typ != api.ValueTypeI32 && typ != api.ValueTypeI64 {
			if typ == api.ValueTypeExternref || len(results) == i+2 && len(f.Definition().ResultTypes()) == 1 {
				continue // a number of the script's, or a vector
			}
			results[i] = min(results[i], 1) // an address
		}
	}
	return fmt.Sprint(results)
}
