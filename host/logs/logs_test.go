package logs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func texts(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestLogKeepsTheLastLinesInOrder(t *testing.T) {
	l := New(3)
	for i := range 5 {
		l.Add(Line{Text: fmt.Sprint(i)})
		if i == 1 {
			if diff := cmp.Diff([]string{"0", "1"}, texts(l.Last(10))); diff != "" {
				t.Errorf("before it is full (-want +got):\n%s", diff)
			}
		}
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, texts(l.Last(10))); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"3", "4"}, texts(l.Last(2))); diff != "" {
		t.Errorf("the last 2 (-want +got):\n%s", diff)
	}
	if got := l.Last(-1); len(got) != 0 {
		t.Errorf("the last -1 are %v", got)
	}
}

func TestFollowerGetsLinesOnceAndInOrder(t *testing.T) {
	l := New(10)
	l.Add(Line{Text: "before"})
	last, feed, stop := l.Follow(5)
	l.Add(Line{Text: "after"})
	if diff := cmp.Diff([]string{"before"}, texts(last)); diff != "" {
		t.Errorf("last (-want +got):\n%s", diff)
	}
	if got := (<-feed).Text; got != "after" {
		t.Errorf("the feed gave %q", got)
	}
	stop()
	l.Add(Line{Text: "later"})
	if len(feed) != 0 {
		t.Error("a line came after stop")
	}
}

func TestSlowFollowerHoldsNobodyUp(t *testing.T) {
	l := New(10)
	_, _, stop := l.Follow(0)
	defer stop()
	for range 5000 {
		l.Add(Line{Text: "x"})
	}
}

func TestWriterMakesLines(t *testing.T) {
	l := New(100)
	w := NewWriter(l, "stdout")
	w.Begin(3, "r1")
	for _, part := range []string{"one\ntw", "o\r\n", "\n", "bad \xff utf-8\n", "no newline"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	w.End()
	w.End()
	want := []string{"one", "two", "", "bad \uFFFD utf-8", "no newline"}
	if diff := cmp.Diff(want, texts(l.Last(100))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if first := l.Last(100)[0]; first.Request != "r1" || first.Version != 3 || first.Stream != "stdout" {
		t.Errorf("the first line is %+v", first)
	}
}

func TestLineWithoutEndTakesBoundedMemory(t *testing.T) {
	l := New(100)
	w := NewWriter(l, "stdout")
	for range 100 {
		if _, err := w.Write([]byte(strings.Repeat("x", MaxLine))); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.partial) > MaxLine {
		t.Errorf("%d bytes wait for a newline", len(w.partial))
	}
	for _, line := range l.Last(100) {
		if len(line.Text) > MaxLine+len(" [cut]") {
			t.Errorf("a line has %d bytes", len(line.Text))
		}
	}
}
