package runtime

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// FuzzOpenArtifact requires of whatever is uploaded: an error that refuses it, or an artifact whose files stay within their
// folder.
func FuzzOpenArtifact(f *testing.F) {
	f.Add([]byte("def handler(request): return ''"))
	f.Add(wasitest.Command(nil))
	f.Add(runtimetest.Zip(f, map[string]string{"main.py": "x", "a/b.txt": "y", "mayfly.toml": "name = \"x\""}))
	f.Add(runtimetest.Zip(f, map[string]string{"top/main.py": "x", "top/../../etc/passwd": "y"}))
	f.Add(runtimetest.Zip(f, map[string]string{"fn.wasm": string(wasitest.Command(nil)), "C:\\x": ""}))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := openArtifact(content)
		if err != nil {
			if !errors.Is(err, ErrArtifact) {
				t.Fatalf("an artifact was refused as something else: %v", err)
			}
			return
		}
		if a.kind != Command && a.kind != Python {
			t.Fatalf("kind %q", a.kind)
		}
		if a.kind == Command && !bytes.HasPrefix(a.wasm, []byte(wasmMagic)[:min(len(a.wasm), len(wasmMagic))]) {
			t.Fatal("a command without Wasm")
		}
		for name := range a.files {
			if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
				t.Fatalf("the file %q leads out of the folder", name)
			}
		}
	})
}
