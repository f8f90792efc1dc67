package index

import (
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"testing"
)

func gzipWriter(w io.Writer) io.Writer { return gzip.NewWriter(w) }

// seen checks what a parser makes of a page of a server.
func seen(t *testing.T, data []byte, parse func([]byte, *url.URL, int) ([]File, error)) {
	t.Helper()
	base, err := url.Parse("https://host/simple/a/")
	check(t, err)
	files, err := parse(data, base, 100)
	if err != nil {
		return
	}
	for _, f := range files {
		f.complete("a")
		if !strings.HasPrefix(f.URL, "https://") && !strings.HasPrefix(f.URL, "http://") || strings.Contains(f.URL, "#") || len(files) > 100 {
			t.Errorf("took %+v", f)
		}
	}
}
