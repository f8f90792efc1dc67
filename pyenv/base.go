package pyenv

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	wasmName = "python.wasm"
	libName  = "lib"
	baseName = "base.json"

	maxBaseJSON = 64 << 10
)

// Base is one installed CPython build for WASI. Its files do not change while it is installed.
type Base struct {
	Version   string    `json:"version"`   // what the build says of itself: "3.12.0", "3.14.0rc2"
	Digest    string    `json:"digest"`    // SHA-256 of python.wasm, in hex
	Source    string    `json:"source"`    // where it came from, for people: "npm:NAME@VERSION", a path, or a URL without secrets
	Installed time.Time `json:"installed"` // UTC, whole seconds
	Size      int64     `json:"size"`      // bytes of python.wasm; the standard library, if apart, is not counted
	Dir       string    `json:"-"`         // the base's own folder, Bases.Dir/Version
}

// Wasm is the path of the interpreter.
func (b Base) Wasm() string { return filepath.Join(b.Dir, wasmName) }

// Lib is the path of the folder with the standard library, to be mounted as <prefix>/lib of the guest: it holds
// python3.N/ or python3N.zip or both. It is "" for a build that carries its library inside python.wasm.
func (b Base) Lib() string {
	lib := filepath.Join(b.Dir, libName)
	if info, err := os.Stat(lib); err != nil || !info.IsDir() {
		return ""
	}
	return lib
}

// Minor is the version without its last part: "3.12". It is "" if Version is none.
func (b Base) Minor() string {
	v, err := parseVersion(b.Version)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("3.%d", v.minor)
}

// same says whether two bases are the same build. A build is installed with its library or without: the interpreter
// alone does not make the build.
func (b Base) same(c Base) bool { return b.Digest == c.Digest && (b.Lib() == "") == (c.Lib() == "") }

// errUnfinished is why a folder is passed over. base.json is written last, so without it nothing is promised.
var errUnfinished = errors.New("not a finished base")

// loadBase reads the base in the folder dir, whose name is its version. The error is fs.ErrNotExist if there is no
// such folder, errUnfinished if it holds no whole base.
func loadBase(dir string) (Base, error) {
	if info, err := os.Lstat(dir); err != nil {
		return Base{}, err
	} else if !info.IsDir() {
		return Base{}, errUnfinished
	}
	f, err := os.Open(filepath.Join(dir, baseName))
	if errors.Is(err, fs.ErrNotExist) {
		return Base{}, errUnfinished
	}
	if err != nil {
		return Base{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBaseJSON+1))
	if err != nil {
		return Base{}, err
	}
	b, err := parseBase(data)
	if err != nil || b.Version != filepath.Base(dir) {
		return Base{}, errUnfinished
	}
	b.Dir = dir
	// A size that differs is all that is looked for: hashing 25 MB at every start would cost more than it finds.
	if info, err := os.Stat(b.Wasm()); err != nil || !info.Mode().IsRegular() || info.Size() != b.Size {
		return Base{}, errUnfinished
	}
	return b, nil
}

// parseBase reads base.json, at most 64 KiB. Keys it does not know are left to later versions of Mayfly.
func parseBase(data []byte) (Base, error) {
	if len(data) > maxBaseJSON {
		return Base{}, errors.New("base.json is larger than 64 KiB")
	}
	var b Base
	if err := json.Unmarshal(data, &b); err != nil {
		return Base{}, fmt.Errorf("base.json: %w", err)
	}
	if _, err := parseRunnable(b.Version); err != nil {
		return Base{}, fmt.Errorf("base.json: %w", err)
	}
	if sum, err := hex.DecodeString(b.Digest); err != nil || len(sum) != 32 {
		return Base{}, fmt.Errorf("base.json: digest %q is not a SHA-256 in hex", b.Digest)
	}
	if b.Size <= 0 {
		return Base{}, fmt.Errorf("base.json: size is %d", b.Size)
	}
	return b, nil
}

// writeBase writes base.json, which makes a folder a finished base.
func writeBase(dir string, b Base) error {
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, baseName), append(data, '\n'))
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenBase returns the base in a folder, as an environment names it: see Config.Build. The error is [ErrNoPython] if there is none any more.
func OpenBase(dir string) (Base, error) {
	b, err := loadBase(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errUnfinished) {
		install := Bases{filepath.Dir(dir)}.Command("install")
		return Base{}, detailf(ErrNoPython, "there is no CPython in %s any more: install it again with %s, or bring the environment to another with mayfly venv --upgrade", dir, install)
	}
	return b, err
}
