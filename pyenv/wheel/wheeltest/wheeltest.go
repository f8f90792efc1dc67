// Package wheeltest makes wheels for tests, on the fly: small ones, hostile ones, and real ones from Debian's packages.
package wheeltest

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// Wheel says what a wheel is made of. The zero values of all but Project and Version make a sound one.
type Wheel struct {
	Project, Version string
	Tag              string            // py3-none-any
	Files            map[string]string // beside dist-info, by path; those in .data/scripts are executable
	Metadata         string            // lines of METADATA after Name and Version
	EntryPoints      string            // entry_points.txt
	Platlib          bool              // Root-Is-Purelib: false

	// The rest makes bad ones.
	FileName string            // instead of the one that follows from the above
	DistInfo string            // the folder's name, instead
	Instead  map[string]string // files of dist-info by name, instead; RECORD too
	Without  []string          // files of dist-info that are left out
	Members  []Member          // further ones, at the end of the archive
}

// Member is a member of a zip as it is written, whatever that makes of the wheel.
type Member struct {
	Name, Content string
	Mode          fs.FileMode // 0644
	Size          uint64      // declared, if it is not 0
	Flags         uint16
	Method        uint16 // instead of stored
	Unrecorded    bool   // left out of RECORD
}

// Build writes the wheel into a folder of the test's and returns its path.
func (w Wheel) Build(t testing.TB) string {
	t.Helper()
	distInfo := w.DistInfo
	if distInfo == "" {
		distInfo = strings.ReplaceAll(w.Project, "-", "_") + "-" + w.Version + ".dist-info"
	}
	tag := w.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	name := w.FileName
	if name == "" {
		name = strings.TrimSuffix(distInfo, ".dist-info") + "-" + tag + ".whl"
	}
	info := map[string]string{
		"WHEEL":    fmt.Sprintf("Wheel-Version: 1.0\nGenerator: wheeltest\nRoot-Is-Purelib: %t\nTag: %s\n", !w.Platlib, tag),
		"METADATA": fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s", w.Project, w.Version, w.Metadata),
	}
	if w.EntryPoints != "" {
		info["entry_points.txt"] = w.EntryPoints
	}
	maps.Copy(info, w.Instead)
	var members []Member
	for _, p := range slices.Sorted(maps.Keys(w.Files)) {
		m := Member{Name: p, Content: w.Files[p], Method: zip.Deflate}
		if strings.Contains(p, ".data/scripts/") {
			m.Mode = 0o755
		}
		members = append(members, m)
	}
	members = append(members, w.Members...)
	for _, n := range slices.Sorted(maps.Keys(info)) {
		if !slices.Contains(w.Without, n) && n != "RECORD" {
			members = append(members, Member{Name: distInfo + "/" + n, Content: info[n], Method: zip.Deflate})
		}
	}
	record, ok := info["RECORD"]
	if !ok {
		record = recordOf(members, distInfo)
	}
	if !slices.Contains(w.Without, "RECORD") {
		members = append(members, Member{Name: distInfo + "/RECORD", Content: record, Method: zip.Deflate})
	}
	return Zip(t, name, members)
}

func recordOf(members []Member, distInfo string) string {
	entries := []wheel.RecordEntry{{Path: distInfo + "/RECORD", Size: -1}}
	for _, m := range members {
		if m.Unrecorded || strings.HasSuffix(m.Name, "/") {
			continue
		}
		entries = append(entries, Recorded(m.Name, m.Content))
	}
	return string(wheel.FormatRecord(entries))
}

// Recorded is a file's line in RECORD.
func Recorded(path, content string) wheel.RecordEntry {
	h := wheel.SHA256()
	_, _ = io.WriteString(h, content) // a hash takes all
	return wheel.RecordEntry{Path: path, Hash: h.Hash(), Size: int64(len(content))}
}

// Zip writes a zip file of that name into a folder of the test's and returns its path.
func Zip(t testing.TB, name string, members []Member) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, m := range members {
		if err := m.write(z); err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func (m Member) write(z *zip.Writer) error {
	h := &zip.FileHeader{Name: m.Name, Method: m.Method, Flags: m.Flags}
	if m.Mode == 0 {
		m.Mode = 0o644
	}
	h.SetMode(m.Mode)
	var out io.Writer
	var err error
	if m.Size == 0 && m.Flags == 0 && (m.Method == zip.Deflate || m.Method == zip.Store) {
		if strings.HasSuffix(m.Name, "/") {
			h.Method = zip.Store
			h.SetMode(fs.ModeDir | 0o755)
		}
		out, err = z.CreateHeader(h)
	} else {
		h.CRC32 = crc32.ChecksumIEEE([]byte(m.Content))
		h.CompressedSize64, h.UncompressedSize64 = uint64(len(m.Content)), uint64(len(m.Content))
		if m.Size != 0 {
			h.UncompressedSize64 = m.Size
		}
		out, err = z.CreateRaw(h)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, m.Content)
	return err
}
