package index

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// Kind is what a file is.
type Kind int

const (
	Other Kind = iota // an egg, an installer, a version that is none
	Wheel
	Sdist
)

// File is one file of a package.
type File struct {
	Name           string
	URL            string // absolute, without credentials and fragment
	Kind           Kind
	Version        requirement.Version
	Tags           []string // of a wheel, expanded: "py3-none-any"
	Build          string   // build tag of a wheel
	Hashes         map[string]string
	RequiresPython requirement.Specifiers // none if the index does not say, or what it says cannot be read
	Yanked         bool
	YankedReason   string
	Size           int64     // 0 if the index does not say
	Uploaded       time.Time // zero if the index does not say
	Index          string    // where it was found, without credentials

	separate map[string]string // hashes of METADATA, which is there apart from the wheel; nil if it is not
}

// complete fills in what the name says, and tells whether the file is one of the project.
func (f *File) complete(project string) bool {
	if strings.HasSuffix(f.Name, ".whl") {
		w, err := ParseWheelName(f.Name)
		if err != nil || w.Project != project {
			return false
		}
		f.Kind, f.Version, f.Tags, f.Build = Wheel, w.Version, w.Tags, w.Build
		return true
	}
	for _, ext := range []string{".tar.gz", ".zip", ".tar.bz2", ".tgz"} {
		stem, ok := strings.CutSuffix(f.Name, ext)
		if !ok {
			continue
		}
		// Names may have '-', so the version begins after each of them in turn.
		for i := range len(stem) {
			if stem[i] != '-' || requirement.Normalize(stem[:i]) != project {
				continue
			}
			if v, err := requirement.ParseVersion(stem[i+1:]); err == nil {
				f.Kind, f.Version = Sdist, v
				return true
			}
		}
	}
	return requirement.Normalize(f.Name) == project || strings.HasPrefix(requirement.Normalize(f.Name), project+"-")
}

// WheelName is what the name of a wheel says (PEP 427).
type WheelName struct {
	Project string // normalized
	Version requirement.Version
	Build   string
	Tags    []string // each combination of the compressed sets (PEP 425)
}

// maxTags bounds the tags that one name may stand for.
const maxTags = 1000

// ParseWheelName reads the name of a wheel. It has no part that a path could be made of. The error is [ErrMetadata].
func ParseWheelName(name string) (WheelName, error) {
	bad := func(why string) (WheelName, error) {
		return WheelName{}, detailf(ErrMetadata, "%.200q is no name of a wheel: %s", name, why)
	}
	stem, ok := strings.CutSuffix(name, ".whl")
	parts := strings.Split(stem, "-")
	if !ok || len(parts) != 5 && len(parts) != 6 {
		return bad("it is NAME-VERSION-PYTHON-ABI-PLATFORM.whl")
	}
	if len(name) > 512 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+!") != "" {
		return bad("it has characters that do not belong there")
	}
	for _, p := range parts {
		if p == "" || p[0] == '.' {
			return bad("a part of it is empty")
		}
	}
	v, err := requirement.ParseVersion(strings.ReplaceAll(parts[1], "_", "-"))
	if err != nil {
		return bad("its version is none")
	}
	w := WheelName{Project: requirement.Normalize(parts[0]), Version: v}
	if len(parts) == 6 {
		if w.Build = parts[2]; w.Build[0] < '0' || w.Build[0] > '9' {
			return bad("its build tag does not begin with a digit")
		}
		parts = append(parts[:2], parts[3:]...)
	}
	n := 1
	for _, set := range parts[2:] {
		n *= strings.Count(set, ".") + 1
	}
	if n > maxTags {
		return bad("it stands for too many tags")
	}
	for python := range strings.SplitSeq(parts[2], ".") {
		for abi := range strings.SplitSeq(parts[3], ".") {
			for platform := range strings.SplitSeq(parts[4], ".") {
				w.Tags = append(w.Tags, strings.ToLower(python+"-"+abi+"-"+platform))
			}
		}
	}
	return w, nil
}

// linked makes a file of a link. It is false for what leads to no file.
func linked(base *url.URL, href string) (File, bool) {
	u, err := base.Parse(strings.TrimSpace(href))
	if err != nil || u.Opaque != "" {
		return File{}, false
	}
	switch {
	case u.Scheme == "http" || u.Scheme == "https":
		if u.Host == "" {
			return File{}, false
		}
	case u.Scheme != "file" || base.Scheme != "file": // a server has no say over the files of this machine
		return File{}, false
	}
	f := File{Name: path.Base(u.Path), Index: shown(base)}
	if f.Name == "." || f.Name == "/" || strings.HasSuffix(u.Path, "/") {
		return File{}, false
	}
	if algorithm, digest, ok := strings.Cut(u.Fragment, "="); ok {
		f.Hashes = hashes(map[string]string{algorithm: digest})
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	f.URL = u.String()
	return f, true
}

// hashes keeps those that are worth something.
func hashes(m map[string]string) map[string]string {
	kept := map[string]string{}
	for algorithm, digest := range m {
		if n, ok := digestBytes[algorithm]; ok && len(digest) == 2*n && strings.Trim(strings.ToLower(digest), "0123456789abcdef") == "" {
			kept[algorithm] = strings.ToLower(digest)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// FileAt is the file that a URL names, as requirements of the form NAME @ URL do: https, http or file, with its hash after '#'. Credentials in the URL are
// kept for its server, and are not in File.URL. The error is [ErrSource].
func (c *Client) FileAt(s string) (File, error) {
	u, err := url.Parse(s)
	if err == nil && u.Scheme == "file" && u.Opaque != "" { // file:relative/path
		var name string
		if name, err = c.local(u.Scheme + ":" + u.Opaque); err == nil {
			if name, err = filepath.Abs(name); err == nil {
				u.Path, u.Opaque = fileURL(name).Path, ""
			}
		}
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" || u.Opaque != "" || u.Scheme != "file" && u.Host == "" {
		return File{}, detailf(ErrSource, "%s cannot be fetched: give an https://, http:// or file:/// URL of a wheel; others, such as git, would have to be built", requirement.RedactURL(s))
	}
	if u.Scheme == "file" && c.o.NoFiles {
		return File{}, refused(u.String())
	}
	c.logins.take(u)
	f, ok := linked(u, u.String())
	if !ok {
		return File{}, detailf(ErrSource, "%s is no file", shown(u))
	}
	f.Index = "its URL"
	w, err := ParseWheelName(f.Name)
	if err != nil {
		return File{}, err
	}
	f.complete(w.Project)
	return f, nil
}
