package pyenv

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxScript bounds, in bytes, the files that may have the environment's path in them.
const maxScript = 1 << 20

// relocate makes scripts that were written while the environment was built aside name the place where it will be: those of pip begin with
// the path of their interpreter. It says so in the RECORD of the packages that they belong to.
//
// Byte code names its source, too; CPython puts that right when it loads it.
func relocate(c *Context) error {
	if c.Target == c.EnvDir {
		return nil
	}
	entries, err := os.ReadDir(c.BinPath)
	if err != nil {
		return err
	}
	changed := map[string][]byte{} // by path
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join(c.BinPath, e.Name())
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Size() > maxScript {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		moved := bytes.ReplaceAll(text, []byte(c.EnvDir), []byte(c.Target))
		if bytes.IndexByte(text, 0) >= 0 || bytes.Equal(text, moved) {
			continue
		}
		if err := writeWhole(name, moved, info.Mode().Perm()); err != nil {
			return err
		}
		changed[name] = moved
	}
	if len(changed) == 0 {
		return nil
	}
	records, err := filepath.Glob(filepath.Join(globQuote(c.LibPath), "*.dist-info", "RECORD"))
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := correct(record, c.LibPath, changed); err != nil {
			return err
		}
	}
	return nil
}

// globQuote makes filepath.Glob take a path as it is.
func globQuote(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// correct writes the digests and sizes of changed files into a RECORD (PEP 376), of which all other lines stay as they are.
func correct(record, site string, changed map[string][]byte) error {
	text, err := os.ReadFile(record)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		name, _, ok := strings.Cut(line, ",")
		content, is := changed[filepath.Join(site, filepath.FromSlash(name))]
		if !ok || !is {
			continue
		}
		sum := sha256.Sum256(content)
		end := line[len(strings.TrimRight(line, "\r\n")):]
		lines[i] = fmt.Sprintf("%s,sha256=%s,%d%s", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(content), end)
	}
	corrected := strings.Join(lines, "")
	if corrected == string(text) {
		return nil
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(record); err == nil {
		mode = info.Mode().Perm()
	}
	return writeWhole(record, []byte(corrected), mode)
}
