package store

import (
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func wantCounters(t *testing.T, s *Store, function string, want map[string]uint64) {
	t.Helper()
	got, err := s.Counters(function)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counters of %s (-want +got):\n%s", function, diff)
	}
}

func TestCountAddsAndPassesOverUnknownFunctions(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "a", "content")
	deploy(t, s, "b", "content")
	wantCounters(t, s, "a", map[string]uint64{})
	for _, delta := range []map[string]map[string]uint64{
		nil,
		{"a": {"calls": 2, "errors": 1}, "b": {"calls": 5}},
		{"gone": {"calls": 9}, "a": {"calls": 3, "zero": 0}, "b": nil, "": {"calls": 1}},
		{"a": {"huge": math.MaxUint64 - 1}},
		{"a": {"huge": 7}},
	} {
		if err := s.Count(delta); err != nil {
			t.Fatal(err)
		}
	}
	wantCounters(t, s, "a", map[string]uint64{"calls": 5, "errors": 1, "huge": math.MaxUint64})
	wantCounters(t, s, "b", map[string]uint64{"calls": 5})
	_, err := s.Counters("gone")
	wantError(t, err, ErrNotFound)
}

func TestCountAddsAllOrNothing(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "a", "content")
	deploy(t, s, "b", "content")
	err := s.Count(map[string]map[string]uint64{"a": {"calls": 1}, "b": {"": 1, "calls": 1}})
	wantError(t, err, ErrName)
	wantText(t, err, `function "b"`)
	wantCounters(t, s, "a", map[string]uint64{})
	wantCounters(t, s, "b", map[string]uint64{})
}

func TestConcurrentCountsLoseNothing(t *testing.T) {
	s := openStore(t, t.TempDir())
	deploy(t, s, "a", "content")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if err := s.Count(map[string]map[string]uint64{"a": {"calls": 3}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	wantCounters(t, s, "a", map[string]uint64{"calls": 8 * 20 * 3})
}
