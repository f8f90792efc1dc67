package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

func folder(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return NewFolder(root), dir
}

func TestFolderIsChangedOnTheHost(t *testing.T) {
	f, dir := folder(t)
	ctx := context.Background()
	file := mustOpen(t, f, "a", write)
	for _, step := range []struct {
		text string
		at   int64
	}{{"hello", 0}, {"!", wasi.AtEnd}, {"J", 0}} {
		if n, errno := file.WriteAt(ctx, []byte(step.text), step.at); n != len(step.text) || errno != 0 {
			t.Errorf("write %q: %d, %v", step.text, n, errno)
		}
	}
	if st, errno := file.Stat(); st.Size != 6 || errno != 0 {
		t.Errorf("size %d, %v", st.Size, errno)
	}
	if errno := file.SetTimes(wasi.Time{Keep: true}, wasi.Time{Nanos: 1e18}); errno != 0 {
		t.Error(errno)
	}
	if errno := file.Close(); errno != 0 {
		t.Error(errno)
	}
	if st, _ := f.Stat("a", true); st.Mtime != 1e18 {
		t.Errorf("modified at %d", st.Mtime)
	}
	for name, errno := range map[string]wasi.Errno{
		"mkdir": f.MakeDir("d"), "rename": f.Rename("a", "d/b"), "link": f.SymLink("b", "d/c"), "link up": f.SymLink("../d/b", "d/e"),
	} {
		if errno != 0 {
			t.Errorf("%s: %v", name, errno)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "d", "c")); string(text) != "Jello!" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for name, c := range map[string]struct{ got, want wasi.Errno }{
		"rmdir full":   {f.RemoveDir("d"), wasi.ENOTEMPTY},
		"rmdir file":   {f.RemoveDir("d/b"), wasi.ENOTDIR},
		"unlink dir":   {f.Unlink("d"), wasi.EISDIR},
		"unlink none":  {f.Unlink("none"), wasi.ENOENT},
		"mkdir again":  {f.MakeDir("d"), wasi.EEXIST},
		"link out":     {f.SymLink("../../x", "d/out"), wasi.EPERM},
		"link abroad":  {f.SymLink("/etc/passwd", "out"), wasi.EPERM},
		"remove":       {f.Unlink("d/b"), 0},
		"remove links": {f.Unlink("d/c") + f.Unlink("d/e"), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if errno := f.RemoveDir("d"); errno != 0 {
		t.Error(errno)
	}
	for name, c := range map[string]struct {
		flags wasi.OpenFlags
		want  wasi.Errno
	}{
		"none":   {wasi.OpenFlags{Read: true}, wasi.ENOENT},
		".":      {wasi.OpenFlags{Write: true}, wasi.EISDIR},
		"none/a": {write, wasi.ENOENT},
	} {
		if _, errno := f.Open(name, c.flags); errno != c.want {
			t.Errorf("open %s: %v, want %v", name, errno, c.want)
		}
	}
}

func TestNoLinkLeadsOutOfAFolderThatIsWritten(t *testing.T) {
	f, dir := folder(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if _, errno := f.Open("out/new", write); errno == 0 {
		t.Error("a file was made outside")
	}
	if errno := f.MakeDir("out/new"); errno == 0 {
		t.Error("a folder was made outside")
	}
	if errno := f.Rename("out", "in"); errno != 0 {
		t.Errorf("the link itself can be renamed: %v", errno)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("%v were made outside", entries)
	}
}
