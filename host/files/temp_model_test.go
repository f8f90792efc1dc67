//go:build unix

package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// TestTempDoesWhatTheSystemDoes runs random operations on a Temp and on a folder of the system, and compares outcome and tree.
func TestTempDoesWhatTheSystemDoes(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "d", "d/a", "d/e", "d/e/f", "l", "l/a"})
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "temp-model")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		temp := NewTemp("/tmp", 1<<20)
		at := func(name string) string { return filepath.Join(dir, name) }
		same := func(what string, errno wasi.Errno, err error) {
			t.Helper()
			if (errno == 0) != (err == nil) {
				t.Fatalf("%s: we say %v, the system %v", what, errno, err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"mkdir":  func(t *rapid.T) { n := names.Draw(t, "n"); same("mkdir "+n, temp.MakeDir(n), os.Mkdir(at(n), 0o700)) },
			"remove": func(t *rapid.T) { n := names.Draw(t, "n"); same("rm "+n, remove(temp, n), os.Remove(at(n))) },
			"rename": func(t *rapid.T) {
				from, to := names.Draw(t, "from"), names.Draw(t, "to")
				same("mv "+from+" "+to, temp.Rename(from, to), unix.Rename(at(from), at(to)))
			},
			"link": func(t *rapid.T) {
				from, to := names.Draw(t, "from"), names.Draw(t, "to")
				same("ln "+from+" "+to, temp.Link(from, to, false), os.Link(at(from), at(to)))
			},
			"symlink": func(t *rapid.T) {
				target, n := rapid.SampledFrom([]string{"a", "d", "d/../b", "l", "none"}).Draw(t, "target"), names.Draw(t, "n")
				same("ln -s "+target+" "+n, temp.SymLink(target, n), os.Symlink(target, at(n)))
			},
			"write": func(t *rapid.T) {
				n, text := names.Draw(t, "n"), rapid.StringN(0, 20, 20).Draw(t, "text")
				f, errno := temp.Open(n, wasi.OpenFlags{Write: true, Create: true, Truncate: true})
				if errno == 0 {
					_, errno = f.WriteAt(context.Background(), []byte(text), 0)
					f.Close()
				}
				same("write "+n, errno, os.WriteFile(at(n), []byte(text), 0o600))
			},
			"read": func(t *rapid.T) {
				n := names.Draw(t, "n")
				want, err := os.ReadFile(at(n))
				got, errno := readAll(temp, n)
				same("read "+n, errno, err)
				if diff := cmp.Diff(string(want), string(got)); err == nil && diff != "" {
					t.Fatalf("%s (-want +got):\n%s", n, diff)
				}
			},
			"stat": func(t *rapid.T) {
				n := names.Draw(t, "n")
				_, errno := temp.Stat(n, false)
				_, err := os.Lstat(at(n))
				same("lstat "+n, errno, err)
				target, errno := temp.ReadLink(n)
				want, err := os.Readlink(at(n))
				same("readlink "+n, errno, err)
				if target != want {
					t.Fatalf("%s leads to %q, want %q", n, target, want)
				}
			},
		})
	})
}

func remove(temp *Temp, name string) wasi.Errno {
	if errno := temp.Unlink(name); errno != wasi.EISDIR {
		return errno
	}
	return temp.RemoveDir(name)
}

func readAll(fsys wasi.FS, name string) ([]byte, wasi.Errno) {
	f, errno := fsys.Open(name, wasi.OpenFlags{Read: true})
	if errno != 0 {
		return nil, errno
	}
	defer f.Close()
	st, _ := f.Stat()
	if st.Type == wasi.Directory {
		return nil, wasi.EISDIR
	}
	b := make([]byte, 100)
	n, errno := f.ReadAt(context.Background(), b, 0)
	return b[:n], errno
}
