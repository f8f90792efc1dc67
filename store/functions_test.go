package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFunctionsAreSortedByName(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, name := range []string{"b", "a", "ä", "a/b", "B", "a\x00"} {
		deploy(t, s, name, "content")
	}
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range functions {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"B", "a", "a\x00", "a/b", "b", "ä"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestSetLiveChangesOnlyLiveAndUpdated(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "hello", "one")
	deploy(t, s, "hello", "two")
	before, err := s.Function("hello")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.SetLive("hello", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := before
	want.Live, want.Updated = 1, got.Updated
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("SetLive (-want +got):\n%s", diff)
	}
	if got.Updated.Before(before.Updated) {
		t.Errorf("updated went from %v to %v", before.Updated, got.Updated)
	}
	if read, err := s.Function("hello"); err != nil || !cmp.Equal(read, got) {
		t.Errorf("Function returns %+v, %v after SetLive returned %+v", read, err, got)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "hello", "content")
	noFunction := &NotFoundError{Function: "other"}
	noVersion := &NotFoundError{Function: "hello", Version: 2}
	for name, test := range map[string]struct {
		call func() error
		want *NotFoundError
		text string
	}{
		"Function":         {func() error { _, err := s.Function("other"); return err }, noFunction, `function "other" not found`},
		"Function unnamed": {func() error { _, err := s.Function(""); return err }, &NotFoundError{}, `function "" not found`},
		"Versions":         {func() error { _, err := s.Versions("other"); return err }, noFunction, `function "other" not found`},
		"Version of none":  {func() error { _, err := s.Version("other", 1); return err }, noFunction, `function "other" not found`},
		"Version":          {func() error { _, err := s.Version("hello", 2); return err }, noVersion, `function "hello" has no version 2`},
		"Version 0":        {func() error { _, err := s.Version("hello", 0); return err }, nil, "numbers begin at 1"},
		"SetLive of none":  {func() error { _, err := s.SetLive("other", 1); return err }, noFunction, `function "other" not found`},
		"SetLive":          {func() error { _, err := s.SetLive("hello", 2); return err }, noVersion, `function "hello" has no version 2`},
		"SetLive 0":        {func() error { _, err := s.SetLive("hello", 0); return err }, nil, "numbers begin at 1"},
		"Counters":         {func() error { _, err := s.Counters("other"); return err }, noFunction, `function "other" not found`},
		"Delete":           {func() error { return s.Delete("other") }, noFunction, `function "other" not found`},
		"Delete unnamed":   {func() error { return s.Delete("") }, &NotFoundError{}, `function "" not found`},
		"Delete long":      {func() error { return s.Delete(strings.Repeat("x", 1<<16)) }, &NotFoundError{Function: strings.Repeat("x", 1<<16)}, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.call()
			wantError(t, err, ErrNotFound)
			wantText(t, err, test.text)
			got, _ := errors.AsType[*NotFoundError](err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeleteRemovesOnlyArtifactsNobodyElseNames(t *testing.T) {
	s := openStore(t, t.TempDir())
	own := deploy(t, s, "doomed", "own")
	deploy(t, s, "doomed", "own") // the same content twice in one function
	shared := deploy(t, s, "doomed", "shared")
	deploy(t, s, "other", "shared")
	if err := s.Count(map[string]map[string]uint64{"doomed": {"calls": 1}}); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, own.Digest, shared.Digest)

	if err := s.Delete("doomed"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, shared.Digest)
	_, err := s.Versions("doomed")
	wantError(t, err, ErrNotFound)

	if err := s.Delete("other"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s)
}

func TestDeletedFunctionBeginsAnew(t *testing.T) {
	s := openStore(t, t.TempDir())
	for i := range 3 {
		deploy(t, s, "hello", fmt.Sprint(i))
	}
	if err := s.Count(map[string]map[string]uint64{"hello": {"calls": 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("hello"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if v := deploy(t, s, "hello", "again"); v.Number != 1 {
		t.Errorf("first version after Delete has number %d", v.Number)
	}
	f, err := s.Function("hello")
	if err != nil {
		t.Fatal(err)
	}
	if f.Created.Before(began.Round(0)) {
		t.Errorf("created %v, before the new deploy at %v", f.Created, began)
	}
	counters, err := s.Counters("hello")
	if diff := cmp.Diff(map[string]uint64{}, counters); err != nil || diff != "" {
		t.Errorf("counters (-want +got), %v:\n%s", err, diff)
	}
}
