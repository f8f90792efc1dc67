package files

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

func mustOpen(t testing.TB, fsys wasi.FS, name string, flags wasi.OpenFlags) wasi.File {
	t.Helper()
	f, errno := fsys.Open(name, flags)
	if errno != 0 {
		t.Fatalf("open %s: %v", name, errno)
	}
	return f
}

var write = wasi.OpenFlags{Read: true, Write: true, Create: true}

func TestReadOnlyRefusesEveryChange(t *testing.T) {
	r := NewReadOnly(fstest.MapFS{"dir/file": {Data: []byte("text")}})
	for name, tc := range map[string]struct {
		name  string
		flags wasi.OpenFlags
		want  wasi.Errno
	}{
		"write":          {"dir/file", wasi.OpenFlags{Write: true}, wasi.EROFS},
		"truncate":       {"dir/file", wasi.OpenFlags{Read: true, Truncate: true}, wasi.EROFS},
		"create":         {"dir/new", write, wasi.EROFS},
		"exclusive":      {"dir/file", wasi.OpenFlags{Create: true, Exclusive: true}, wasi.EEXIST},
		"missing":        {"dir/none", wasi.OpenFlags{Read: true}, wasi.ENOENT},
		"through a file": {"dir/file/x", wasi.OpenFlags{Read: true}, wasi.ENOTDIR},
		"not a folder":   {"dir/file", wasi.OpenFlags{Read: true, Directory: true}, wasi.ENOTDIR},
		"write a folder": {"dir", wasi.OpenFlags{Write: true}, wasi.EISDIR},
	} {
		if _, errno := r.Open(tc.name, tc.flags); errno != tc.want {
			t.Errorf("%s: %v, want %v", name, errno, tc.want)
		}
	}
	if _, ok := any(r).(wasi.WritableFS); ok {
		t.Error("it can be changed")
	}
}

func TestNoLinkLeadsOutOfAFolder(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"absolute": outside, "relative": "../../../../../../../.." + outside} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r := NewReadOnly(root.FS())
	for _, name := range []string{"absolute", "relative"} {
		if f, errno := r.Open(name, wasi.OpenFlags{Read: true}); errno == 0 {
			b := make([]byte, 10)
			n, _ := f.ReadAt(context.Background(), b, 0)
			t.Errorf("%s led to %q", name, b[:n])
		}
		if st, errno := r.Stat(name, false); errno != 0 || st.Type != wasi.SymbolicLink {
			t.Errorf("lstat %s: %v %v, want a link", name, st.Type, errno)
		}
	}
}

func TestMountsShowTheWayToMounts(t *testing.T) {
	m := NewMounts()
	m.Mount("/tmp", NewTemp("/tmp", 1<<20))
	m.Mount("/usr/local/lib", NewReadOnly(fstest.MapFS{"a.py": {}}))
	m.Mount("/dev", Devices{})
	list := func(name string) []string {
		t.Helper()
		entries, errno := mustOpen(t, m, name, wasi.OpenFlags{Read: true}).ReadDir()
		if errno != 0 {
			t.Fatalf("read %s: %v", name, errno)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name)
		}
		return names
	}
	for name, want := range map[string][]string{
		".": {"dev", "tmp", "usr"}, "usr": {"local"}, "usr/local": {"lib"}, "usr/local/lib": {"a.py"}, "dev": {"null", "random", "urandom", "zero"},
	} {
		if diff := cmp.Diff(want, list(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, change := range []struct {
		what string
		got  wasi.Errno
		want wasi.Errno
	}{
		{"mkdir /new", m.MakeDir("new"), wasi.EROFS},
		{"mkdir /usr", m.MakeDir("usr"), wasi.EEXIST},
		{"rmdir /tmp", m.RemoveDir("tmp"), wasi.EROFS},
		{"unlink in a read-only mount", m.Unlink("usr/local/lib/a.py"), wasi.EROFS},
		{"rename from one mount to another", m.Rename("usr/local/lib/a.py", "tmp/a.py"), wasi.EROFS},
	} {
		if change.got != change.want {
			t.Errorf("%s: %v, want %v", change.what, change.got, change.want)
		}
	}
	mustOpen(t, m, "tmp/a", write)
	if errno := m.Rename("tmp/a", "dev/a"); errno != wasi.EXDEV {
		t.Errorf("rename from /tmp to /dev: %v, want %v", errno, wasi.EXDEV)
	}
}

func TestTempCountsWhatItHolds(t *testing.T) {
	temp := NewTemp("/tmp", 10_000)
	empty := temp.Used()
	f := mustOpen(t, temp, "file", write)
	if n, errno := f.WriteAt(context.Background(), make([]byte, 20_000), 0); errno != 0 || n >= 10_000 || n < 9_000 {
		t.Errorf("writing more than fits took %d bytes (%v), want what fitted", n, errno)
	}
	if _, errno := f.WriteAt(context.Background(), []byte("x"), wasi.AtEnd); errno != wasi.ENOSPC {
		t.Errorf("writing to a full folder: %v, want %v", errno, wasi.ENOSPC)
	}
	for _, size := range []int64{1 << 40, math.MaxInt64} {
		if errno := f.Truncate(size); errno != wasi.ENOSPC {
			t.Errorf("a sparse file larger than the limit: %v, want %v", errno, wasi.ENOSPC)
		}
	}
	if errno := temp.SymLink(strings.Repeat("x", 4000), "link"); errno != wasi.ENOSPC {
		t.Errorf("a link to a long name in a full folder: %v, want %v", errno, wasi.ENOSPC)
	}
	if errno := temp.Unlink("file"); errno != 0 {
		t.Fatal(errno)
	}
	b := make([]byte, 4)
	if n, errno := f.ReadAt(context.Background(), b, 0); n != 4 || errno != 0 {
		t.Errorf("a file that is open and unlinked gave %d bytes (%v)", n, errno)
	}
	f.Close()
	if errno := temp.SymLink(strings.Repeat("x", 4000), "link"); errno != 0 || temp.Used() < empty+4000 {
		t.Errorf("a link to a long name counts %d bytes (%v)", temp.Used()-empty, errno)
	}
	if errno := temp.Unlink("link"); errno != 0 {
		t.Fatal(errno)
	}
	if got := temp.Used(); got != empty {
		t.Errorf("%d bytes are still counted", got-empty)
	}
}

func TestTruncatedFilesGiveTheirMemoryBack(t *testing.T) {
	temp := NewTemp("/tmp", 2<<20)
	var open []wasi.File
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 50 {
		f := mustOpen(t, temp, strconv.Itoa(i), write)
		open = append(open, f)
		if _, errno := f.WriteAt(context.Background(), make([]byte, 1<<20), 0); errno != 0 {
			t.Fatal(errno)
		}
		if errno := f.Truncate(1); errno != 0 {
			t.Fatal(errno)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if more := int64(after.HeapAlloc) - int64(before.HeapAlloc); more > 10<<20 {
		t.Errorf("a folder of 2 MiB holds %d bytes", more)
	}
	runtime.KeepAlive(open)
}
