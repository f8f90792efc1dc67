package pyenv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxConfig is the size of pyvenv.cfg, in bytes, from which on CPython's getpath refuses to read it (Modules/getpath.c).
const maxConfig = 32 << 10

const (
	keyHome       = "home"
	keySystemSite = "include-system-site-packages"
	keyVersion    = "version"
	keyExecutable = "executable"
	keyCommand    = "command"
	keyPrompt     = "prompt"
	keyBuild      = "mayfly-build"
	keyWrite      = "mayfly-write"
)

// Config is a pyvenv.cfg: the keys that CPython's venv writes, and two of Mayfly's own. PEP 405 has the first two, the others are for people and
// tools.
type Config struct {
	Home       string // the folder of the base's interpreter, as the environment's Python sees it
	SystemSite bool   // include-system-site-packages: whether the base's site-packages is on sys.path too
	Version    string // of CPython: "3.12.0"
	Prompt     string // what shells show while the environment is active; "" where it is the folder's name
	Executable string // the base's interpreter
	Command    string // what made the environment
	Build      string // mayfly-build: the folder of the build for WASI that the environment stands on; "" for a CPython of the host's
	Write      bool   // mayfly-write: whether the environment's python may write into the folder in which it is started
}

// ReadConfig reads a pyvenv.cfg as CPython does: lines of a key and a value with the first "=" between, blanks around
// both and the case of keys ignored, unknown keys and lines without "=" passed over. It comes to what getpath and site do with it:
//
//   - the first home counts. Without one the error is [ErrNotVenv].
//   - the last of each other key counts.
//   - include-system-site-packages is true if it is not there. Anything but "true", in any case, is false.
//
// A file of 32 KiB or more, or one that is not UTF-8, is an error, as it is for CPython when it starts.
func ReadConfig(r io.Reader) (Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfig))
	switch {
	case err != nil:
		return Config{}, fmt.Errorf("read pyvenv.cfg: %w", err)
	case len(data) >= maxConfig:
		return Config{}, fmt.Errorf("pyvenv.cfg has %d bytes or more: CPython would not start with it", maxConfig)
	case !utf8.Valid(data):
		return Config{}, errors.New("pyvenv.cfg is not UTF-8: CPython would not start with it")
	case bytes.IndexByte(data, 0) >= 0:
		return Config{}, errors.New("pyvenv.cfg has a NUL character, where CPython would stop reading")
	}
	c := Config{SystemSite: true}
	isVenv := false
	for line := range strings.SplitSeq(newlines.Replace(string(data)), "\n") {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		value = strip(value)
		switch strings.ToLower(strip(key)) {
		case keyHome:
			if !isVenv {
				c.Home, isVenv = value, true
			}
		case keySystemSite:
			c.SystemSite = strings.EqualFold(value, "true")
		case keyVersion:
			c.Version = value
		case keyExecutable:
			c.Executable = value
		case keyCommand:
			c.Command = value
		case keyPrompt:
			c.Prompt = pyUnrepr(value)
		case keyBuild:
			c.Build = value
		case keyWrite:
			c.Write = strings.EqualFold(value, "true")
		}
	}
	if !isVenv {
		return Config{}, detailf(ErrNotVenv, "pyvenv.cfg has no home key: CPython would not take its folder for an environment; make a new one")
	}
	return c, nil
}

// ReadConfigFile reads the pyvenv.cfg of that name, as [ReadConfig] does.
func ReadConfigFile(name string) (Config, error) {
	f, err := os.Open(name)
	if err != nil {
		return Config{}, err
	}
	defer f.Close()
	return ReadConfig(f)
}

// newlines makes lines end as Python's text files do.
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// strip is Python's str.strip, which takes the four ASCII separators for blanks and Go does not.
func strip(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' })
}

// write writes the keys in the order of CPython's venv. Optional ones without a value are left out. A value that ReadConfig would not
// give back, such as one with a line break, is an error: it could pass for another key.
func (c Config) write(w io.Writer) error {
	systemSite := strconv.FormatBool(c.SystemSite)
	var prompt, write string
	if c.Prompt != "" {
		prompt = pyRepr(c.Prompt)
	}
	if c.Write {
		write = "true"
	}
	var b strings.Builder
	for _, line := range []struct {
		key, value string
		needed     bool
	}{
		{keyHome, c.Home, true},
		{keySystemSite, systemSite, true},
		{keyVersion, c.Version, false},
		{keyPrompt, prompt, false},
		{keyExecutable, c.Executable, false},
		{keyCommand, c.Command, false},
		{keyBuild, c.Build, false},
		{keyWrite, write, false},
	} {
		if line.value == "" && !line.needed {
			continue
		}
		if strip(line.value) != line.value || strings.ContainsAny(line.value, "\r\n\x00") || !utf8.ValidString(line.value) {
			return fmt.Errorf("pyvenv.cfg cannot hold %s = %q: it may be no more than one line of UTF-8, without blanks around it",
				line.key, line.value)
		}
		fmt.Fprintf(&b, "%s = %s\n", line.key, line.value)
	}
	if b.Len() >= maxConfig {
		return fmt.Errorf("pyvenv.cfg would have %d bytes: CPython reads fewer than %d", b.Len(), maxConfig)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
