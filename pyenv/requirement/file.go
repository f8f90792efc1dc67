package requirement

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxFile     = 4 << 20 // bytes of one requirements file
	maxIncludes = 100     // files that one file includes in all, by -r and -c
)

// File is what a requirements.txt says, with all that it includes.
type File struct {
	Lines       []Line // in the order of the files
	Constraints []Line // from -c, and the files that these include
	Options     Options
}

// Line is one requirement, and where it stands.
type Line struct {
	Requirement
	Hashes []string // "sha256:HEX", of which the file has to have one; none if the line has none
	File   string
	Number int // counted from 1
}

// Place is FILE:LINE.
func (l Line) Place() string { return fmt.Sprintf("%s:%d", l.File, l.Number) }

// Options are those that apply to all of a file: they are named as pip has them.
type Options struct {
	IndexURL       string // "" if there is none; the last one counts
	ExtraIndexURLs []string
	FindLinks      []string // URLs and folders; a relative folder is relative to the file
	NoIndex        bool
	Pre            bool
	RequireHashes  bool
}

// FileOptions say how requirements files are read. The zero value reads this machine's files and environment.
type FileOptions struct {
	// Open opens a file by its path, slash-separated as in the files. nil opens files of this machine: where others' files are read, give one that keeps to
	// their folder.
	Open func(name string) (io.ReadCloser, error)

	// LookupEnv is what ${NAME} stands for; nil is os.LookupEnv.
	LookupEnv func(name string) (string, bool)
}

// ReadFile reads a requirements file as pip does, and those that it includes by -r and -c. Errors are [*PlaceError].
func ReadFile(name string, o FileOptions) (*File, error) {
	if o.Open == nil {
		o.Open = func(name string) (io.ReadCloser, error) { return os.Open(filepath.FromSlash(name)) }
	}
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	r := &fileReader{o: o}
	if err := r.read(filepath.ToSlash(name), &r.file.Lines, nil); err != nil {
		return nil, err
	}
	return &r.file, nil
}

type fileReader struct {
	o        FileOptions
	file     File
	includes int
}

// read reads one file. Its requirements go to lines; within are the files that include it.
func (r *fileReader) read(name string, lines *[]Line, within []string) error {
	in, err := r.o.Open(name)
	if err != nil {
		return detailf(ErrInclude, "read requirements: %v", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return detailf(ErrInclude, "read requirements: %v", err)
	case len(data) > maxFile:
		return detailf(ErrInclude, "%s is longer than %d bytes: not a requirements file", name, maxFile)
	case !utf8.Valid(data):
		return detailf(ErrInclude, "%s is not UTF-8: save it as that", name)
	}
	within = append(within, name)
	for number, text := range joined(strings.TrimPrefix(string(data), "\ufeff")) {
		full, secrets := r.expand(text)
		if err := r.line(Line{File: name, Number: number}, full, lines, within); err != nil {
			err = hide(err, secrets)
			var placed *PlaceError
			if errors.As(err, &placed) && placed.Line > 0 {
				return err // of a file that is included
			}
			return &PlaceError{File: name, Line: number, Err: err}
		}
	}
	return nil
}

// joined yields lines by the number of their first, those that end in a backslash joined with the next, without comments and empty ones.
func joined(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var b strings.Builder
		number, first := 0, 0
		emit := func() bool {
			line := strings.TrimSpace(b.String())
			b.Reset()
			return line == "" || yield(first, line)
		}
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if b.Len() == 0 {
				first = number
			}
			if isComment := strings.HasPrefix(strings.TrimSpace(line), "#"); isComment {
				// A comment ends what is continued, as in pip.
				if !emit() {
					return
				}
				continue
			}
			if rest, ok := strings.CutSuffix(line, `\`); ok {
				b.WriteString(rest)
				continue
			}
			if at := comment.FindStringIndex(line); at != nil {
				line = line[:at[0]]
			}
			b.WriteString(line)
			if !emit() {
				return
			}
		}
		emit()
	}
}

var (
	comment  = regexp.MustCompile(`(^|\s)#.*$`)
	variable = regexp.MustCompile(`\$\{[A-Z0-9_]+\}`)
)

// expand puts in what ${NAME} stands for, and tells what it put in. One that is not set stays, as with pip.
func (r *fileReader) expand(text string) (full string, values map[string]string) {
	values = map[string]string{}
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := r.o.LookupEnv(v[2 : len(v)-1]); ok && value != "" {
			values[v] = value
			return value
		}
		return v
	}), values
}

// hide takes the values of variables, which are mostly passwords, out of the text of an error.
func hide(err error, values map[string]string) error {
	text := err.Error()
	for name, value := range values {
		text = strings.ReplaceAll(text, value, name)
	}
	if text == err.Error() {
		return err
	}
	return &detail{err, text}
}

func (r *fileReader) line(l Line, text string, lines *[]Line, within []string) error {
	spec, options := cutOptions(text)
	words, err := split(options)
	if err != nil {
		return err
	}
	if spec == "" {
		return r.options(words, lines, within)
	}
	if l.Requirement, err = r.requirement(spec, path.Dir(l.File)); err != nil {
		return err
	}
	for len(words) > 0 {
		var name, value string
		if name, value, words, err = option(words); err != nil {
			return err
		}
		if name != "--hash" {
			return detailf(ErrOption, "%s cannot be used after a requirement: only --hash can, the rest is for packages that are built", name)
		}
		hash, err := parseHash(value)
		if err != nil {
			return err
		}
		l.Hashes = append(l.Hashes, hash)
	}
	*lines = append(*lines, l)
	return nil
}

// cutOptions separates a requirement from the options after it: they begin with the first word that begins with '-'.
func cutOptions(text string) (spec, options string) {
	for i := range len(text) {
		if text[i] == '-' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			return strings.TrimSpace(text[:i]), text[i:]
		}
	}
	return text, ""
}

// requirement reads what pip allows in place of a requirement too: the URL or path of a wheel.
func (r *fileReader) requirement(spec, dir string) (Requirement, error) {
	location, marker, _ := strings.Cut(spec, " ;")
	location = strings.TrimSpace(location)
	isURL := strings.Contains(location, "://") && !strings.Contains(location, "@ ") && !strings.Contains(location, " @")
	isPath := strings.HasPrefix(location, ".") || strings.HasPrefix(location, "/") || strings.HasSuffix(location, ".whl") && !strings.Contains(location, "@")
	if !isURL && !isPath || validName(location) && !strings.HasSuffix(location, ".whl") {
		return Parse(spec)
	}
	name, _, _ := strings.Cut(location, "#")
	name, _, _ = strings.Cut(name, "?")
	file := path.Base(name)
	project, _, ok := strings.Cut(file, "-")
	if !strings.HasSuffix(file, ".whl") || !ok {
		return Requirement{}, detailf(ErrRequirement, "%s is no wheel: give a NAME-VERSION-py3-none-any.whl; other kinds would have to be built", RedactURL(location))
	}
	if !isURL {
		location = "file:" + path.Join(dir, location)
		if path.IsAbs(path.Clean(name)) {
			location = "file://" + path.Clean(name)
		}
	}
	full := project + " @ " + location
	if marker != "" {
		full += " ; " + marker
	}
	return Parse(full)
}

// options reads a line that has no requirement.
func (r *fileReader) options(words []string, lines *[]Line, within []string) error {
	for len(words) > 0 {
		name, value, rest, err := option(words)
		if err != nil {
			return err
		}
		words = rest
		o := &r.file.Options
		switch name {
		case "--requirement":
			err = r.include(value, lines, within)
		case "--constraint":
			err = r.include(value, &r.file.Constraints, within)
		case "--index-url":
			o.IndexURL = value
		case "--extra-index-url":
			o.ExtraIndexURLs = append(o.ExtraIndexURLs, value)
		case "--find-links":
			if !strings.Contains(value, "://") && !path.IsAbs(value) {
				value = path.Join(path.Dir(within[len(within)-1]), value)
			}
			o.FindLinks = append(o.FindLinks, value)
		case "--no-index":
			o.NoIndex = true
		case "--pre":
			o.Pre = true
		case "--require-hashes":
			o.RequireHashes = true
		case "--only-binary", "--prefer-binary", "--use-feature":
			// Wheels are all there is here.
		case "--editable":
			err = detailf(ErrEditable, "-e is refused: a deployed function has a copy of its packages, which does not follow a folder; build a wheel (pip wheel .) and give its path")
		case "--no-binary":
			err = detailf(ErrOption, "--no-binary is refused: only wheels are installed here")
		case "--trusted-host":
			err = detailf(ErrOption, "--trusted-host is refused: certificates are always checked; give http:// in the index URL if the host has no certificate")
		case "--hash":
			err = detailf(ErrOption, "--hash belongs on the line of its requirement: end that line with a backslash, or join the two")
		default:
			err = detailf(ErrOption, "%s is not known in a requirements file", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *fileReader) include(name string, lines *[]Line, within []string) error {
	if strings.Contains(name, "://") {
		return detailf(ErrInclude, "%s is not on this machine: download it, and include the file", RedactURL(name))
	}
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(within[len(within)-1]), name)
	}
	for i, w := range within {
		if path.Clean(w) == path.Clean(name) {
			return detailf(ErrInclude, "%s includes itself: %s", name, strings.Join(append(within[i:], name), " -> "))
		}
	}
	if r.includes++; r.includes > maxIncludes {
		return detailf(ErrInclude, "more than %d files are included", maxIncludes)
	}
	return r.read(name, lines, within)
}

// withValue are the options that have a value, by all of their names.
var withValue = map[string]string{
	"-r": "--requirement", "--requirement": "--requirement", "-c": "--constraint", "--constraint": "--constraint",
	"-i": "--index-url", "--index-url": "--index-url", "--pypi-url": "--index-url", "--extra-index-url": "--extra-index-url",
	"-f": "--find-links", "--find-links": "--find-links", "-e": "--editable", "--editable": "--editable",
	"--no-binary": "--no-binary", "--only-binary": "--only-binary", "--trusted-host": "--trusted-host", "--use-feature": "--use-feature",
	"--hash": "--hash", "--global-option": "--global-option", "--config-settings": "--config-settings", "--config-setting": "--config-settings",
}

// option takes the first option off words: --name=value, --name value, -n value or -nvalue.
func option(words []string) (name, value string, rest []string, err error) {
	word, rest := words[0], words[1:]
	name, value, joined := strings.Cut(word, "=")
	if !strings.HasPrefix(word, "--") && len(word) > 2 {
		name, value, joined = word[:2], strings.TrimPrefix(word[2:], "="), true
	}
	full, takes := withValue[name]
	if !takes {
		if joined {
			return "", "", nil, detailf(ErrOption, "%s is not known with a value in a requirements file", name)
		}
		return name, "", rest, nil
	}
	if !joined {
		if len(rest) == 0 {
			return "", "", nil, detailf(ErrOption, "%s needs a value", name)
		}
		value, rest = rest[0], rest[1:]
	}
	if value == "" {
		return "", "", nil, detailf(ErrOption, "%s needs a value", name)
	}
	return full, value, rest, nil
}

// hashLengths are the algorithms that pip takes, by the digits of their hashes.
var hashLengths = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

func parseHash(s string) (string, error) {
	algorithm, digits, _ := strings.Cut(s, ":")
	n, ok := hashLengths[algorithm]
	digits = strings.ToLower(digits)
	if !ok || len(digits) != n || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", detailf(ErrOption, "--hash=%s is no hash: write --hash=sha256: and 64 hexadecimal digits (sha384 and sha512 will do too)", short(s))
	}
	return algorithm + ":" + digits, nil
}

// split separates words as a shell does: by spaces, with quotes and backslashes.
func split(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	var quote rune
	in, escaped := false, false
	for _, c := range s {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			in, escaped = true, true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				b.WriteRune(c)
			}
		case c == '\'' || c == '"':
			in, quote = true, c
		case c == ' ' || c == '\t':
			if in {
				words = append(words, b.String())
				b.Reset()
			}
			in = false
		default:
			in = true
			b.WriteRune(c)
		}
	}
	if quote != 0 {
		return nil, detailf(ErrOption, "a quote is not closed")
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}
