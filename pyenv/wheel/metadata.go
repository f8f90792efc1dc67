package wheel

import "strings"

// Metadata is a METADATA file.
// https://packaging.python.org/specifications/core-metadata/
type Metadata struct {
	MetadataVersion string
	Name            string // as written
	Version         string // as written
	Summary         string
	Homepage        string
	Author          string
	AuthorEmail     string
	Maintainer      string
	MaintainerEmail string
	License         string // License-Expression, or else License
	Keywords        string
	Classifiers     []string
	ProjectURLs     []string // "LABEL, URL"
	RequiresPython  string   // version specifiers (PEP 440); "" is any
	RequiresDist    []string // requirements (PEP 508) as written
	ProvidesExtra   []string
	Description     string
}

// ParseMetadata reads a METADATA file, which has to have a name and a version. The error is [ErrFormat], or [ErrUnsupported] for
// one of a major version that is not known.
//
// deps.dev/util/pypi has a reader too, which leaves out what Python is required, and requirements as they were written.
func ParseMetadata(data []byte) (Metadata, error) {
	h, body := readHeader(data)
	m := Metadata{
		MetadataVersion: h.one("metadata-version"),
		Name:            h.one("name"),
		Version:         h.one("version"),
		Summary:         h.one("summary"),
		Homepage:        h.one("home-page"),
		Author:          h.one("author"),
		AuthorEmail:     h.one("author-email"),
		Maintainer:      h.one("maintainer"),
		MaintainerEmail: h.one("maintainer-email"),
		License:         h.one("license-expression"),
		Keywords:        h.one("keywords"),
		Classifiers:     h["classifier"],
		ProjectURLs:     h["project-url"],
		RequiresPython:  h.one("requires-python"),
		ProvidesExtra:   h["provides-extra"],
		Description:     body,
	}
	for _, r := range h["requires-dist"] {
		m.RequiresDist = append(m.RequiresDist, strings.Join(strings.Fields(r), " ")) // one that was folded too
	}
	if m.License == "" {
		m.License = h.one("license")
	}
	if m.Description == "" {
		m.Description = h.one("description")
	}
	if major, _, _ := strings.Cut(m.MetadataVersion, "."); major != "" && major != "1" && major != "2" {
		return Metadata{}, refuse(ErrUnsupported, "", "its Metadata-Version is %.20q, and 1 and 2 are known", m.MetadataVersion)
	}
	switch {
	case !projectPattern.MatchString(m.Name):
		return Metadata{}, refuse(ErrFormat, "", "its Name is %.100q, which is no project's name", m.Name)
	case m.Version == "" || len(m.Version) > maxName || strings.ContainsAny(m.Version, " \n/\\"):
		return Metadata{}, refuse(ErrFormat, "", "its Version is %.100q, which is no version", m.Version)
	}
	return m, nil
}
