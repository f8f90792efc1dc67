package index

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// maxToken bounds the bytes of one tag.
const maxToken = 1 << 20

// parseHTML reads the links of a page (PEP 503). It looks at tags as they come and makes no tree, so that nesting costs nothing.
func parseHTML(data []byte, base *url.URL, limit int) ([]File, error) {
	z := html.NewTokenizer(bytes.NewReader(data))
	z.SetMaxBuf(maxToken)
	var files []File
	page := base
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return nil, detailf(ErrIndex, "%s is no simple index: %v", shown(page), err)
			}
			return files, nil
		case html.StartTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		name, more := z.TagName()
		tag := string(name)
		if tag != "a" && tag != "base" && tag != "meta" {
			continue
		}
		attributes := map[string]string{}
		for n := 0; more && n < 100; n++ {
			var key, value []byte
			key, value, more = z.TagAttr()
			if _, twice := attributes[string(key)]; !twice {
				attributes[string(key)] = string(value)
			}
		}
		switch tag {
		case "meta":
			if attributes["name"] == "pypi:repository-version" {
				if err := checkVersion(attributes["content"], page); err != nil {
					return nil, err
				}
			}
		case "base":
			if href, ok := attributes["href"]; ok {
				if u, err := base.Parse(href); err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == page.Scheme) {
					u.User = nil
					base = u
				}
			}
		case "a":
			if len(files) >= limit {
				return nil, detailf(ErrIndex, "%s has more than %d links", shown(page), limit)
			}
			if f, ok := link(base, attributes); ok && (f.URL[:5] != "file:" || page.Scheme == "file") {
				f.Index = shown(page)
				files = append(files, f)
			}
		}
	}
}

func link(base *url.URL, attributes map[string]string) (File, bool) {
	f, ok := linked(base, attributes["href"])
	if !ok {
		return f, false
	}
	f.RequiresPython, _ = requirement.ParseSpecifiers(attributes["data-requires-python"])
	f.YankedReason, f.Yanked = attributes["data-yanked"]
	for _, key := range []string{"data-core-metadata", "data-dist-info-metadata"} {
		if value, ok := attributes[key]; ok && value != "false" {
			algorithm, digest, _ := strings.Cut(value, "=")
			f.separate = map[string]string{}
			if kept := hashes(map[string]string{algorithm: digest}); kept != nil {
				f.separate = kept
			}
			break
		}
	}
	return f, true
}

// checkVersion refuses a major version that is not known, as PEP 629 says.
func checkVersion(version string, page *url.URL) error {
	if major, _, _ := strings.Cut(version, "."); major != "1" {
		return detailf(ErrIndex, "%s is a simple index of version %.20q, and only version 1 can be read", shown(page), version)
	}
	return nil
}
