package prepare

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What Prepare makes of a module is a module again: one that it refuses only for our exports, and that, when they are called something
// else, it accepts with the same content.
func FuzzPrepare(f *testing.F) {
	f.Add(wasm)
	f.Add(module())
	f.Add(module(section(sectionGlobal, global(I32, 1, 0x41, 0)), section(sectionData)))
	f.Add(module(section(sectionImport, imported("a", "b", KindMemory, 7, 1, 2))))
	f.Add(module(section(sectionType, []byte{0x4e, 2, 0x60, 1, byte(RefNull), 0, 0, 0x60, 0, 1, byte(Ref), 0x70})))
	f.Add(module(section(sectionExport, exported("mayfly:global:0", KindFunc, 0))))
	f.Add([]byte("\x00asm\x0d\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := Prepare(in, Options{})
		if err != nil {
			if format, ok := errors.AsType[*FormatError](err); ok && (format.Offset < 0 || format.Offset > len(in)) {
				t.Fatalf("offset %d is not within the %d bytes: %v", format.Offset, len(in), err)
			}
			return
		}
		if _, err := Prepare(m.Bytes, Options{}); (err == nil) != (len(m.Globals) == 0) {
			t.Fatalf("prepared again, with %d mutable globals: %v", len(m.Globals), err)
		}
		const other = "other1:global:"
		if bytes.Contains(in, []byte(other)) || bytes.Contains(in, []byte(GlobalPrefix)) {
			return
		}
		renamed := bytes.ReplaceAll(m.Bytes, []byte(GlobalPrefix), []byte(other))
		again, err := Prepare(renamed, Options{})
		if err != nil {
			t.Fatalf("with our exports renamed: %v", err)
		}
		want := *m
		want.Bytes, again.Bytes = nil, nil
		for _, g := range m.Globals {
			want.Exports = append(want.Exports[:len(want.Exports):len(want.Exports)], Export{Name: other + g.Name[len(GlobalPrefix):], Kind: KindGlobal, Index: g.Index})
		}
		if diff := cmp.Diff(&want, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("content (-first +again):\n%s", diff)
		}
	})
}
