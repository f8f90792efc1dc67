package wasi_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
)

// wazero's module brings guests by which its own WASI is tested, made by the tools of several languages, and one in Go as source.
// They print what they find, and here they shall print what they do there. What a sandbox does not have is in
// TestGuestsAreToldWhatASandboxHasNot. Not run are those in the module that import what nobody provides here (emscripten/grow,
// bench/case, allocation/greet, pthread), libraries without _start, and those that are not there: libsodium's and Zig's standard
// library are fetched by wazero's own build.
const (
	wasiTests = "imports/wasi_snapshot_preview1/testdata/"
	catTests  = "imports/wasi_snapshot_preview1/example/testdata/"
	commands  = "cmd/wazero/testdata/"
)

// languages have a guest each that does what its first argument says. Go's is compiled here, and is there without the race detector only.
var languages = map[string]string{
	"C": wasiTests + "zig-cc/wasi.wasm", "Rust": wasiTests + "cargo-wasi/wasi.wasm", "TinyGo": wasiTests + "tinygo/wasi.wasm", "Zig": wasiTests + "zig/wasi.wasm",
}

// wazeroGuests compiles the guests of wazero's module, each once.
type wazeroGuests struct {
	dir  string
	made map[string]*guest
	ran  int
}

func findWazeroGuests(t *testing.T) *wazeroGuests {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find wazero's source: %v", err)
	}
	g := &wazeroGuests{dir: strings.TrimSpace(string(dir)), made: map[string]*guest{}}
	t.Cleanup(func() { t.Logf("%d guests, run %d times", len(g.made), g.ran) })
	return g
}

// do runs a guest, which is named by its file in wazero's module. The test that compiled it must not have ended.
func (g *wazeroGuests) do(t *testing.T, file string, r run) (string, error) {
	t.Helper()
	g.ran++
	return g.made[file].do(t.Context(), t, r)
}

// make compiles guests for the tests beneath t.
func (g *wazeroGuests) make(t *testing.T, guests ...string) {
	t.Helper()
	for _, file := range guests {
		name := filepath.Join(g.dir, filepath.FromSlash(file))
		if strings.HasSuffix(file, ".go") {
			// It does not run for as long as it would take to compile.
			g.made[file] = newGuestOn(t, wazero.NewRuntimeConfigInterpreter(), buildGo(t, "build", name))
			continue
		}
		wasm, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		g.made[file] = newGuest(t, wasm)
	}
}

// tree is what the guests list: folders with what is in them; what is a folder itself ends in a slash.
type tree map[string][]string

func (tr tree) onDisk(t *testing.T) wasi.FS {
	t.Helper()
	dir := t.TempDir()
	for folder, names := range tr {
		for _, name := range names {
			path := filepath.Join(dir, folder, name)
			err := os.MkdirAll(path, 0o700)
			if !strings.HasSuffix(name, "/") {
				err = errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return files.NewReadOnly(root.FS())
}

func (tr tree) inMemory(t *testing.T) wasi.FS {
	t.Helper()
	temp := files.NewTemp("/", 8<<20)
	for _, folder := range slices.Sorted(maps.Keys(tr)) {
		if folder != "." {
			temp.MakeDir(folder)
		}
		for _, name := range tr[folder] {
			name, isDir := strings.CutSuffix(folder+"/"+name, "/")
			if isDir {
				temp.MakeDir(name)
				continue
			}
			f, errno := temp.Open(name, wasi.OpenFlags{Write: true, Create: true})
			if errno != 0 {
				t.Fatal(name, errno)
			}
			f.Close()
		}
	}
	return temp
}

func TestGuestsInManyLanguagesListFolders(t *testing.T) {
	const manyNames = 8096
	listed, many := tree{".": {"-", "a-/", "ab-"}}, tree{".": nil}
	for i := range manyNames {
		many["."] = append(many["."], strconv.Itoa(i))
	}
	all := []string{"./-", "./a-", "./ab-"}
	g := findWazeroGuests(t)
	g.make(t, slices.Collect(maps.Values(languages))...)
	for where, mount := range map[string]func(tree, *testing.T) wasi.FS{"on disk": tree.onDisk, "in memory": tree.inMemory} {
		root, manyRoot := mount(listed, t), mount(many, t)
		for language, file := range languages {
			for _, tc := range []struct {
				name string
				args []string
				want []string
				dots int // how many times wasi-libc shows "." and ".."
			}{
				{"an empty folder", []string{"ls", "./a-"}, nil, 1},
				{"a file", []string{"ls", "-"}, []string{"ENOTDIR"}, 0},
				{"a folder", []string{"ls", "."}, all, 1},
				{"a folder twice", []string{"ls", ".", "repeat"}, append(slices.Clone(all), all...), 2},
				{"many names", []string{"ls", "."}, nil, 1},
			} {
				t.Run(where+"/"+language+"/"+tc.name, func(t *testing.T) {
					if language == "TinyGo" && tc.dots == 2 {
						t.Skip("TinyGo cannot read a folder twice: tinygo-org/tinygo#3823")
					}
					r := run{args: tc.args, root: root}
					want := tc.want
					if tc.name == "many names" {
						r.root = manyRoot
						for _, name := range many["."] {
							want = append(want, "./"+name)
						}
					}
					if language == "C" {
						for range tc.dots {
							want = append(want, "./.", "./..")
						}
					}
					out, err := g.do(t, file, r)
					if code := exitCode(err); code != 0 {
						t.Fatalf("exit code %d: %v\n%s", code, err, out)
					}
					if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(strings.Fields(out)))); diff != "" {
						t.Errorf("names (-want +got):\n%.4096s", diff)
					}
				})
			}
		}
	}
}

const noTerminals = "stdin isatty: false\nstdout isatty: false\nstderr isatty: false\n/ isatty: false\n"

func TestGuestsPrintWhatTheyPrintUnderWazero(t *testing.T) {
	g := findWazeroGuests(t)
	folder := func(name string) wasi.FS {
		root, err := os.OpenRoot(filepath.Join(g.dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { root.Close() })
		return files.NewReadOnly(root.FS())
	}
	animals := files.NewMounts()
	animals.Mount("/animals", folder(commands+"fs"))
	example := folder(catTests)
	empty := func() wasi.FS { return files.NewTemp("/", 1<<20) }
	c := languages["C"]
	for _, tc := range []struct {
		guest string
		run   run
		want  string
		exit  int
	}{
		{c, run{args: []string{"stat"}}, noTerminals, 0},
		{languages["Rust"], run{args: []string{"stat"}}, noTerminals, 0},
		{languages["TinyGo"], run{args: []string{"stat"}}, noTerminals, 0},
		{languages["Zig"], run{args: []string{"stat"}}, noTerminals, 0},
		{c, run{args: []string{"poll"}, stdin: "test"}, "STDIN\n", 0},
		{c, run{args: []string{"poll", "0", "500"}, stdin: "test"}, "STDIN\n", 0},
		{c, run{args: []string{"poll", "0", "500"}}, "STDIN\n", 0}, // its end can be read
		{c, run{args: []string{"sleepmillis", "10"}}, "OK\n", 0},
		{c, run{args: []string{"open-rdonly"}, root: empty()}, "OK\n", 0},
		{c, run{args: []string{"open-wronly"}, root: empty()}, "OK\n", 0},
		{catTests + "cargo-wasi/cat.wasm", run{args: []string{"test.txt"}, root: example}, "greet filesystem\n", 0},
		{catTests + "tinygo/cat.wasm", run{args: []string{"test.txt"}, root: example}, "greet filesystem\n", 0},
		{catTests + "zig/cat.wasm", run{args: []string{"test.txt"}, root: example}, "greet filesystem\n", 0},
		{catTests + "zig-cc/cat.wasm", run{args: []string{"test.txt"}, root: example}, "greet filesystem\n", 0},
		{commands + "cat/cat-tinygo.wasm", run{args: []string{"/animals/bear.txt"}, root: animals}, "pooh\n", 0},
		{commands + "cat/cat-tinygo.wasm", run{args: []string{"/animals/not-bear.txt"}, root: animals}, "", 1},
		{commands + "wasi_fd.wasm", run{root: folder(commands + "fs")}, "pooh\n", 0},
		{commands + "wasi_arg.wasm", run{args: []string{"hello world"}}, "guest\x00hello world\x00", 0},
		{commands + "wasi_env.wasm", run{env: []string{"ANIMAL=bear", "FOOD=sushi"}}, "ANIMAL=bear\x00FOOD=sushi\x00", 0},
		{commands + "wasi_random_get.wasm", run{}, "", 0}, // its memory is not exported
		{wasiTests + "print_args.wasm", run{args: []string{"a"}}, "guest\x00a\x00", 0},
		{wasiTests + "print_prestat_dirname.wasm", run{}, "/", 0},
		{wasiTests + "exit_on_start.wasm", run{}, "", 2},
		{"examples/cli/testdata/cli.wasm", run{args: []string{"3", "1"}}, "result: 4\n", 0},
		{"examples/cli/testdata/cli.wasm", run{args: []string{"-sub=true", "3", "1"}}, "result: 2\n", 0},
		{"examples/cli/testdata/cli.wasm", run{args: []string{"3"}}, "bad arguments\n", 1},
	} {
		if g.made[tc.guest] == nil {
			g.make(t, tc.guest)
		}
		t.Run(tc.guest+" "+strings.Join(tc.run.args, " "), func(t *testing.T) {
			out, err := g.do(t, tc.guest, tc.run)
			if code := exitCode(err); code != tc.exit {
				t.Errorf("exit code %d, want %d: %v", code, tc.exit, err)
			}
			if diff := cmp.Diff(tc.want, out); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGuestsThatTrapSayWhy(t *testing.T) {
	g := findWazeroGuests(t)
	for file, want := range map[string]struct{ output, trap string }{
		"internal/testing/dwarftestdata/testdata/tinygo/main.wasm": {"panic: NOOOOOOOOOOOOOOO\n", "unreachable"},
		"internal/testing/dwarftestdata/testdata/zig-cc/main.wasm": {"", "unreachable"},
	} {
		g.make(t, file)
		out, err := g.do(t, file, run{})
		if out != want.output || err == nil || !strings.Contains(err.Error(), want.trap) {
			t.Errorf("%s printed %q and ended in %v, want %q and %q", file, out, err, want.output, want.trap)
		}
	}
}

// pipe is a device in which there is nothing to read yet, until ready says that there is.
type pipe struct {
	wasi.NoFile
	ready   func() bool
	content string
}

func (p *pipe) Stat() (wasi.Stat, wasi.Errno) {
	return wasi.Stat{Type: wasi.CharacterDevice, Links: 1}, 0
}

func (p *pipe) ReadAt(_ context.Context, b []byte, _ int64) (int, wasi.Errno) {
	if !p.ready() {
		return 0, wasi.EAGAIN
	}
	return copy(b, p.content), 0
}

// when calls a function with all that was written so far.
type when struct {
	so   bytes.Buffer
	call func(so string)
}

func (w *when) Write(b []byte) (int, error) {
	w.so.Write(b)
	w.call(w.so.String())
	return len(b), nil
}

// TestGuestsAreToldWhatASandboxHasNot has the guests whose expectations in wazero's tests need what a sandbox does not have.
func TestGuestsAreToldWhatASandboxHasNot(t *testing.T) {
	g := findWazeroGuests(t)
	c, rust, zig := languages["C"], languages["Rust"], languages["Zig"]
	g.make(t, c, rust, zig)

	// No sockets: the descriptor on which wazero has its listener is a folder.
	if out, err := g.do(t, c, run{args: []string{"sock"}}); out != "ERR: accept: Not a socket\n" {
		t.Errorf("C's guest printed %q of a folder that it took for a socket (%v)", out, err)
	}
	// Rust's guest tries again for ever, so it is ended when it has said what is wrong.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	want := "failed to read connection: Not a socket (os error 57)\n"
	g.ran++
	out, err := g.made[rust].do(ctx, t, run{args: []string{"sock"}, also: &when{call: func(so string) {
		if len(so) >= len(want) {
			cancel()
		}
	}}})
	if !strings.HasPrefix(out, want) || exitCode(err) == 0 {
		t.Errorf("Rust's guest printed %.200q, want %q (%v)", out, want, err)
	}

	// No other preopened folder than "/", beneath which all is.
	mounts := files.NewMounts()
	mounts.Mount("/tmp", files.NewTemp("/tmp", 1<<20))
	if out, err := g.do(t, zig, run{args: []string{"preopen"}, root: mounts}); out != "0: stdin\n1: stdout\n2: stderr\n3: /\n" {
		t.Errorf("Zig's guest has %q preopened (%v)", out, err)
	}

	// No pipes, and an input that is whole before the guest runs, so that it never waits for it. A host's device may have nothing to read yet, and guests take it
	// for a pipe.
	device, reads := files.NewMounts(), 0
	second := func() bool { reads++; return reads == 2 }
	device.Mount("/dev", files.Devices{More: map[string]wasi.File{"pipe": &pipe{ready: second, content: "wazero"}}})
	if out, err := g.do(t, c, run{args: []string{"nonblock", "/dev/pipe"}, root: device}); out != "..\nwazero\n" {
		t.Errorf("C's guest printed %q of a pipe (%v)", out, err)
	}

	// No WASI before preview 1.
	g.make(t, wasiTests+"exit_on_start_unstable.wasm")
	old := g.made[wasiTests+"exit_on_start_unstable.wasm"]
	if _, err := old.runtime.InstantiateModule(t.Context(), old.compiled, wazero.NewModuleConfig()); err == nil || !strings.Contains(err.Error(), "wasi_unstable") {
		t.Errorf("a guest of wasi_unstable is instantiated: %v", err)
	}
}
