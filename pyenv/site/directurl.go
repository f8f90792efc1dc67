package site

import (
	"net/url"
	"strings"
)

// DirectURL is where a package came from that was asked for by URL and not by name (PEP 610). One of the three infos is there.
type DirectURL struct {
	URL          string       `json:"url"`
	Archive      *ArchiveInfo `json:"archive_info,omitempty"`
	VCS          *VCSInfo     `json:"vcs_info,omitempty"`
	Directory    *DirInfo     `json:"dir_info,omitempty"`
	Subdirectory string       `json:"subdirectory,omitempty"`
}

// ArchiveInfo is of a file.
type ArchiveInfo struct {
	Hash   string            `json:"hash,omitempty"`   // ALGORITHM=HEX, for older readers
	Hashes map[string]string `json:"hashes,omitempty"` // hex by algorithm
}

// VCSInfo is of a repository.
type VCSInfo struct {
	VCS               string `json:"vcs"`
	RequestedRevision string `json:"requested_revision,omitempty"`
	CommitID          string `json:"commit_id"`
}

// DirInfo is of a folder.
type DirInfo struct {
	Editable bool `json:"editable,omitempty"`
}

// withoutSecrets leaves out a name and password, but for environment variables, which are no secret, and the name git.
func (d DirectURL) withoutSecrets() DirectURL {
	u, err := url.Parse(d.URL)
	if err != nil || u.User == nil || u.User.String() == "git" && d.VCS != nil {
		return d
	}
	if raw, _, ok := strings.Cut(strings.TrimPrefix(d.URL, u.Scheme+"://"), "@"); ok && isVariables(raw) {
		return d
	}
	u.User = nil
	d.URL = u.String()
	return d
}

// isVariables says whether it is ${NAME} or ${NAME}:${NAME}.
func isVariables(s string) bool {
	for part := range strings.SplitSeq(s, ":") {
		name, ok := strings.CutPrefix(part, "${")
		name, end := strings.CutSuffix(name, "}")
		if !ok || !end || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return true
}

// reference is a requirement for the same (PEP 440), as pip freeze prints it.
func (d DirectURL) reference(project string) string {
	var fragments []string
	u := d.URL
	if d.VCS != nil {
		u = d.VCS.VCS + "+" + u + "@" + d.VCS.CommitID
	}
	if d.Archive != nil {
		hash := d.Archive.Hash
		if hash == "" && d.Archive.Hashes["sha256"] != "" {
			hash = "sha256=" + d.Archive.Hashes["sha256"]
		}
		if hash != "" {
			fragments = append(fragments, hash)
		}
	}
	if d.Subdirectory != "" {
		fragments = append(fragments, "subdirectory="+d.Subdirectory)
	}
	if len(fragments) > 0 {
		u += "#" + strings.Join(fragments, "&")
	}
	return project + " @ " + u
}
