package wheel

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// wantError checks what the user reads, and what a caller can ask.
func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%s\nwithout\n\t%s", err, text)
	}
}

func TestFileNamesAreReadAsTheStandardHasThem(t *testing.T) {
	for name, want := range map[string]FileName{
		"flask-2.2.2-py3-none-any.whl": {Project: "flask", Version: "2.2.2", Tags: []Tag{{"py3", "none", "any"}}},
		"six-1.16.0-py2.py3-none-any.whl": {Project: "six", Version: "1.16.0",
			Tags: []Tag{{"py2", "none", "any"}, {"py3", "none", "any"}}},
		"a.b_c-1!2.0+local.1-12abc-CP312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": {Project: "a.b_c", Version: "1!2.0+local.1",
			Build: Build{12, "abc"}, Tags: []Tag{{"cp312", "abi3", "manylinux_2_17_x86_64"}, {"cp312", "abi3", "manylinux2014_x86_64"}}},
	} {
		got, err := ParseFileName(name)
		if err != nil {
			t.Error(err)
			continue
		}
		want.File = name
		equal(t, got, want)
	}
}

func TestOtherFileNamesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"flask.zip":                       "it does not end in .whl",
		"flask-2-any.whl":                 "it has 3 parts between dashes, not 5 or 6",
		"../flask-2-py3-none-any.whl":     `"../flask" is no project's name`,
		"flask-2/3-py3-none-any.whl":      `"2/3" is no version`,
		"flask--py3-none-any.whl":         `"" is no version`,
		"flask-2-x-py3-none-any.whl":      `build tag "x" does not start with digit`,
		"flask-2-py3-none-.whl":           `"" is no tag`,
		"flask-2-py3-no..ne-any.whl":      `"no..ne" is no tag`,
		strings.Repeat("a", 252) + ".whl": "it is longer than 255 bytes",
		"a-1-" + strings.Repeat("a.", 30) + "a-" + strings.Repeat("a.", 40) + "a-any.whl": "it stands for 1271 tags",
	} {
		_, err := ParseFileName(name)
		wantError(t, err, ErrName, text)
	}
}

// TestTagsAreThoseOfPackaging asks the library that pip asks.
func TestTagsAreThoseOfPackaging(t *testing.T) {
	script := `
from pip._vendor.packaging import tags
import sys
def show(ts): print(" ".join(map(str, ts)))
p = ["manylinux_2_17_x86_64", "linux_x86_64"]
show(list(tags.cpython_tags((3, 12), ["cp312"], p)) + list(tags.compatible_tags((3, 12), "cp312", p)))
show(tags.mac_platforms((14, 0), "arm64"))
show(tags.mac_platforms((12, 0), "x86_64"))
from pip._vendor.packaging import _manylinux
_manylinux._get_glibc_version = lambda: (2, 36)
_manylinux._have_compatible_abi = lambda *a: True
try: show(list(_manylinux.platform_tags(["x86_64"])) + ["linux_x86_64"])
except TypeError: show(list(_manylinux.platform_tags("linux_x86_64", "x86_64")) + ["linux_x86_64"])
`
	out, err := exec.Command("python3", "-c", script).Output()
	if err != nil {
		t.Skipf("python3 with pip is not there: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var ours []string
	for _, tag := range CPython(12, "manylinux_2_17_x86_64", "linux_x86_64").Tags() {
		ours = append(ours, tag.String())
	}
	equal(t, ours, strings.Fields(lines[0]))
	equal(t, MacPlatforms(14, "arm64"), strings.Fields(lines[1]))
	equal(t, MacPlatforms(12, "x86_64"), strings.Fields(lines[2]))
	equal(t, GlibcPlatforms("x86_64", 36), strings.Fields(lines[3]))
}

func TestWhatInstallsOnABase(t *testing.T) {
	wasi := WASI(12)
	linux := CPython(12, GlibcPlatforms("x86_64", 36)...)
	for tag, want := range map[string][2]bool{ // wasi, linux
		"py3-none-any":                         {true, true},
		"py2.py3-none-any":                     {true, true},
		"py312-none-any":                       {true, true},
		"cp312-none-any":                       {true, true},
		"py2-none-any":                         {false, false},
		"py313-none-any":                       {false, false},
		"cp312-cp312-wasi_0_0_0_wasm32":        {true, false},
		"cp311-cp311-wasi_0_0_0_wasm32":        {false, false},
		"cp312-cp312-manylinux_2_17_x86_64":    {false, true},
		"cp39-abi3-manylinux2014_x86_64":       {false, true},
		"cp312-cp312-musllinux_1_2_x86_64":     {false, false},
		"cp312-cp312-manylinux_2_39_x86_64":    {false, false},
		"cp312-cp312-emscripten_3_1_58_wasm32": {false, false},
	} {
		f, err := ParseFileName("a-1-" + tag + ".whl")
		if err != nil {
			t.Fatal(err)
		}
		_, onWASI := wasi.Rank(f)
		_, onLinux := linux.Rank(f)
		equal(t, [2]bool{onWASI, onLinux}, want)
	}
	f, _ := ParseFileName("numpy-2.0-cp312-cp312-win_amd64.whl")
	wantError(t, wasi.Check(f), ErrUnsupported, "numpy-2.0-cp312-cp312-win_amd64.whl is refused: it is for cp312-cp312-win_amd64, and this Python takes "+
		"cp312-cp312-wasi_0_0_0_wasm32 or, without native code, py3-none-any: choose another wheel of numpy")
}
