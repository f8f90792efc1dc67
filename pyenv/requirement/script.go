package requirement

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// Script is what the "# /// script" block of a single-file script says (PEP 723).
type Script struct {
	RequiresPython Specifiers
	Dependencies   []Requirement
	Tool           map[string]any // [tool], for those it is for; nil if there is none
	Line           int            // of "# /// script", counted from 1
}

// ParseScript reads the block of a Python source; file is how errors name it. It is nil without an error if there is none, and an error that is [ErrProject] if
// there are two, or it is not closed.
func ParseScript(file string, data []byte) (*Script, error) {
	if len(data) > maxProject {
		return nil, &PlaceError{File: file, Err: detailf(ErrProject, "it is longer than %d bytes", maxProject)}
	}
	lines := strings.Split(string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))), "\n")
	var block []string
	at := 0
	for i := 0; i < len(lines); i++ {
		kind, ok := strings.CutPrefix(lines[i], "# /// ")
		if !ok || kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			continue
		}
		// The block ends with the last "# ///" of the comment lines that follow.
		end := 0
		j := i + 1
		for ; j < len(lines) && (lines[j] == "#" || strings.HasPrefix(lines[j], "# ")); j++ {
			if lines[j] == "# ///" {
				end = j
			}
		}
		switch {
		case end == 0 && kind == "script":
			return nil, &PlaceError{File: file, Line: i + 1, Err: detailf(ErrProject, `the block is not closed: end it with the line "# ///"`)}
		case end == 0:
			continue
		case kind == "script" && at > 0:
			return nil, &PlaceError{File: file, Line: i + 1, Err: detailf(ErrProject, "there is a second script block: the first is in line %d", at)}
		case kind == "script":
			at, block = i+1, lines[i+1:end]
		}
		i = end
	}
	if at == 0 {
		return nil, nil
	}
	var b strings.Builder
	for _, line := range block {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ")
		b.WriteString(line + "\n")
	}
	var doc struct {
		RequiresPython any            `toml:"requires-python"`
		Dependencies   any            `toml:"dependencies"`
		Tool           map[string]any `toml:"tool"`
	}
	if !utf8.ValidString(b.String()) {
		return nil, &PlaceError{File: file, Line: at, Err: detailf(ErrProject, "the block is not UTF-8")}
	}
	if err := unmarshal(file, []byte(b.String()), &doc); err != nil {
		if place, ok := errors.AsType[*PlaceError](err); ok {
			place.Line += at
		}
		return nil, err
	}
	s := &Script{Tool: doc.Tool, Line: at}
	var err error
	if s.RequiresPython, err = requiresPython(file, "requires-python", doc.RequiresPython); err == nil {
		s.Dependencies, err = requirements(file, "dependencies", doc.Dependencies)
	}
	if place, ok := errors.AsType[*PlaceError](err); ok {
		place.Line = at
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
