package wheel_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

// FuzzUnpack sees that whatever a wheel is, nothing is written beside the folder it is unpacked into, and no more than its limits allow.
func FuzzUnpack(f *testing.F) {
	for _, w := range []wheeltest.Wheel{
		{Files: map[string]string{"demo/__init__.py": "x = 1\n"}, EntryPoints: "[console_scripts]\ndemo = demo:main\n"},
		{Members: []wheeltest.Member{{Name: "../x", Content: "x"}}},
		{Members: []wheeltest.Member{{Name: "l", Content: "../..", Mode: fs.ModeSymlink | 0o777}, {Name: "l/x", Content: "x"}}},
		{Members: []wheeltest.Member{{Name: "d/"}, {Name: "D", Content: "x"}}},
	} {
		w.Project, w.Version = "demo", "1.0"
		data, err := os.ReadFile(w.Build(f))
		check(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := wheel.New(bytes.NewReader(data), int64(len(data)), "demo-1.0-py3-none-any.whl", wheel.Limits{Files: 20, Bytes: 1 << 16, Metadata: 1 << 12})
		if err != nil {
			return
		}
		dir := t.TempDir()
		check(t, os.Mkdir(filepath.Join(dir, "in"), 0o755))
		root, err := os.OpenRoot(filepath.Join(dir, "in"))
		check(t, err)
		defer root.Close()
		_ = w.Unpack(t.Context(), root)
		bytes, files := int64(0), 0
		check(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			files++
			bytes += info.Size()
			if !d.Type().IsRegular() || filepath.Dir(p) == dir {
				t.Errorf("%s was written", p)
			}
			return nil
		}))
		if files > 20 || bytes > 1<<16 {
			t.Errorf("%d files with %d bytes", files, bytes)
		}
	})
}
