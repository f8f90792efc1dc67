package runtime

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// Kind is what a function is.
type Kind string

// The kinds of functions.
const (
	// Command is a core module that exports _start: a WASI command, called by CGI/1.1 (RFC 3875).
	Command Kind = "wasm"
	// Python is a folder of Python files.
	Python Kind = "python"
)

// mainFile is what a Python function that was deployed as a single file is called in its sandbox.
const mainFile = "main.py"

// artifact is a deployed artifact, looked into.
type artifact struct {
	kind     Kind
	manifest *manifest.Manifest
	// files is nil where the artifact is itself the function: one module, or one Python file.
	files map[string]*zip.File
	// wasm is a command's module and wasmName its name among the files.
	wasm     []byte
	wasmName string
	// source is a Python function that is one file.
	source []byte
}

// What an archive may hold.
const (
	maxFiles         = 20_000
	maxUnpackedBytes = 1 << 30
)

// whatWorks ends the texts by which other things are refused.
const whatWorks = "deploy a .wasm core module that exports _start, a .py file, or a folder or zip of Python files"

const wasmMagic = "\x00asm"

// openArtifact looks into an artifact: by content, never by its name.
func openArtifact(content []byte) (*artifact, error) {
	switch {
	case len(content) == 0:
		return nil, refuse("the file is empty: %s", whatWorks)
	case content[0] == 0 && bytes.HasPrefix(content, []byte(wasmMagic)[:min(len(content), len(wasmMagic))]):
		return &artifact{kind: Command, manifest: &manifest.Manifest{}, wasm: content}, nil
	case bytes.HasPrefix(content, []byte("PK\x03\x04")), bytes.HasPrefix(content, []byte("PK\x05\x06")):
		return openZip(content)
	case utf8.Valid(content) && bytes.IndexByte(content, 0) < 0:
		return &artifact{kind: Python, manifest: &manifest.Manifest{}, source: content}, nil
	}
	return nil, refuse("this is %s, which is not a function: %s", describe(content), whatWorks)
}

// describe says what a file looks like.
func describe(content []byte) string {
	for _, m := range []struct{ magic, name string }{
		{"\x7fELF", "a native program or library (ELF)"},
		{"MZ", "a Windows program (PE)"},
		{"\xcf\xfa\xed\xfe", "a macOS program (Mach-O)"},
		{"\xca\xfe\xba\xbe", "a Java class or a macOS universal program"},
		{"\x1f\x8b", "a gzip file (make it a zip)"},
		{"\x28\xb5\x2f\xfd", "a zstd file (make it a zip)"},
		{"!<arch>", "an ar archive"},
		{"BZh", "a bzip2 file (make it a zip)"},
		{"\xfd7zXZ", "an xz file (make it a zip)"},
		{"BC\xc0\xde", "LLVM bitcode"},
	} {
		if bytes.HasPrefix(content, []byte(m.magic)) {
			return m.name
		}
	}
	if len(content) > 262 && string(content[257:262]) == "ustar" {
		return "a tar archive (make it a zip)"
	}
	if kind := http.DetectContentType(content); kind != "application/octet-stream" && !strings.HasPrefix(kind, "text/") {
		return "a file of type " + kind
	}
	return "neither Wasm, nor a zip, nor UTF-8 text"
}

func openZip(content []byte) (*artifact, error) {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, refuse("the zip cannot be read (%v): make it anew; was the upload cut off?", err)
	}
	files, err := zipFiles(r)
	if err != nil {
		return nil, err
	}
	a := &artifact{files: files, manifest: &manifest.Manifest{}}
	if f := files[manifest.FileName]; f != nil {
		text, err := readZipFile(f)
		if err != nil {
			return nil, err
		}
		if a.manifest, err = manifest.Parse(text); err != nil {
			return nil, &ArtifactError{Msg: err.Error()}
		}
	}
	return a, a.findKind()
}

// zipFiles returns a zip's regular files by name. Where all of them lie in one folder, as in a zip that was made of a folder, that
// folder is left out of the names.
func zipFiles(r *zip.Reader) (map[string]*zip.File, error) {
	files := map[string]*zip.File{}
	var total uint64
	for _, f := range r.File {
		name := strings.TrimSuffix(f.Name, "/")
		switch {
		case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00"):
			return nil, refuse("the zip holds %.80q, which is no path within a folder: make it anew without absolute names, \"..\" and backslashes", f.Name)
		case f.FileInfo().IsDir():
			continue
		case !f.Mode().IsRegular():
			return nil, refuse("the zip holds %.80q, which is not a regular file but %s: put the file itself into it", f.Name, typeName(f.Mode()))
		case files[name] != nil:
			return nil, refuse("the zip holds %.80q twice", f.Name)
		case len(files) == maxFiles:
			return nil, refuse("the zip holds more than %d files", maxFiles)
		case strings.HasPrefix(name, "__MACOSX/"):
			continue
		}
		if f.UncompressedSize64 > maxUnpackedBytes-total {
			return nil, refuse("the zip unpacks to more than %s", manifest.Size(maxUnpackedBytes))
		}
		total += f.UncompressedSize64
		files[name] = f
	}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if files[dir] != nil {
				return nil, refuse("the zip holds %.80q both as a file and as a folder", dir)
			}
		}
	}
	return withoutTopFolder(files), nil
}

func typeName(mode fs.FileMode) string {
	if mode.Type() == fs.ModeSymlink {
		return "a symbolic link"
	}
	return "a special one (" + mode.String() + ")"
}

// withoutTopFolder leaves the folder that a zip was made of out of the names.
func withoutTopFolder(files map[string]*zip.File) map[string]*zip.File {
	top := manifest.TopFolder(maps.Keys(files))
	inner := make(map[string]*zip.File, len(files))
	for name, f := range files {
		inner[strings.TrimPrefix(name, top)] = f
	}
	return inner
}

func readZipFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, refuse("the zip's %.80q cannot be read: %v", f.Name, err)
	}
	defer r.Close()
	// The announced size was counted against the limit; what is longer is a lie.
	b, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err == nil && uint64(len(b)) != f.UncompressedSize64 {
		err = fmt.Errorf("it is not %d bytes long as the zip says", f.UncompressedSize64)
	}
	if err != nil {
		return nil, refuse("the zip's %.80q cannot be read: %v", f.Name, err)
	}
	return b, nil
}

// findKind decides what a folder is, by its manifest's entry or by what is in it.
func (a *artifact) findKind() error {
	entry := a.manifest.Entry
	var modules []string
	python := false
	for name := range a.files {
		switch path.Ext(name) {
		case ".wasm":
			modules = append(modules, name)
		case ".py":
			python = true
		}
	}
	slices.Sort(modules)
	switch {
	case path.Ext(entry) == ".wasm":
		if a.files[path.Clean(entry)] == nil {
			return refuse("mayfly.toml names entry = %q, which is not in the folder: build it first, or correct entry; in the folder there is %s", entry, list(a.names()))
		}
		a.wasmName = path.Clean(entry)
	case entry != "" || python && !slices.ContainsFunc(modules, isTopLevel):
		a.kind = Python
		if !python {
			return refuse("mayfly.toml names entry = %q, but no .py file is in the folder: there is %s", entry, list(a.names()))
		}
		return nil
	case len(modules) == 1:
		a.wasmName = modules[0]
	case len(modules) > 1:
		return refuse("which of these is the function: %s? Name it in mayfly.toml, such as entry = %q", list(modules), modules[0])
	default:
		return refuse("the folder has neither a .py file nor a .wasm file, but %s: %s", list(a.names()), whatWorks)
	}
	a.kind = Command
	var err error
	if a.wasm, err = readZipFile(a.files[a.wasmName]); err != nil {
		return err
	}
	if !bytes.HasPrefix(a.wasm, []byte(wasmMagic)) {
		return refuse("%s is %s, not Wasm: build it again", a.wasmName, describe(a.wasm))
	}
	return nil
}

func isTopLevel(name string) bool { return !strings.Contains(name, "/") }

func (a *artifact) names() []string {
	names := make([]string, 0, len(a.files))
	for name := range a.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// list writes names for an error's text, the first of them where they are many.
func list(names []string) string {
	const most = 8
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
