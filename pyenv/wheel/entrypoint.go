package wheel

import (
	"fmt"
	"strings"
	"unicode"
)

// EntryPoint is a line of entry_points.txt.
// https://packaging.python.org/specifications/entry-points/
type EntryPoint struct {
	Group string // such as console_scripts
	Name  string
	Value string // as written; see Object
}

// Script says whether a launcher is made for it.
func (e EntryPoint) Script() bool { return e.Group == "console_scripts" || e.Group == "gui_scripts" }

// Object splits MODULE:ATTRIBUTE [EXTRAS]. attribute is "" if the value is a module. ok is false if the value is neither, so that
// nothing but names gets into a launcher's code.
func (e EntryPoint) Object() (module, attribute string, ok bool) {
	value := e.Value
	if i := strings.IndexByte(value, '['); i >= 0 {
		if !strings.HasSuffix(strings.TrimSpace(value), "]") {
			return "", "", false
		}
		value = value[:i]
	}
	module, attribute, object := strings.Cut(value, ":")
	module, attribute = strings.TrimSpace(module), strings.TrimSpace(attribute)
	if !isDotted(module) || object && !isDotted(attribute) {
		return "", "", false
	}
	return module, attribute, true
}

func isDotted(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		for i, r := range part {
			if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
				return false
			}
		}
		if part == "" {
			return false
		}
	}
	return true
}

// ParseEntryPoints reads an entry_points.txt as Python's configparser does with "=" alone as delimiter. The error is [ErrFormat].
//
// Packages for Go that read INI files know other quotes, escapes and delimiters.
func ParseEntryPoints(data []byte) ([]EntryPoint, error) {
	var points []EntryPoint
	group := ""
	open := false // whether the last line may be continued
	for i, line := range strings.Split(newlines.Replace(strings.ToValidUTF8(string(data), "\uFFFD")), "\n") {
		text := strings.TrimSpace(line)
		switch {
		case text == "":
			continue
		case text[0] == '#' || text[0] == ';':
			continue
		case open && line[0] != text[0]: // blanks in front
			points[len(points)-1].Value += "\n" + text
			continue
		case text[0] == '[':
			end := strings.IndexByte(text, ']')
			if end < 2 {
				return nil, refuse(ErrFormat, "", "line %d is no [GROUP]: %.100q", i+1, text)
			}
			group, open = text[1:end], false
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || group == "" {
			return nil, refuse(ErrFormat, "", "line %d is no NAME = VALUE in a [GROUP]: %.100q", i+1, text)
		}
		points = append(points, EntryPoint{group, name, value})
		open = true
	}
	return points, nil
}

const maxScripts = 1000 // of one wheel; each becomes a file

// checkScripts says what is wrong with the launchers that are asked for.
func checkScripts(points []EntryPoint) (why string) {
	scripts := 0
	for _, p := range points {
		if !p.Script() {
			continue
		}
		if scripts++; scripts > maxScripts {
			return fmt.Sprintf("has more than %d scripts", maxScripts)
		}
		if bad := CheckPath(p.Name); bad != "" || strings.Contains(p.Name, "/") {
			if bad == "" {
				bad = "has a slash"
			}
			return fmt.Sprintf("has a script whose name %s: %.100q", bad, p.Name)
		}
		if _, attribute, ok := p.Object(); !ok || attribute == "" {
			return fmt.Sprintf("has a script that is not MODULE:FUNCTION: %.100q", p.Name+" = "+p.Value)
		}
	}
	return ""
}
