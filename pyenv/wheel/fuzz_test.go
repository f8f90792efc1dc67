package wheel

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func FuzzParseFileName(f *testing.F) {
	for _, seed := range []string{"flask-2.2.2-py3-none-any.whl", "a.b-1!2+c-3x-py2.py3-none-any.whl", "../a-1-b-c-d.whl", "a-1-99999999999999999999-b-c-d.whl", "----.whl"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, err := ParseFileName(name)
		if err != nil {
			return
		}
		if why := CheckPath(n.Project + "-" + n.Version); why != "" && !isDevice(n.Project+"-"+n.Version) {
			t.Errorf("%q %s", name, why)
		}
		if len(n.Tags) == 0 || len(n.Tags) > maxTags {
			t.Errorf("%q has %d tags", name, len(n.Tags))
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, seed := range []string{"Metadata-Version: 2.1\nName: a\nVersion: 1\n\nBody", "Name: a\r\nVersion: 1\r\nRequires-Dist: b;\r\n c\r\n", " x\n", "Name: a\rVersion: 1\r\r", "Name:a\nVersion:1\nbad line\nName: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMetadata(data)
		if err != nil {
			return
		}
		if !projectPattern.MatchString(m.Name) || !utf8.ValidString(m.Description) {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzParseFormat(f *testing.F) {
	for _, seed := range []string{"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "Wheel-Version: 1.9", "Wheel-Version: 2.0", "Wheel-Version: 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, err := ParseFormat(data); err == nil && w.Version[:2] != "1." {
			t.Errorf("%+v", w)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	for _, seed := range []string{"a,sha256=x,1\r\nb,,\r\n", "\"a,\"\"b\",,\n", "a\n", "../../x,md5=,\n", ",,", "a,b=c=d,9223372036854775808"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := ParseRecord(data)
		if err != nil || slices.ContainsFunc(entries, func(e RecordEntry) bool { return strings.ContainsAny(e.Path+e.Hash.String(), "\r\n") }) {
			return
		}
		written := FormatRecord(entries)
		again, err := ParseRecord(written)
		if err != nil {
			t.Fatalf("%q: %v", written, err)
		}
		if !bytes.Equal(FormatRecord(again), written) {
			t.Error(cmp.Diff(entries, again))
		}
	})
}

func FuzzParseEntryPoints(f *testing.F) {
	for _, seed := range []string{"[console_scripts]\na = b:c [d,e]\n# x\n; y\n[g]\nn=v\n  more\n", "[", "[]", "[a]\n=b", "a=b", "[a]\r\nb = c\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		points, err := ParseEntryPoints(data)
		if err != nil {
			return
		}
		for _, p := range points {
			module, attribute, ok := p.Object()
			if ok && bytes.ContainsAny([]byte(module+attribute), "\n\r'\"();=") {
				t.Errorf("%+v could get code into a launcher", p)
			}
		}
	})
}
