package interrupt

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// Programs that do nothing but compute.
var (
	goPrograms = map[string]string{
		"fib":   `func run() int { return fib(32) }; func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }`,
		"sieve": `func run() (n int) { a := make([]bool, 4_000_000); for i := 2; i < len(a); i++ { if !a[i] { n++; for j := 2 * i; j < len(a); j += i { a[j] = true } } }; return n }`,
		"hash":  `func run() int { b := make([]byte, 1<<16); h := uint32(5381); for range 300 { for _, c := range b { h = h*33 + uint32(c) } }; return int(h) }`,
		"sort":  `func run() int { a := make([]int, 500_000); s := uint32(1); for i := range a { s = s*1103515245 + 12345; a[i] = int(s >> 8) }; slices.Sort(a); return a[5] }; var _ = slices.Sort[[]int]`,
	}
	cPrograms = map[string]string{
		"fib":    `int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } int run(void) { return fib(32); }`,
		"sieve":  `static char a[4000000]; int run(void) { int n = 0; memset(a, 0, sizeof a); for (int i = 2; i < 4000000; i++) if (!a[i]) { n++; for (int j = 2 * i; j < 4000000; j += i) a[j] = 1; } return n; }`,
		"hash":   `static unsigned char b[1 << 16]; int run(void) { unsigned h = 5381; for (int r = 0; r < 500; r++) for (int i = 0; i < 1 << 16; i++) h = h * 33 + b[i]; return h; }`,
		"sort":   `static int a[200000]; static int cmp(const void *x, const void *y) { return *(int *)x - *(int *)y; } int run(void) { unsigned s = 1; for (int i = 0; i < 200000; i++) { s = s * 1103515245 + 12345; a[i] = s >> 8; } qsort(a, 200000, 4, cmp); return a[5]; }`,
		"matrix": `static double a[160][160], b[160][160], c[160][160]; int run(void) { for (int r = 0; r < 40; r++) for (int i = 0; i < 160; i++) for (int j = 0; j < 160; j++) { double s = r; for (int k = 0; k < 160; k++) s += a[i][k] * b[k][j]; c[i][j] += s; } return c[3][4]; }`,
	}
	pythonPrograms = map[string]string{
		"fib":  "def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)\nfib(19)",
		"loop": "s = 0\nfor i in range(100000): s += i * i % 7",
		"dict": "d = {}\nfor i in range(25000): d[str(i)] = i\nsum(d.values())",
		"json": "import json\njson.dumps(json.loads('[' + ','.join('{\"a\": %d}' % i for i in range(5000)) + ']'))",
		"re":   "import re\nre.findall(r'(\\w+)@(\\w+)\\.com', 'foo@bar.com and more text here ' * 1000)",
	}
)

// BenchmarkCost runs programs without anything that could stop them (plain), with our checks, and with wazero's way. Its figures are
// how many times as long as plain those take.
func BenchmarkCost(b *testing.B) {
	python, err := os.ReadFile(filepath.Join(runtimetest.DataDir(b), "python", "3.12.0", "python.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	for name, source := range goPrograms {
		wasm := runtimetest.GoCommand(b, "package main\nimport \"slices\"\nfunc main() { println(run()) }\nvar _ = slices.Max[[]int]\n"+source)
		b.Run("go/"+name, func(b *testing.B) { compare(b, wasm) })
	}
	for name, source := range cPrograms {
		b.Run("c/"+name, func(b *testing.B) {
			compare(b, cCommand(b, "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"+source+"\nint main(void) { printf(\"%d\", run()); }"))
		})
	}
	for name, source := range pythonPrograms {
		b.Run("python/"+name, func(b *testing.B) { compare(b, python, "python3", "-c", source) })
	}
}

// cCommand compiles a C program. The benchmark is left out where clang or wasi-libc is missing.
func cCommand(b *testing.B, source string) []byte {
	b.Helper()
	out := filepath.Join(b.TempDir(), "c.wasm")
	cmd := exec.Command("clang", "--target=wasm32-wasi", "--sysroot=/usr", "-O2", "-x", "c", "-o", out, "-")
	cmd.Stdin = strings.NewReader(source)
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Skipf("clang for wasm32-wasi: %v\n%s", err, text)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	return wasm
}

// compare runs a program in each way, one after the other in every round: machines that others use too change their speed over seconds.
func compare(b *testing.B, wasm []byte, args ...string) {
	ways := []struct {
		name  string
		run   func()
		least time.Duration // which other programs on the machine have disturbed least
	}{
		{name: "plain", run: command(b, wasm, prepare.Options{}, false, args)},
		{name: "checks", run: command(b, wasm, prepare.Options{Checks: true}, false, args)},
		{name: "wazero", run: command(b, wasm, prepare.Options{}, true, args)},
	}
	for i := range ways {
		ways[i].run()
		ways[i].least = time.Duration(math.MaxInt64)
	}
	const rounds = 12
	for b.Loop() {
		for range rounds {
			for i := range ways {
				begin := cpuTime()
				ways[i].run()
				ways[i].least = min(ways[i].least, cpuTime()-begin)
			}
		}
	}
	for _, way := range ways[1:] {
		b.ReportMetric(float64(way.least)/float64(ways[0].least), way.name+"/plain")
	}
	b.ReportMetric(0, "ns/op") // of all three together
}

// command returns what runs a command once.
func command(b *testing.B, wasm []byte, o prepare.Options, closeOnDone bool, args []string) func() {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	prepared, err := prepare.Prepare(wasm, o)
	if err != nil {
		b.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(runtimetest.DataDir(b), "cache", "compiled"))
	if err != nil {
		b.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithCloseOnContextDone(closeOnDone).WithCompilationCache(cache))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	if _, err := wasi.Instantiate(ctx, r); err != nil {
		b.Fatal(err)
	}
	compiled, err := r.CompileModule(ctx, prepared.Bytes)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		root := files.NewMounts()
		root.Mount("/dev", files.Devices{})
		p, err := wasi.NewProcess(root)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		var said bytes.Buffer
		p.SetStream(0, &files.Input{})
		p.SetStream(1, &files.Writer{W: io.Discard})
		p.SetStream(2, &files.Writer{W: &said})
		p.Args = append([]string{"guest"}, args[min(1, len(args)):]...)
		ctx := wasi.NewContext(ctx, p)
		mod, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			b.Fatal(err)
		}
		defer mod.Close(ctx)
		p.Begin()
		if _, err := mod.ExportedFunction("_start").Call(ctx); err != nil {
			if code, ok := wasi.IsExit(err); !ok || code != 0 {
				b.Fatalf("%v\n%s", err, &said)
			}
		}
	}
}
