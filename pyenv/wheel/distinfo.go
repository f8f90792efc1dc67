package wheel

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
)

// readDistInfo reads what a wheel says of itself, and sees whether it agrees with its name and its files.
func (w *Wheel) readDistInfo(l Limits) error {
	if err := w.findDistInfo(); err != nil {
		return err
	}
	if err := w.readRecord(l); err != nil { // first, so that it is known what the others have to be
		return err
	}
	data, err := w.read("WHEEL", l)
	if err != nil {
		return err
	}
	if w.Format, err = ParseFormat(data); err != nil {
		return in(err, w.Name.File, w.DistInfo+"/WHEEL")
	}
	if data, err = w.read("METADATA", l); err != nil {
		return err
	}
	if w.Metadata, err = ParseMetadata(data); err != nil {
		return in(err, w.Name.File, w.DistInfo+"/METADATA")
	}
	if NormalName(w.Metadata.Name) != NormalName(w.Name.Project) || !sameVersion(w.Metadata.Version, w.Name.Version) {
		return refusePath(ErrMismatch, w.Name.File, w.DistInfo+"/METADATA",
			fmt.Sprintf("is of %s %s: the file was renamed, or is not what it says", w.Metadata.Name, w.Metadata.Version))
	}
	points := w.DistInfo + "/entry_points.txt"
	if !slices.ContainsFunc(w.Files, func(f File) bool { return f.Path == points }) {
		return nil
	}
	if data, err = w.read("entry_points.txt", l); err != nil {
		return err
	}
	if w.EntryPoints, err = ParseEntryPoints(data); err != nil {
		return in(err, w.Name.File, points)
	}
	if why := checkScripts(w.EntryPoints); why != "" {
		return refusePath(ErrUnsafe, w.Name.File, points, why)
	}
	return nil
}

// findDistInfo finds the one .dist-info folder, and the .data folder beside it. Each has to be the wheel's own: another's would have its files
// removed with this wheel.
func (w *Wheel) findDistInfo() error {
	for _, f := range w.Files {
		dir, _, _ := strings.Cut(f.Path, "/")
		stem, info := strings.CutSuffix(dir, ".dist-info")
		data := false
		if !info {
			if stem, data = strings.CutSuffix(dir, ".data"); !data {
				continue
			}
		}
		project, version, _ := strings.Cut(stem, "-")
		if NormalName(project) != NormalName(w.Name.Project) || !sameVersion(version, w.Name.Version) {
			return refusePath(ErrMismatch, w.Name.File, f.Path, fmt.Sprintf("is not of %s %s", w.Name.Project, w.Name.Version))
		}
		found := &w.DistInfo
		if data {
			found = &w.Data
		}
		if *found != "" && *found != dir {
			return refusePath(ErrFormat, w.Name.File, f.Path, fmt.Sprintf("is in a second folder of that kind, after %q", *found))
		}
		*found = dir
	}
	if w.DistInfo == "" {
		return refuse(ErrFormat, w.Name.File, "it has no %s-%s.dist-info folder", w.Name.Project, w.Name.Version)
	}
	return nil
}

// readRecord compares the list of files with RECORD's.
func (w *Wheel) readRecord(l Limits) error {
	recordPath := w.DistInfo + "/RECORD"
	data, err := w.read("RECORD", l)
	if err != nil {
		return err
	}
	entries, err := ParseRecord(data)
	if err != nil {
		return in(err, w.Name.File, recordPath)
	}
	record := map[string]RecordEntry{}
	for _, e := range entries {
		if why := CheckPath(e.Path); why != "" {
			return refusePath(ErrUnsafe, w.Name.File, e.Path, "in RECORD "+why)
		}
		if _, ok := record[e.Path]; ok {
			return refusePath(ErrRecord, w.Name.File, e.Path, "is in RECORD twice")
		}
		record[e.Path] = e
	}
	for _, f := range w.Files {
		e, ok := record[f.Path]
		// Signatures of RECORD are made after it.
		unsigned := f.Path == recordPath || f.Path == recordPath+".jws" || f.Path == recordPath+".p7s"
		_, known := e.Hash.New()
		switch {
		case !ok && !unsigned:
			return refusePath(ErrRecord, w.Name.File, f.Path, "is not in RECORD")
		case e.Hash == (Hash{}) && !unsigned:
			return refusePath(ErrRecord, w.Name.File, f.Path, "has no hash in RECORD")
		case e.Hash != (Hash{}) && !known:
			return refusePath(ErrRecord, w.Name.File, f.Path, fmt.Sprintf("has a hash by %.20q in RECORD: it has to be sha256, sha384 or sha512", e.Hash.Algorithm))
		case ok && f.Path != recordPath && e.Size >= 0 && e.Size != f.Size:
			return refusePath(ErrRecord, w.Name.File, f.Path, fmt.Sprintf("has %d bytes, and RECORD says %d", f.Size, e.Size))
		}
		delete(record, f.Path)
		if ok && f.Path != recordPath {
			if w.record == nil {
				w.record = map[string]RecordEntry{}
			}
			w.record[f.Path] = e
		}
	}
	delete(record, recordPath)
	for _, e := range entries { // in order, so that the answer is always the same
		if _, ok := record[e.Path]; ok {
			return refusePath(ErrRecord, w.Name.File, e.Path, "is in RECORD, and not in the wheel")
		}
	}
	return nil
}

// read is a file of dist-info, compared with RECORD if that was read.
func (w *Wheel) read(name string, l Limits) ([]byte, error) {
	p := w.DistInfo + "/" + name
	i := slices.IndexFunc(w.Files, func(f File) bool { return f.Path == p })
	if i < 0 {
		return nil, refuse(ErrFormat, w.Name.File, "it has no %s", p)
	}
	if w.Files[i].Size > l.Metadata {
		return nil, refusePath(ErrLimit, w.Name.File, p, fmt.Sprintf("has more than %d bytes", l.Metadata))
	}
	var b bytes.Buffer
	if err := w.copy(context.Background(), &b, w.Files[i]); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
