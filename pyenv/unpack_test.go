package pyenv

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHostileArchivesAreRefused(t *testing.T) {
	good := entry{"python.wasm", module(""), 0}
	long := strings.Repeat("n", 100) + "/"
	tiny := limits{members: 5, unpacked: 8 << 10}
	many := []entry{good}
	for i := range tiny.members {
		many = append(many, entry{fmt.Sprint("lib/python3.12/", i), "", 0})
	}
	for name, c := range map[string]struct {
		entries []entry
		text    string
	}{
		"absolute":        {[]entry{good, {"/etc/passwd", "", 0}}, `is not safe to unpack: it has a member named "/etc/passwd"`},
		"climbs":          {[]entry{good, {"../x", "", 0}}, `is not safe to unpack: it has a member named "../x"`},
		"climbs inside":   {[]entry{good, {"lib/python3.12/../../../x", "", 0}}, `it has a member named "lib/python3.12/../../../x"`},
		"backslash":       {[]entry{good, {`lib\python3.12\..\x`, "", 0}}, `it has a member named "lib\\python3.12\\..\\x"`},
		"drive":           {[]entry{good, {`C:\x`, "", 0}}, `it has a member named "C:\\x"`},
		"not UTF-8":       {[]entry{good, {"a\xff", "", 0}}, `it has a member named "a\xff"`},
		"long":            {[]entry{good, {strings.Repeat(long, 11) + "x", "", 0}}, `it has a member named "nnn`},
		"dot":             {[]entry{good, {".", "", 0}}, `it has a member named "."`},
		"twice":           {[]entry{good, good}, `has two members for one file, "python.wasm"`},
		"twice, by dots":  {[]entry{good, {"lib/python3.12/a", "", 0}, {"lib/./python3.12//a", "", 0}}, `has two members for one file, "lib/python3.12/a"`},
		"none":            {[]entry{{"readme", "", 0}}, "holds no .wasm file: give a build of CPython for WASI"},
		"several":         {[]entry{{"a.wasm", "", 0}, {"b.wasm", "", 0}}, "more than one file or folder that may be the interpreter: a.wasm, b.wasm: give an archive with one of them"},
		"several pythons": {[]entry{{"a/python.wasm", "", 0}, {"python3.wasm", "", 0}, {"c.wasm", "", 0}}, "may be the interpreter: a/python.wasm, python3.wasm, c.wasm: give"},
		"several libraries": {[]entry{good, {"lib/python3.12/a", "", 0}, {"lib/python3.13/a", "", 0}},
			"may be the standard library: lib/python3.12, lib/python3.13: give an archive with one of them"},
		"library and zip differ": {[]entry{good, {"lib/python3.12/a", "", 0}, {"python313.zip", "", 0}},
			"may be the standard library: lib/python3.12, python313.zip: give an archive with one of them"},
		"text as module":   {[]entry{{"python.wasm", "version https://git-lfs", 0}}, `python.wasm is not a WebAssembly 1.0 module (it begins with "version ")`},
		"component":        {[]entry{{"python.wasm", "\x00asm\x0d\x00\x01\x00", 0}}, `python.wasm is not a WebAssembly 1.0 module (it begins with "\x00asm\r\x00\x01\x00")`},
		"empty module":     {[]entry{{"python.wasm", "", 0}}, `python.wasm is not a WebAssembly 1.0 module (it begins with "")`},
		"too many":         {many, "has more than 5 members: not a CPython build"},
		"unpacks too much": {[]entry{good, {"filler", string(make([]byte, 9<<10)), 0}}, "unpacks to more than 8192 bytes: not a CPython build"},
		"link only":        {[]entry{{"python.wasm", "/etc/passwd", tar.TypeSymlink}}, "holds no .wasm file"},
	} {
		for kind, from := range map[string]string{"tar.gz": tgz(t, c.entries...), "zip": zipped(t, c.entries...)} {
			if kind == "tar.gz" && name == "not UTF-8" || kind == "zip" && name == "long" {
				continue // the first is for zip's names, which have no encoding; a long name is one in both
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				b := bases(t)
				in := &installer{bases: b, o: InstallOptions{From: from, Version: "3.12.0"}, limits: tiny}
				_, err := in.install(t.Context())
				wantError(t, err, ErrSource, c.text)
				wantError(t, err, ErrSource, from)
				wantEmpty(t, b.Dir)
				if _, err := os.Lstat(filepath.Join(filepath.Dir(b.Dir), "x")); err == nil {
					t.Error("a file was written outside")
				}
			})
		}
	}
}

func TestLinksAndDevicesAreNotUnpacked(t *testing.T) {
	outside := t.TempDir()
	from := tgz(t, entry{"lib/python3.12", outside, tar.TypeSymlink}, entry{"lib/python3.12/os.py", "os", 0},
		entry{"lib/python3.12/passwd", "/etc/passwd", tar.TypeSymlink}, entry{"lib/python3.12/hard", "python.wasm", tar.TypeLink},
		entry{"lib/python3.12/pipe", "", tar.TypeFifo}, entry{"lib/python3.12/dir", "", tar.TypeDir}, entry{"/", "", tar.TypeDir},
		entry{"python.wasm", module(""), 0}, entry{"python3.wasm", "python.wasm", tar.TypeSymlink})
	base, err := bases(t).Install(t.Context(), InstallOptions{From: from, Version: "3.12.0"})
	check(t, err)
	equal(t, tree(t, base.Dir), []string{"base.json", "lib", "lib/python3.12", "lib/python3.12/os.py", "python.wasm"})
	wantEmpty(t, outside)
}

func TestFileAsFolderIsAnError(t *testing.T) {
	b := bases(t)
	_, err := b.Install(t.Context(), InstallOptions{Version: "3.12.0", From: tgz(t, entry{"python.wasm", module(""), 0},
		entry{"lib/python3.12/a", "", 0}, entry{"lib/python3.12/a/b", "", 0})})
	wantError(t, err, nil, "install CPython: ")
	wantEmpty(t, b.Dir)
}

func TestDamagedArchivesAreErrors(t *testing.T) {
	noise := strings.Repeat("0123456789", 1000)
	for kind, from := range map[string]string{
		"tar.gz": tgz(t, entry{"python.wasm", module(noise), 0}),
		"zip":    zipped(t, entry{"python.wasm", module(noise), 0}),
	} {
		whole, err := os.ReadFile(from)
		check(t, err)
		flipped := []byte(string(whole))
		flipped[len(flipped)/2] ^= 0x55
		for name, content := range map[string][]byte{"cut": whole[:len(whole)*2/3], "flipped": flipped, "head only": whole[:4]} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				b := bases(t)
				_, err := b.Install(t.Context(), InstallOptions{From: file(t, "x", string(content)), Version: "3.12.0"})
				wantError(t, err, ErrSource, "is damaged, or not the kind of file that it seems to be: ")
				wantEmpty(t, b.Dir)
			})
		}
	}
}

func TestInstallFromWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := bases(t).Install(t.Context(), InstallOptions{From: dir, Version: "3.12.0"})
	wantError(t, err, ErrSource, dir+" is not a file: give a .tar.gz, a .zip or a .wasm")
	_, err = bases(t).Install(t.Context(), InstallOptions{From: filepath.Join(dir, "x"), Version: "3.12.0"})
	wantError(t, err, os.ErrNotExist, filepath.Join(dir, "x"))
}

func TestZipWithAnEndlessIndexIsRefused(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	check(t, err)
	defer f.Close()
	r := &indexReader{f: f, left: 10}
	_, err = r.ReadAt(make([]byte, 11), 0)
	wantError(t, err, nil, "its list of members is too long")
}

// FuzzUnpack unpacks whatever there is, and looks whether it stayed where it belongs.
func FuzzUnpack(f *testing.F) {
	entries := []entry{{"python.wasm", module("x"), 0}, {"lib/python3.12/os.py", "os", 0}, {"../x", "", tar.TypeSymlink}}
	for _, file := range []string{tgz(f, entries...), zipped(f, entries...)} {
		data, err := os.ReadFile(file)
		check(f, err)
		f.Add(data)
	}
	f.Add([]byte(module("")))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		in := &installer{stage: filepath.Join(dir, "stage"), limits: limits{members: 100, unpacked: 1 << 20}}
		check(t, os.Mkdir(in.stage, 0o755))
		b, err := in.unpack(t.Context(), file(t, "archive", string(data)), "archive")
		for _, name := range tree(t, dir) {
			if name != "stage" && name != "stage/base" && !strings.HasPrefix(name, "stage/base/") || strings.Contains(name, " -> ") {
				t.Errorf("unpacked %q", name)
			}
		}
		if err != nil {
			return
		}
		content, err := os.ReadFile(b.Wasm())
		check(t, err)
		if int64(len(content)) != b.Size || digest(string(content)) != b.Digest {
			t.Errorf("%+v is not what was unpacked", b)
		}
	})
}
