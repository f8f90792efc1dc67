package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
)

// cache keeps pages and metadata in a folder. What cannot be written or read is as if it had not been kept: it is a cache.
type cache struct{ dir string }

// keptPage is a page with what is needed to read it and to ask for it again.
type keptPage struct {
	URL   string `json:"url"`   // asked for, lest two share a name
	Final string `json:"final"` // after redirects: links are relative to it
	ETag  string `json:"etag"`
	Type  string `json:"type"`
	body  []byte
}

func (c cache) name(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, kind, hex.EncodeToString(sum[:]))
}

func (c cache) page(url string, limit int64) (keptPage, bool) {
	if c.dir == "" {
		return keptPage{}, false
	}
	data, err := readLimited(c.name("pages", url), limit+1<<16)
	if err != nil {
		return keptPage{}, false
	}
	head, body, ok := bytes.Cut(data, []byte("\n"))
	var p keptPage
	if !ok || json.Unmarshal(head, &p) != nil || p.URL != url {
		return keptPage{}, false
	}
	p.body = body
	return p, true
}

func (c cache) keepPage(url string, p keptPage) {
	p.URL = url
	head, err := json.Marshal(p)
	if err == nil {
		c.keep(c.name("pages", url), append(append(head, '\n'), p.body...))
	}
}

// metadata finds that of a wheel by its SHA-256.
func (c cache) metadata(sha256 string, limit int64) ([]byte, bool) {
	if c.dir == "" || sha256 == "" {
		return nil, false
	}
	data, err := readLimited(c.name("metadata", sha256), limit)
	return data, err == nil
}

func (c cache) keepMetadata(sha256 string, data []byte) {
	if sha256 != "" {
		c.keep(c.name("metadata", sha256), data)
	}
}

func (c cache) forgetMetadata(sha256 string) {
	if c.dir != "" && sha256 != "" {
		os.Remove(c.name("metadata", sha256))
	}
}

func (c cache) keep(name string, data []byte) {
	if c.dir == "" || os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if err2 := f.Close(); err != nil || err2 != nil || os.Rename(f.Name(), name) != nil {
		os.Remove(f.Name())
	}
}
