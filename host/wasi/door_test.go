package wasi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
)

// signatures are the functions of preview 1 with their parameters, i for i32 and I for i64, as
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md has them, lowered.
var signatures = map[string]string{
	"args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii", "clock_res_get": "ii", "clock_time_get": "iIi",
	"fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii",
	"fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi",
	"fd_prestat_get": "ii", "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi", "fd_renumber": "ii",
	"fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii", "path_create_directory": "iii", "path_filestat_get": "iiiii",
	"path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii",
	"path_remove_directory": "iii", "path_rename": "iiiiii", "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii",
	"proc_exit": "i", "proc_raise": "i", "sched_yield": "", "random_get": "ii", "sock_accept": "iii", "sock_recv": "iiiiii",
	"sock_send": "iiiii", "sock_shutdown": "ii",
}

// door is a guest whose exports hand on to the WASI functions of the same name.
type door struct {
	t       testing.TB
	module  api.Module
	process *wasi.Process
	stdin   *files.Input
	stdout  *bytes.Buffer
	free    uint32 // where memory is not in use yet
}

// openDoor returns a door to a process with a read-only /app, a /tmp of 1 MiB, and the standard streams.
func openDoor(t testing.TB) *door {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { rt.Close(ctx) })
	if _, err := wasi.Instantiate(ctx, rt); err != nil {
		t.Fatal(err)
	}
	module, err := rt.Instantiate(ctx, trampolines())
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, module: module, stdin: &files.Input{}, stdout: &bytes.Buffer{}, free: 1024}
	d.process = d.newProcess()
	return d
}

func (d *door) newProcess() *wasi.Process {
	root := files.NewMounts()
	root.Mount("/app", files.NewReadOnly(fstest.MapFS{
		"hello.txt":    {Data: []byte("hello, world"), Mode: 0o644},
		"sub/deep.txt": {Data: []byte("deep"), Mode: 0o644},
		"link":         {Data: []byte("hello.txt"), Mode: fs.ModeSymlink | 0o777},
	}))
	root.Mount("/tmp", files.NewTemp("/tmp", 1<<20))
	p, err := wasi.NewProcess(root)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(p.Close)
	p.SetStream(0, d.stdin)
	p.SetStream(1, &files.Writer{W: d.stdout})
	p.SetStream(2, &files.Writer{W: d.stdout})
	p.Begin()
	return p
}

// trampolines assembles the door's module.
func trampolines() []byte {
	var types, imports, functions, exports, code [][]byte
	exports = append(exports, append(wasitest.Name("memory"), 2, 0))
	n := byte(len(signatures))
	for name, params := range signatures {
		i := byte(len(types))
		signature := append([]byte{0x60}, wasitest.Name(params)...)
		body := []byte{0}
		for j := range params {
			signature[2+j] = map[byte]byte{'i': 0x7f, 'I': 0x7e}[params[j]]
			body = append(body, 0x20, byte(j)) // local.get
		}
		if name == "proc_exit" {
			signature = append(signature, 0)
		} else {
			signature = append(signature, 1, 0x7f)
		}
		body = append(body, 0x10, i, 0x0b) // call, end
		types = append(types, signature)
		imports = append(imports, append(append(wasitest.Name(wasi.ModuleName), wasitest.Name(name)...), 0, i))
		functions = append(functions, []byte{i})
		exports = append(exports, append(wasitest.Name(name), 0, n+i))
		code = append(code, append([]byte{byte(len(body))}, body...))
	}
	return new(wasitest.Module).Section(1, types...).Section(2, imports...).Section(3, functions...).
		Section(5, []byte{0, 2}).Section(7, exports...).Section(10, code...).Bytes()
}

// try calls a function and returns what it did. The context is d's process's own.
func (d *door) try(ctx context.Context, name string, args ...uint64) (wasi.Errno, error) {
	d.t.Helper()
	results, err := d.module.ExportedFunction(name).Call(wasi.NewContext(ctx, d.process), args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return wasi.Errno(results[0]), nil
}

// call calls a function that returns.
func (d *door) call(name string, args ...uint64) wasi.Errno {
	d.t.Helper()
	errno, err := d.try(context.Background(), name, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", name, err)
	}
	return errno
}

// must calls a function that succeeds.
func (d *door) must(name string, args ...uint64) {
	d.t.Helper()
	if errno := d.call(name, args...); errno != 0 {
		d.t.Fatalf("%s: %v", name, errno)
	}
}

// alloc returns the address of n bytes that nothing else uses, at a multiple of eight.
func (d *door) alloc(n int) uint64 {
	at := (d.free + 7) &^ 7
	d.free = at + uint32(n)
	return uint64(at)
}

// put writes b and returns its address.
func (d *door) put(b []byte) uint64 {
	at := d.alloc(len(b))
	d.module.Memory().Write(uint32(at), b)
	return at
}

// path writes a path and returns what functions take for it: address and length.
func (d *door) path(s string) (at, n uint64) { return d.put([]byte(s)), uint64(len(s)) }

func (d *door) bytes(at, n uint64) []byte {
	d.t.Helper()
	b, ok := d.module.Memory().Read(uint32(at), uint32(n))
	if !ok {
		d.t.Fatalf("%d bytes at %#x are outside of the memory", n, at)
	}
	return bytes.Clone(b)
}

func (d *door) uint32(at uint64) uint64 {
	return uint64(binary.LittleEndian.Uint32(d.bytes(at, 4)))
}
func (d *door) uint64(at uint64) uint64 { return binary.LittleEndian.Uint64(d.bytes(at, 8)) }

// vectors writes iovec records for buffers of those sizes and returns their address, and the first buffer's; the others follow it.
func (d *door) vectors(sizes ...int) (at, buffer uint64) {
	total := 0
	for _, n := range sizes {
		total += n
	}
	buffer = d.alloc(total)
	var records []byte
	next := uint32(buffer)
	for _, n := range sizes {
		records = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(records, next), uint32(n))
		next += uint32(n)
	}
	return d.put(records), buffer
}

const root = 3 // the preopened directory's descriptor

// Open flags and rights of path_open.
const (
	create, directory, exclusive, truncate = 1, 2, 4, 8
	readable, writable                     = 1 << 1, 1 << 6
	appending                              = 1
)

// tryOpen opens a file by its path from the root, following links.
func (d *door) tryOpen(path string, oflags, rights, fdflags uint64) (fd uint64, errno wasi.Errno) {
	d.t.Helper()
	at, n := d.path(path)
	result := d.alloc(4)
	errno = d.call("path_open", root, 1, at, n, oflags, rights, 0, fdflags, result)
	return d.uint32(result), errno
}

func (d *door) open(path string, oflags, rights, fdflags uint64) (fd uint64) {
	d.t.Helper()
	fd, errno := d.tryOpen(path, oflags, rights, fdflags)
	if errno != 0 {
		d.t.Fatalf("open %s: %v", path, errno)
	}
	return fd
}

// write writes s to a descriptor.
func (d *door) write(fd uint64, s string) {
	d.t.Helper()
	records, buffer := d.vectors(len(s))
	d.module.Memory().WriteString(uint32(buffer), s)
	n := d.alloc(4)
	d.must("fd_write", fd, records, 1, n)
	if got := d.uint32(n); got != uint64(len(s)) {
		d.t.Fatalf("fd_write wrote %d of %d bytes", got, len(s))
	}
}

// read reads a descriptor's next bytes, at most n.
func (d *door) read(fd uint64, n int) string {
	d.t.Helper()
	records, buffer := d.vectors(n)
	got := d.alloc(4)
	d.must("fd_read", fd, records, 1, got)
	return string(d.bytes(buffer, d.uint32(got)))
}
