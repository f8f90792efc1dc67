// Package wasi is WASI preview 1 (wasi_snapshot_preview1) for sandboxes: the 46 functions of
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md over a descriptor table of Mayfly's own.
//
// wazero has a WASI too. This one differs in what a sandbox needs: arguments, environment, streams and files belong
// to a Process that is given with each call and not to the module's instance, so that one instance can serve
// many requests; waiting ends when the call's context does; proc_exit leaves the instance open; and poll_oneoff
// takes absolute clocks, by which CPython sleeps.
//
// Instantiate registers the functions with a wazero.Runtime once. A call into any guest then needs a context made by
// NewContext, from which the functions take the Process they work for.
package wasi

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// ModuleName is the name under which guests import WASI preview 1.
const ModuleName = "wasi_snapshot_preview1"

// function is one WASI function: it reads its parameters from a, works for p, and answers by an errno.
type function func(ctx context.Context, p *Process, m memory, a []uint64) Errno

// functions are those that return an errno, which is all but proc_exit. Parameters are written as one letter each: i
// for i32, I for i64.
var functions = []struct {
	name   string
	params string
	call   function
}{
	{"args_get", "ii", argsGet},
	{"args_sizes_get", "ii", argsSizesGet},
	{"environ_get", "ii", environGet},
	{"environ_sizes_get", "ii", environSizesGet},
	{"clock_res_get", "ii", clockResGet},
	{"clock_time_get", "iIi", clockTimeGet},
	{"fd_advise", "iIIi", fdAdvise},
	{"fd_allocate", "iII", fdAllocate},
	{"fd_close", "i", fdClose},
	{"fd_datasync", "i", fdSync},
	{"fd_fdstat_get", "ii", fdFdstatGet},
	{"fd_fdstat_set_flags", "ii", fdFdstatSetFlags},
	{"fd_fdstat_set_rights", "iII", fdFdstatSetRights},
	{"fd_filestat_get", "ii", fdFilestatGet},
	{"fd_filestat_set_size", "iI", fdFilestatSetSize},
	{"fd_filestat_set_times", "iIIi", fdFilestatSetTimes},
	{"fd_pread", "iiiIi", fdPread},
	{"fd_prestat_get", "ii", fdPrestatGet},
	{"fd_prestat_dir_name", "iii", fdPrestatDirName},
	{"fd_pwrite", "iiiIi", fdPwrite},
	{"fd_read", "iiii", fdRead},
	{"fd_readdir", "iiiIi", fdReaddir},
	{"fd_renumber", "ii", fdRenumber},
	{"fd_seek", "iIii", fdSeek},
	{"fd_sync", "i", fdSync},
	{"fd_tell", "ii", fdTell},
	{"fd_write", "iiii", fdWrite},
	{"path_create_directory", "iii", pathCreateDirectory},
	{"path_filestat_get", "iiiii", pathFilestatGet},
	{"path_filestat_set_times", "iiiiIIi", pathFilestatSetTimes},
	{"path_link", "iiiiiii", pathLink},
	{"path_open", "iiiiiIIii", pathOpen},
	{"path_readlink", "iiiiii", pathReadlink},
	{"path_remove_directory", "iii", pathRemoveDirectory},
	{"path_rename", "iiiiii", pathRename},
	{"path_symlink", "iiiii", pathSymlink},
	{"path_unlink_file", "iii", pathUnlinkFile},
	{"poll_oneoff", "iiii", pollOneoff},
	{"proc_raise", "i", procRaise},
	{"sched_yield", "", schedYield},
	{"random_get", "ii", randomGet},
	{"sock_accept", "iii", sockUnsupported},
	{"sock_recv", "iiiiii", sockUnsupported},
	{"sock_send", "iiiii", sockUnsupported},
	{"sock_shutdown", "ii", sockUnsupported},
}

// Provides reports whether this package has the function called name, so that a module's imports can be checked
// before it is compiled.
func Provides(name string) bool {
	if name == "proc_exit" {
		return true
	}
	for _, f := range functions {
		if f.name == name {
			return true
		}
	}
	return false
}

// Instantiate registers WASI preview 1 with rt. The module it returns lives as long as rt.
func Instantiate(ctx context.Context, rt wazero.Runtime) (api.Module, error) {
	b := rt.NewHostModuleBuilder(ModuleName)
	for _, f := range functions {
		b.NewFunctionBuilder().WithGoModuleFunction(goFunction(f.params, f.call), valueTypes(f.params), []api.ValueType{api.ValueTypeI32}).Export(f.name)
	}
	b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(procExit), valueTypes("i"), nil).Export("proc_exit")
	return b.Instantiate(ctx)
}

// goFunction calls a WASI function with its parameters cut to their types: the upper half of an i32's slot is not
// defined.
func goFunction(params string, call function) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		for i := range params {
			if params[i] == 'i' {
				stack[i] = uint64(uint32(stack[i]))
			}
		}
		stack[0] = uint64(call(ctx, fromContext(ctx), memory{mod.Memory()}, stack))
	}
}

func valueTypes(params string) []api.ValueType {
	types := make([]api.ValueType, len(params))
	for i, p := range params {
		types[i] = api.ValueTypeI32
		if p == 'I' {
			types[i] = api.ValueTypeI64
		}
	}
	return types
}

type contextKey struct{}

// processContext answers for its process without a walk through the contexts beneath: each WASI call asks.
type processContext struct {
	context.Context
	process *Process
}

func (c processContext) Value(key any) any {
	if key == (contextKey{}) {
		return c.process
	}
	return c.Context.Value(key)
}

// NewContext returns a context with which a guest's functions can be called so that its WASI calls work for p.
// Calls that wait end when ctx does.
func NewContext(ctx context.Context, p *Process) context.Context {
	return processContext{ctx, p}
}

func fromContext(ctx context.Context) *Process {
	if c, ok := ctx.(processContext); ok {
		return c.process
	}
	if p, ok := ctx.Value(contextKey{}).(*Process); ok {
		return p
	}
	panic("wasi: a guest was called with a context that NewContext did not make")
}
