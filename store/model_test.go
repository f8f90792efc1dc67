package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// modelFunction is all that the store should know about a function, except for times.
type modelFunction struct {
	live     uint64
	versions []Version // the one of number n at n-1
	counters map[string]uint64
}

// model runs each action on the store and on plain maps.
type model struct {
	dir       string
	store     *Store
	functions map[string]*modelFunction
	pinned    []*Artifact
}

var (
	modelNames    = rapid.SampledFrom([]string{"a", "b", "c/d", "é"})
	modelContents = rapid.SampledFrom([]string{"", "one", "two", "three", strings.Repeat("four", 5000)})
	modelCounters = rapid.MapOfN(rapid.SampledFrom([]string{"calls", "errors", "µs"}), rapid.Uint64Range(0, 1000), 0, 3)
)

func TestStoreBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(parent, "")
		if err != nil {
			t.Fatal(err)
		}
		m := &model{dir: dir, functions: map[string]*modelFunction{}}
		m.open(t)
		defer func() { m.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"put":     m.put,
			"release": m.release,
			"add":     m.add,
			"setLive": m.setLive,
			"delete":  m.delete,
			"count":   m.count,
			"reopen":  m.reopen,
			"":        m.check,
		})
	})
}

func (m *model) open(t *rapid.T) {
	var err error
	if m.store, err = Open(m.dir, Options{}); err != nil {
		t.Fatal(err)
	}
}

func (m *model) reopen(t *rapid.T) {
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "release after close") {
		for _, a := range m.pinned {
			a.Release()
		}
	}
	m.pinned = nil
	m.open(t)
}

func (m *model) put(t *rapid.T) {
	content := modelContents.Draw(t, "content")
	maxBytes := rapid.SampledFrom([]int64{3, 1 << 20}).Draw(t, "maxBytes")
	a, err := m.store.PutArtifact(strings.NewReader(content), maxBytes)
	if int64(len(content)) > maxBytes {
		if !errors.Is(err, ErrTooLarge) {
			t.Fatalf("put %d of %d bytes: %v", len(content), maxBytes, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest != digestOf(content) || a.Size != int64(len(content)) {
		t.Fatalf("put %q: got %s of %d bytes", content, a.Digest, a.Size)
	}
	m.pinned = append(m.pinned, a)
}

func (m *model) release(t *rapid.T) {
	if len(m.pinned) == 0 {
		t.Skip("nothing is pinned")
	}
	i := rapid.IntRange(0, len(m.pinned)-1).Draw(t, "pin")
	m.pinned[i].Release()
	m.pinned = slices.Delete(m.pinned, i, i+1)
}

// add names contents whether they are there or not.
func (m *model) add(t *rapid.T) {
	name, content := modelNames.Draw(t, "name"), modelContents.Draw(t, "content")
	v := Version{Digest: digestOf(content), Meta: fmt.Appendf(nil, `{"n": %d}`, rapid.IntRange(0, 9).Draw(t, "meta"))}
	there := slices.Contains(m.files(), v.Digest)
	f, got, err := m.store.AddVersion(name, v)
	if !there {
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("add version with an absent artifact: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := m.functions[name]
	if want == nil {
		want = &modelFunction{counters: map[string]uint64{}}
		m.functions[name] = want
	}
	v.Number, v.Size = uint64(len(want.versions)+1), int64(len(content))
	want.versions, want.live = append(want.versions, v), v.Number
	if diff := cmp.Diff(v, got, withoutTimes); diff != "" {
		t.Fatalf("added version (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.asFunction(name), f, withoutTimes); diff != "" {
		t.Fatalf("function of added version (-want +got):\n%s", diff)
	}
}

func (m *model) setLive(t *rapid.T) {
	name, number := modelNames.Draw(t, "name"), rapid.Uint64Range(0, 4).Draw(t, "number")
	f, err := m.store.SetLive(name, number)
	want := m.functions[name]
	if want == nil || number == 0 || number > uint64(len(want.versions)) {
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("set live %s %d: %v", name, number, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want.live = number
	if diff := cmp.Diff(want.asFunction(name), f, withoutTimes); diff != "" {
		t.Fatalf("function set live (-want +got):\n%s", diff)
	}
}

func (m *model) delete(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	err := m.store.Delete(name)
	if m.functions[name] == nil {
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("delete %s: %v", name, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	delete(m.functions, name)
}

func (m *model) count(t *rapid.T) {
	delta := rapid.MapOf(modelNames, modelCounters).Draw(t, "delta")
	if err := m.store.Count(delta); err != nil {
		t.Fatal(err)
	}
	for name, amounts := range delta {
		for counter, amount := range amounts {
			if f := m.functions[name]; f != nil && amount > 0 {
				f.counters[counter] += amount
			}
		}
	}
}

// check compares everything that can be read, and the files: no more and no fewer than what is pinned or named.
func (m *model) check(t *rapid.T) {
	functions, err := m.store.Functions()
	if err != nil {
		t.Fatal(err)
	}
	var want []Function
	for _, name := range slices.Sorted(maps.Keys(m.functions)) {
		f := m.functions[name]
		want = append(want, f.asFunction(name))
		versions, err := m.store.Versions(name)
		if diff := cmp.Diff(f.versions, versions, withoutTimes); err != nil || diff != "" {
			t.Fatalf("versions of %s (-want +got), %v:\n%s", name, err, diff)
		}
		counters, err := m.store.Counters(name)
		if diff := cmp.Diff(f.counters, counters); err != nil || diff != "" {
			t.Fatalf("counters of %s (-want +got), %v:\n%s", name, err, diff)
		}
	}
	if diff := cmp.Diff(want, functions, withoutTimes); diff != "" {
		t.Fatalf("functions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(m.files(), filesIn(t, m.dir), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for _, digest := range m.files() {
		if _, err := m.store.ReadArtifact(digest); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns the digests that are pinned or named, sorted.
func (m *model) files() []string {
	digests := map[string]bool{}
	for _, a := range m.pinned {
		digests[a.Digest] = true
	}
	for _, f := range m.functions {
		for _, v := range f.versions {
			digests[v.Digest] = true
		}
	}
	return slices.Sorted(maps.Keys(digests))
}

func (f *modelFunction) asFunction(name string) Function {
	return Function{Name: name, Live: f.live, Latest: uint64(len(f.versions))}
}

var withoutTimes = cmp.Options{
	cmpopts.IgnoreFields(Function{}, "Created", "Updated"),
	cmpopts.IgnoreFields(Version{}, "Created"),
}
