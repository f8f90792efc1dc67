package index

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// parseJSON reads a project's page (PEP 691, 700, 714).
func parseJSON(data []byte, base *url.URL, limit int) ([]File, error) {
	var page struct {
		Meta struct {
			Version string `json:"api-version"`
		} `json:"meta"`
		Files []struct {
			Name           string            `json:"filename"`
			URL            string            `json:"url"`
			Hashes         map[string]string `json:"hashes"`
			RequiresPython *string           `json:"requires-python"`
			Core           json.RawMessage   `json:"core-metadata"`
			DistInfo       json.RawMessage   `json:"dist-info-metadata"`
			Yanked         json.RawMessage   `json:"yanked"`
			Size           int64             `json:"size"`
			Uploaded       string            `json:"upload-time"`
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, detailf(ErrIndex, "%s is no simple index: %v", shown(base), err)
	}
	if err := checkVersion(page.Meta.Version, base); err != nil {
		return nil, err
	}
	if len(page.Files) > limit {
		return nil, detailf(ErrIndex, "%s has more than %d files", shown(base), limit)
	}
	var files []File
	for _, j := range page.Files {
		f, ok := linked(base, j.URL)
		if !ok || j.Name == "" {
			continue
		}
		f.Name, f.Hashes = j.Name, hashes(j.Hashes)
		if j.RequiresPython != nil {
			f.RequiresPython, _ = requirement.ParseSpecifiers(*j.RequiresPython)
		}
		if j.Size > 0 {
			f.Size = j.Size
		}
		f.Uploaded, _ = time.Parse(time.RFC3339, j.Uploaded)
		switch {
		case len(j.Yanked) == 0:
		case json.Unmarshal(j.Yanked, &f.YankedReason) == nil:
			f.Yanked = string(j.Yanked) != "null"
		default:
			f.Yanked = string(j.Yanked) == "true"
		}
		for _, raw := range []json.RawMessage{j.Core, j.DistInfo} {
			var digests map[string]string
			if string(raw) == "true" {
				f.separate = map[string]string{}
			} else if json.Unmarshal(raw, &digests) == nil && digests != nil {
				if f.separate = hashes(digests); f.separate == nil {
					f.separate = map[string]string{}
				}
			}
			if len(raw) > 0 {
				break
			}
		}
		files = append(files, f)
	}
	return files, nil
}
