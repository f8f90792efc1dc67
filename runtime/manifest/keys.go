package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Keys returns the names of the keys that a manifest may have.
func Keys() []string {
	t := reflect.TypeFor[Manifest]()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("toml")
	}
	return keys
}

// checkWritten refuses what cannot be told from the decoded manifest: bare numbers where a size or a duration belongs, which would be taken for bytes
// and nanoseconds, and an empty name, which would pass for none. What else is wrong with the text, the decoder says.
func checkWritten(text []byte) error {
	var raw map[string]any
	if toml.Unmarshal(text, &raw) != nil {
		return nil
	}
	if raw["name"] == "" {
		return &Error{Line: lineOf(text, "name"), Msg: "name = \"\": name the function, or leave the line out"}
	}
	return checkQuoted(text, raw, "", reflect.TypeFor[Manifest]())
}

// checkQuoted looks for bare numbers in a table, whose keys are written with a prefix.
func checkQuoted(text []byte, table map[string]any, prefix string, t reflect.Type) error {
	for field := range t.Fields() {
		name := field.Tag.Get("toml")
		key := prefix + name
		value, ok := table[name]
		if inner, isTable := value.(map[string]any); isTable && field.Type.Kind() == reflect.Struct {
			if err := checkQuoted(text, inner, key+".", field.Type); err != nil {
				return err
			}
			continue
		}
		if _, quoted := value.(string); !ok || quoted {
			continue
		}
		switch field.Type {
		case reflect.TypeFor[Size]():
			return &Error{Line: lineOf(text, key), Msg: fmt.Sprintf("%s: %v is not a size: write a number and its unit in quotes, such as \"64MiB\"", key, value)}
		case reflect.TypeFor[Duration]():
			return &Error{Line: lineOf(text, key), Msg: fmt.Sprintf("%s: %v is not a duration: write a number and its unit in quotes, such as \"30s\" or \"250ms\"", key, value)}
		}
	}
	return nil
}

// lineOf returns the line on which a key stands; 0 where it is written in an unusual way.
func lineOf(text []byte, key string) int {
	line, table := 0, ""
	for l := range strings.Lines(string(text)) {
		line++
		l = strings.TrimSpace(l)
		if header, ok := strings.CutPrefix(l, "["); ok {
			table, _, _ = strings.Cut(header, "]")
			table += "."
			continue
		}
		if rest, ok := strings.CutPrefix(table+l, key); ok && strings.HasPrefix(strings.TrimSpace(rest), "=") {
			return line
		}
	}
	return 0
}

func unknownKey(e toml.DecodeError) error {
	line, _ := e.Position()
	key := strings.Join(e.Key(), ".")
	if table := e.Key()[0]; len(e.Key()) > 1 && table == "image" {
		return &Error{Line: line, Msg: fmt.Sprintf("unknown key %.80q; the keys of [image] are warmup and timeout", key)}
	}
	near := nearest(e.Key()[0], Keys())
	if near == "" {
		return &Error{Line: line, Msg: fmt.Sprintf("unknown key %.80q; the keys are %s", key, strings.Join(Keys(), ", "))}
	}
	return &Error{Line: line, Msg: fmt.Sprintf("unknown key %.80q; did you mean %q?", key, near)}
}

// nearest returns the known word that takes the fewest changes to get to from word, "" when none is near.
func nearest(word string, known []string) string {
	best, least := "", len(word)/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters must be added, taken away or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
