package pyenv

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
)

// moduleHead begins a WebAssembly 1.0 module. A component has other four bytes at the end.
// https://webassembly.github.io/spec/core/binary/modules.html#binary-module
const moduleHead = "\x00asm\x01\x00\x00\x00"

// unpack puts the interpreter and the standard library that file holds into a new folder of the stage. shown is how errors, and
// Base.Source, name the file.
func (in *installer) unpack(ctx context.Context, file, shown string) (build, error) {
	a, err := openArchive(file, shown, in.limits)
	if err != nil {
		return build{}, err
	}
	defer a.Close()
	c, err := survey(ctx, a)
	if err != nil {
		return build{}, err
	}
	dir := filepath.Join(in.stage, "base")
	if err := os.RemoveAll(dir); err != nil { // a damaged file of the cache may have got as far as here
		return build{}, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return build{}, err
	}
	// Nothing can be written outside of a Root, whatever the names do.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return build{}, err
	}
	defer root.Close()
	in.report("unpack", 0, c.bytes)
	progress := &progressWriter{w: io.Discard, report: func(done int64) { in.report("unpack", done, c.bytes) }}
	b := build{Base: Base{Source: shown, Dir: dir}, libMinor: c.minor}
	err = a.walk(ctx, func(m member) error {
		to := c.destination(m.name)
		if to == "" {
			return nil
		}
		n, sum, err := write(root, m, to, shown, progress)
		if to == wasmName {
			b.Size, b.Digest = n, sum
		}
		return err
	})
	if err != nil {
		return build{}, err
	}
	in.report("unpack", c.bytes, c.bytes)
	return b, nil
}

// write copies a member to a new file. The interpreter has to begin as a module does.
func write(root *os.Root, m member, to, shown string, progress io.Writer) (n int64, digest string, err error) {
	r, err := m.open()
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	in := bufio.NewReaderSize(r, 1<<16)
	if to == wasmName {
		head, err := in.Peek(len(moduleHead))
		if err != nil && err != io.EOF {
			return 0, "", err
		}
		if !bytes.Equal(head, []byte(moduleHead)) {
			return 0, "", detailf(ErrSource, "%s: %s is not a WebAssembly 1.0 module (it begins with %q)", shown, m.name, head)
		}
	}
	if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return 0, "", err
	}
	f, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return 0, "", detailf(ErrSource, "%s has two members for one file, %q", shown, m.name)
	}
	if err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	n, err = io.Copy(io.MultiWriter(f, sum, progress), in)
	return n, hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Sync(), f.Close())
}
