// Package pylock reads and writes lock files, pylock.toml (PEP 751): which files make an environment, with their hashes.
//
// [FromResolution] locks what was resolved, [Parse] reads a lock of any tool, [Lock.Select] picks what a target gets, and [Identity] is the hash of that: two that are equal
// make the same environment.
package pylock

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

const maxLock = 32 << 20 // bytes

// Lock is a lock file. Its fields are those of PEP 751, in its order; texts are as they stand in the file.
type Lock struct {
	Version        string         `toml:"lock-version"`
	Environments   []string       `toml:"environments,omitempty"` // markers, one of which has to hold
	RequiresPython string         `toml:"requires-python,omitempty"`
	Extras         []string       `toml:"extras,omitempty"`
	Groups         []string       `toml:"dependency-groups,omitempty"`
	DefaultGroups  []string       `toml:"default-groups,omitempty"`
	CreatedBy      string         `toml:"created-by"`
	Packages       []Package      `toml:"packages"`
	Tool           map[string]any `toml:"tool,omitempty"`
}

// Package is one package, or one of several of a name that markers tell apart.
type Package struct {
	Name           string           `toml:"name"`
	Version        string           `toml:"version,omitempty"`
	Marker         string           `toml:"marker,omitempty"`
	RequiresPython string           `toml:"requires-python,omitempty"`
	Dependencies   []map[string]any `toml:"dependencies,omitempty"` // what tells the package apart: name at least
	VCS            *VCS             `toml:"vcs,omitempty"`
	Directory      *Directory       `toml:"directory,omitempty"`
	Archive        *File            `toml:"archive,omitempty"`
	Index          string           `toml:"index,omitempty"`
	Sdist          *File            `toml:"sdist,omitempty"`
	Wheels         []File           `toml:"wheels,omitempty"`
	Identities     []map[string]any `toml:"attestation-identities,omitempty"`
	Tool           map[string]any   `toml:"tool,omitempty"`
}

// VCS is a package in a repository. It cannot be installed by Mayfly.
type VCS struct {
	Type              string `toml:"type"`
	URL               string `toml:"url,omitempty"`
	Path              string `toml:"path,omitempty"`
	RequestedRevision string `toml:"requested-revision,omitempty"`
	CommitID          string `toml:"commit-id"`
	Subdirectory      string `toml:"subdirectory,omitempty"`
}

// Directory is a package in a folder. It cannot be installed by Mayfly.
type Directory struct {
	Path         string `toml:"path"`
	Editable     bool   `toml:"editable,omitempty"`
	Subdirectory string `toml:"subdirectory,omitempty"`
}

// File is a wheel, an sdist or an archive.
type File struct {
	Name         string            `toml:"name,omitempty"` // "" if it is the last part of Path or URL
	UploadTime   *time.Time        `toml:"upload-time,omitempty"`
	URL          string            `toml:"url,omitempty"`
	Path         string            `toml:"path,omitempty"` // relative to the lock file, with '/'
	Size         int64             `toml:"size,omitempty"`
	Hashes       map[string]string `toml:"hashes"`
	Subdirectory string            `toml:"subdirectory,omitempty"` // of an archive
}

// Parse reads a lock; file is how errors name it. Keys that it does not know are passed over, as PEP 751 has it. The error is a [*requirement.PlaceError] that is [ErrLock].
func Parse(file string, data []byte) (*Lock, error) {
	if len(data) > maxLock {
		return nil, &requirement.PlaceError{File: file, Err: detailf(ErrLock, "it is longer than %d bytes", maxLock)}
	}
	l := &Lock{}
	if err := toml.Unmarshal(data, l); err != nil {
		place := &requirement.PlaceError{File: file, Err: detailf(ErrLock, "%s", strings.TrimPrefix(err.Error(), "toml: "))}
		if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			place.Line, _ = decode.Position()
			place.Key = strings.Join(decode.Key(), ".")
		}
		return nil, place
	}
	if key, err := l.check(); err != nil {
		return nil, &requirement.PlaceError{File: file, Key: key, Err: err}
	}
	return l, nil
}

// Marshal writes the lock so that [Parse] reads it back. The error is [ErrLock] if it is none.
func (l *Lock) Marshal() ([]byte, error) {
	if key, err := l.check(); err != nil {
		return nil, fmt.Errorf("write lock: %s: %w", key, err)
	}
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.SetIndentTables(false)
	if err := e.Encode(l); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return b.Bytes(), nil
}

// check finds the first key that is not as PEP 751 has it.
func (l *Lock) check() (key string, err error) {
	if major, _, ok := strings.Cut(l.Version, "."); major != "1" || !ok {
		return "lock-version", detailf(ErrLock, `it is %.20q, and only "1.0" can be read: lock again with a tool that writes that`, l.Version)
	}
	if l.CreatedBy == "" {
		return "created-by", detailf(ErrLock, "it is missing")
	}
	for i, m := range l.Environments {
		if _, err := requirement.ParseMarker(m); err != nil {
			return fmt.Sprintf("environments[%d]", i), detailf(ErrLock, "%v", err)
		}
	}
	if _, err := requirement.ParseSpecifiers(l.RequiresPython); err != nil {
		return "requires-python", detailf(ErrLock, "%v", err)
	}
	for i := range l.Packages {
		p := &l.Packages[i]
		key := "packages." + p.Name
		if p.Name == "" {
			key = fmt.Sprintf("packages[%d]", i)
		}
		if at, err := p.check(); err != nil {
			return strings.TrimSuffix(key+"."+at, "."), err
		}
	}
	return "", nil
}

func (p *Package) check() (key string, err error) {
	if r, err := requirement.Parse(p.Name); err != nil || r.Name != p.Name {
		return "name", detailf(ErrLock, "%.100q is no name", p.Name)
	}
	if p.Name != requirement.Normalize(p.Name) {
		return "name", detailf(ErrLock, "%q is to be written %q", p.Name, requirement.Normalize(p.Name))
	}
	if _, err := requirement.ParseVersion(p.Version); err != nil && p.Version != "" {
		return "version", detailf(ErrLock, "%v", err)
	}
	if _, err := p.holds(); err != nil {
		return "marker", detailf(ErrLock, "%v", err)
	}
	if _, err := requirement.ParseSpecifiers(p.RequiresPython); err != nil {
		return "requires-python", detailf(ErrLock, "%v", err)
	}
	for i, d := range p.Dependencies {
		if name, ok := d["name"].(string); !ok || name == "" {
			return fmt.Sprintf("dependencies[%d]", i), detailf(ErrLock, "it has no name")
		}
	}
	kinds := 0
	for _, there := range []bool{p.VCS != nil, p.Directory != nil, p.Archive != nil, p.Sdist != nil || len(p.Wheels) > 0} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return "", detailf(ErrLock, "it has neither wheels nor another source")
	case kinds > 1:
		return "", detailf(ErrLock, "it has more than one of vcs, directory, archive, and sdist or wheels")
	case p.Archive != nil:
		return "archive", p.Archive.check()
	}
	if p.Sdist != nil {
		if err := p.Sdist.check(); err != nil {
			return "sdist", err
		}
	}
	for i := range p.Wheels {
		if err := p.Wheels[i].check(); err != nil {
			return fmt.Sprintf("wheels[%d]", i), err
		}
	}
	return "", nil
}

// holds is the marker, which is zero if there is none.
func (p *Package) holds() (requirement.Marker, error) {
	if p.Marker == "" {
		return requirement.Marker{}, nil
	}
	return requirement.ParseMarker(p.Marker)
}

// strong are the hashes that count, by the digits they have.
var strong = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

func (f *File) check() error {
	if f.URL == "" && f.Path == "" {
		return detailf(ErrLock, "it has neither url nor path")
	}
	if f.Size < 0 {
		return detailf(ErrLock, "size is %d", f.Size)
	}
	if !slices.ContainsFunc([]string{"sha256", "sha384", "sha512"}, func(a string) bool { return f.Hashes[a] != "" }) {
		return detailf(ErrLock, "hashes has none of sha256, sha384 and sha512: lock again with a tool that writes them")
	}
	for algorithm, n := range strong {
		if h, ok := f.Hashes[algorithm]; ok && (len(h) != n || strings.Trim(h, "0123456789abcdef") != "") {
			return detailf(ErrLock, "hashes.%s is not %d digits in lower case", algorithm, n)
		}
	}
	return nil
}
