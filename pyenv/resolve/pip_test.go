package resolve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// TestAsPipResolves compares with pip itself (the answers, not the errors; where only a pre-release fits, PEP 440 has it taken, and pip 23 finds nothing), on random packages that want each other. MAYFLY_PIP_ROUNDS asks for more of them, MAYFLY_PIP_SEED for one again.
func TestAsPipResolves(t *testing.T) {
	if out, err := exec.Command("python3", "-m", "pip", "install", "--help").Output(); err != nil || !bytes.Contains(out, []byte("--report")) {
		t.Skip("no python3 with a pip that has --report here")
	}
	target, err := Host(t.Context(), "python3")
	check(t, err)
	rounds, seed := 5, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("MAYFLY_PIP_ROUNDS")); err == nil {
		rounds = n
	}
	if s, err := strconv.ParseUint(os.Getenv("MAYFLY_PIP_SEED"), 10, 64); err == nil {
		seed, rounds = s, 1
	}
	if testing.Short() {
		rounds = 2
	}
	solved := 0
	for range rounds {
		r := rand.New(rand.NewPCG(seed, 0))
		universe, roots := randomPackages(r)
		src, server := client(t, universe...)
		got, err := Resolve(t.Context(), src, ask(t, roots...), Options{Target: target})
		if err != nil && !errors.Is(err, ErrConflict) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want, ok := pip(t, server, roots)
		if want == broke {
			seed = r.Uint64()
			continue
		}
		switch {
		case err != nil && ok:
			t.Errorf("seed %d: %q: pip has %s, and we: %v", seed, roots, want, err)
		case err == nil && !ok:
			t.Logf("seed %d: %q: pip finds nothing, and we %s", seed, roots, resolved(got))
			valid(t, got, roots)
		case err == nil && names(got) != want:
			t.Errorf("seed %d: %q:\npip has %s\nwe have %s", seed, roots, want, names(got))
		case err == nil:
			solved++
			valid(t, got, roots)
		}
		seed = r.Uint64()
	}
	t.Logf("%d of %d had an answer, the same", solved, rounds)
}

func randomPackages(r *rand.Rand) (files []indextest.File, roots []string) {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	n := 4 + r.IntN(8)
	want := func() string {
		s := fmt.Sprintf("p%d", r.IntN(n)) + pick("", "", "", "", "[x]")
		return s + pick("", "", "", ">=2", "<3", "!=2", "<=2", "==1", "==2.*", "~=1.0", ">1,<4")
	}
	for i := range n {
		for v := range 1 + r.IntN(5) {
			w := indextest.Wheel{Name: fmt.Sprintf("p%d", i), Version: fmt.Sprint(v+1) + pick("", "", "", ".0", ".5", "rc1"), Extras: []string{"x"}}
			for range r.IntN(3) {
				w.Requires = append(w.Requires, want()+pick("", "", "", "; extra == 'x'", "; python_version < '3'"))
			}
			w.RequiresPython = pick("", "", "", ">=3.6", "<3")
			f := w.File()
			f.Yanked = r.IntN(12) == 0
			files = append(files, f)
		}
	}
	for range 1 + r.IntN(3) {
		roots = append(roots, want())
	}
	return files, roots
}

// broke is pip's answer where it runs into its own recursion, as resolvelib before 1.1 does for packages in a circle that nothing leads to any more.
const broke = "broke"

func pip(t *testing.T, server *indextest.Index, roots []string) (string, bool) {
	t.Helper()
	cmd := exec.Command("python3", append([]string{"-m", "pip", "--isolated", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-cache-dir", "--disable-pip-version-check",
		"--only-binary", ":all:", "--index-url", server.Simple(), "--report", "-"}, roots...)...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(complaint.String(), "RecursionError") {
			return broke, false
		}
		if !strings.Contains(complaint.String(), "ResolutionImpossible") && !strings.Contains(complaint.String(), "No matching distribution") && !strings.Contains(complaint.String(), "requires a different") {
			t.Fatalf("pip: %v: %s", err, complaint.String())
		}
		return "", false
	}
	var report struct {
		Install []struct {
			Metadata struct{ Name, Version string }
		}
	}
	check(t, json.Unmarshal(out, &report))
	var list []string
	for _, i := range report.Install {
		list = append(list, i.Metadata.Name+" "+i.Metadata.Version)
	}
	slices.Sort(list)
	return strings.Join(list, ", "), true
}

func names(r *Resolution) string {
	var list []string
	for _, p := range r.Packages {
		list = append(list, p.Name+" "+p.Version.String())
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// valid checks an answer by itself: all that is asked for is there, in a version that was asked for.
func valid(t *testing.T, r *Resolution, roots []string) {
	t.Helper()
	have := map[string]Package{}
	for _, p := range r.Packages {
		have[p.Name] = p
	}
	holds := func(who string, q requirement.Requirement) {
		if p, ok := have[q.Key()]; !ok || !q.Specifiers.Match(p.Version) {
			t.Errorf("%s asks for %s, and there is %q", who, q, p.Version)
		}
	}
	for _, root := range roots {
		q, err := requirement.Parse(root)
		check(t, err)
		holds("a root", q)
	}
	for _, p := range r.Packages {
		for _, q := range p.Metadata.RequiresDist {
			if q.Marker.Holds(WASI("3.12.0").Environment, p.Extras...) {
				holds(p.Name, q)
			}
		}
	}
}
