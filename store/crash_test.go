package store

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	crashRounds  = 30
	crashWorkers = 3
)

// deployForever is the child: each worker deploys to functions of its own, all from the same few contents, and now and then deletes one. It
// prints what was acknowledged, each line in one write, and before a Delete that it is about to.
func deployForever(dir string) error {
	s, err := Open(dir, Options{LockTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	failed := make(chan error, crashWorkers)
	for worker := range crashWorkers {
		group.Go(func() { failed <- deployForeverAs(s, worker) })
	}
	return <-failed
}

func deployForeverAs(s *Store, worker int) error {
	for {
		name := fmt.Sprintf("worker%d-%d", worker, rand.IntN(2))
		content := strings.Repeat(fmt.Sprintf("content %d ", rand.IntN(20)), 1+rand.IntN(3)*5000)
		a, err := s.PutArtifact(strings.NewReader(content), 1<<20)
		if err != nil {
			return err
		}
		_, v, err := s.AddVersion(name, Version{Digest: a.Digest})
		a.Release()
		if err != nil {
			return err
		}
		fmt.Printf("added %s %d %s\n", name, v.Number, v.Digest)
		if rand.IntN(12) == 0 {
			fmt.Printf("deleting %s\n", name)
			if err := s.Delete(name); err != nil {
				return err
			}
			fmt.Printf("deleted %s\n", name)
		}
	}
}

// acknowledged is what the children have said, over all rounds: per function the digest of each version.
type acknowledged struct {
	versions map[string]map[uint64]string
	deleting map[string]bool // begun and not confirmed
}

func (a *acknowledged) read(t *testing.T, line string) {
	t.Helper()
	var name, digest string
	var number uint64
	switch fields := strings.Fields(line); {
	case len(fields) == 4 && fields[0] == "added":
		if _, err := fmt.Sscanf(line, "added %s %d %s", &name, &number, &digest); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if a.versions[name] == nil {
			a.versions[name] = map[uint64]string{}
		}
		a.versions[name][number] = digest
	case len(fields) == 2 && fields[0] == "deleting":
		a.deleting[fields[1]] = true
	case len(fields) == 2 && fields[0] == "deleted":
		delete(a.deleting, fields[1])
		delete(a.versions, fields[1])
	default:
		t.Fatalf("child said %q", line)
	}
}

// A machine that dies is not simulated: what is checked is that no moment between two system calls loses or leaves anything.
func TestKilledProcessLosesNothingAcknowledgedAndLeavesNoFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("windows has no SIGKILL, and keeps the file lock for a while after a process ends")
	}
	dir := t.TempDir()
	acks := &acknowledged{versions: map[string]map[uint64]string{}, deleting: map[string]bool{}}
	lines, unacknowledged := 0, 0
	for round := range crashRounds {
		lines += killedRound(t, dir, acks)
		unacknowledged += checkAfterCrash(t, dir, acks)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d lines in %d rounds, %d versions on disk that were not acknowledged", lines, crashRounds, unacknowledged)
	if lines < crashRounds {
		t.Errorf("the children said only %d lines: the test has tested nothing", lines)
	}
}

// killedRound lets a child run for a random number of lines and a little longer, kills it, and returns how many lines it said.
func killedRound(t *testing.T, dir string, acks *acknowledged) (lines int) {
	t.Helper()
	child := childCommand(t, "deploy", dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	longer := time.Duration(rand.Int64N(int64(5 * time.Millisecond)))
	killAt := rand.IntN(80)
	if killAt < 15 { // sometimes while it starts: in Open, or before
		killAt, longer = 0, time.Duration(rand.Int64N(int64(60*time.Millisecond)))
	}
	var timer *time.Timer
	scanner := bufio.NewScanner(out)
	for {
		if lines == killAt && timer == nil {
			timer = time.AfterFunc(longer, kill)
		}
		if !scanner.Scan() {
			break
		}
		lines++
		acks.read(t, scanner.Text())
	}
	if timer == nil {
		t.Error("child ended by itself")
	} else {
		timer.Stop()
	}
	_ = child.Wait() // always the kill
	return lines
}

// checkAfterCrash opens the store, compares it with what was acknowledged, takes over what was not, and returns how many versions that were.
func checkAfterCrash(t *testing.T, dir string, acks *acknowledged) (unacknowledged int) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]map[uint64]string{}
	digests := map[string]bool{}
	for _, f := range functions {
		versions, err := s.Versions(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		there[f.Name] = map[uint64]string{}
		for _, v := range versions {
			there[f.Name][v.Number] = v.Digest
			digests[v.Digest] = true
			if _, acked := acks.versions[f.Name][v.Number]; !acked {
				unacknowledged++
			}
		}
		if want := versions[len(versions)-1].Number; f.Live != want || f.Latest != want {
			t.Errorf("%s: live %d, latest %d, want %d", f.Name, f.Live, f.Latest, want)
		}
	}
	for name, versions := range acks.versions {
		if acks.deleting[name] && there[name] == nil {
			continue
		}
		for number, digest := range versions {
			if got := there[name][number]; got != digest {
				t.Errorf("acknowledged version %d of %s: digest %q, want %q", number, name, got, digest)
			}
		}
	}
	// Each worker has at most one call without an answer.
	if unacknowledged > crashWorkers {
		t.Errorf("%d versions that nobody acknowledged, of %d workers", unacknowledged, crashWorkers)
	}
	for digest := range digests {
		if _, err := s.ReadArtifact(digest); err != nil {
			t.Error(err)
		}
	}
	wantFiles(t, s, slices.Collect(maps.Keys(digests))...)
	acks.versions, acks.deleting = there, map[string]bool{}
	return unacknowledged
}
