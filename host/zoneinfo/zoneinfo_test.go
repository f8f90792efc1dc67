package zoneinfo_test

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mayfly-faas/mayfly/host/zoneinfo"
)

func TestIsAFileSystem(t *testing.T) {
	if err := fstest.TestFS(zoneinfo.FS(), "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(zoneinfo.FS(), "Europe/Atlantis"); err == nil {
		t.Error("there is a zone of Atlantis")
	}
}

// TestEveryZoneTellsWhatTimeTells reads each file by Go's reader of the format, and compares it with the zone that it was made of, in steps of twelve days and an hour.
func TestEveryZoneTellsWhatTimeTells(t *testing.T) {
	if n := len(zoneinfo.Names()); n < 590 {
		t.Errorf("there are %d zones", n)
	}
	for _, name := range zoneinfo.Names() {
		want, err := time.LoadLocation(name)
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := fs.ReadFile(zoneinfo.FS(), name)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := time.LoadLocationFromTZData(name, b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		const step = 12*24*time.Hour + time.Hour
		for at := time.Date(1840, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2100; at = at.Add(step) {
			wantName, wantOffset := at.In(want).Zone()
			gotName, gotOffset := at.In(got).Zone()
			if wantName != gotName || wantOffset != gotOffset || at.In(want).IsDST() != at.In(got).IsDST() {
				t.Errorf("%s at %s: %s %d, want %s %d", name, at, gotName, gotOffset, wantName, wantOffset)
				break
			}
		}
	}
}
