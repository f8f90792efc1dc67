package wheel

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// RecordEntry is a line of RECORD: a file, and what it has to be.
type RecordEntry struct {
	Path string // in a wheel relative to its root, in an environment relative to site-packages (with .. or absolute at times); slashes
	Hash Hash   // zero if there is none, as for RECORD itself
	Size int64  // bytes; -1 if it is not said
}

// ParseRecord reads a RECORD file (PEP 376, 627). Paths are as written: an environment's may lead anywhere, see [CheckPath]. The error is
// [ErrFormat].
func ParseRecord(data []byte) ([]RecordEntry, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	var entries []RecordEntry
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, refuse(ErrFormat, "", "it is not CSV: %v", err)
		}
		line, _ := r.FieldPos(0)
		if len(fields) > 3 || fields[0] == "" {
			return nil, refuse(ErrFormat, "", "line %d is not PATH,HASH,SIZE", line)
		}
		e := RecordEntry{Path: strings.Clone(fields[0]), Size: -1}
		if len(fields) > 1 && fields[1] != "" {
			algorithm, digest, ok := strings.Cut(fields[1], "=")
			digest = strings.TrimRight(digest, "=")
			if !ok || algorithm == "" || digest == "" {
				return nil, refuse(ErrFormat, "", "line %d has %.100q, which is not ALGORITHM=DIGEST", line, fields[1])
			}
			e.Hash = Hash{strings.Clone(algorithm), strings.Clone(digest)}
		}
		if len(fields) > 2 && fields[2] != "" {
			e.Size, err = strconv.ParseInt(fields[2], 10, 64)
			if err != nil || e.Size < 0 {
				return nil, refuse(ErrFormat, "", "line %d has %.100q, which is no size", line, fields[2])
			}
		}
		entries = append(entries, e)
	}
}

// FormatRecord writes a RECORD file, ordered by path, as pip does. Line breaks in a path are not kept: CheckPath refuses them.
func FormatRecord(entries []RecordEntry) []byte {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b RecordEntry) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Hash.String(), b.Hash.String()), cmp.Compare(a.Size, b.Size))
	})
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true // as Python's csv module
	for _, e := range entries {
		size := ""
		if e.Size >= 0 {
			size = strconv.FormatInt(e.Size, 10)
		}
		_ = w.Write([]string{e.Path, e.Hash.String(), size}) // a Buffer takes all
	}
	w.Flush()
	return b.Bytes()
}

// Hash is a digest as RECORD has it.
type Hash struct {
	Algorithm string // such as sha256
	Digest    string // base64 for URLs, without padding
}

func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return h.Algorithm + "=" + h.Digest
}

// New starts a hash of the same algorithm. ok is false if that is not one that wheels may use: sha256 or better.
func (h Hash) New() (hasher Hasher, ok bool) {
	switch h.Algorithm {
	case "sha256":
		return hashing{sha256.New(), h.Algorithm}, true
	case "sha384":
		return hashing{sha512.New384(), h.Algorithm}, true
	case "sha512":
		return hashing{sha512.New(), h.Algorithm}, true
	}
	return nil, false
}

// Hasher is a hash of what is written to it.
type Hasher interface {
	io.Writer
	Hash() Hash
}

// SHA256 starts a hash.
func SHA256() Hasher { return hashing{sha256.New(), "sha256"} }

type hashing struct {
	sum       hash.Hash
	algorithm string
}

func (h hashing) Write(p []byte) (int, error) { return h.sum.Write(p) }

func (h hashing) Hash() Hash {
	return Hash{h.algorithm, base64.RawURLEncoding.EncodeToString(h.sum.Sum(nil))}
}
