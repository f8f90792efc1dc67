package resolve

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// Target is what packages are for.
type Target struct {
	Environment requirement.Environment
	Tags        []string // of wheels that it can install, best first (PEP 425)
}

// WASI is the sandbox with a CPython of this version, "3.12.0". A pure wheel comes before one with native code of the same version: what native code can be loaded depends on the
// build.
func WASI(version string) Target {
	t := Target{Environment: requirement.WASI(version)}
	v, err := requirement.ParseVersion(version)
	if err != nil || len(v.Release()) < 2 {
		return t
	}
	minor, err := strconv.Atoi(v.Release()[1])
	if err != nil || minor > 1000 {
		return t
	}
	t.Tags = pure(minor)
	cp := fmt.Sprintf("cp3%d", minor)
	for _, abi := range []string{cp, "abi3", "none"} {
		t.Tags = append(t.Tags, cp+"-"+abi+"-wasi_0_0_0_wasm32")
	}
	return t
}

// pure are the tags of wheels without native code, in pip's order.
func pure(minor int) []string {
	tags := []string{fmt.Sprintf("cp3%d-none-any", minor), fmt.Sprintf("py3%d-none-any", minor), "py3-none-any"}
	for m := minor - 1; m >= 0; m-- {
		tags = append(tags, fmt.Sprintf("py3%d-none-any", m))
	}
	return tags
}

//go:embed tags.py
var tagsScript string

// Host asks an interpreter of this machine. One that has neither pip nor packaging takes pure wheels only. The error is [ErrTarget].
func Host(ctx context.Context, python string) (Target, error) {
	env, err := requirement.Host(ctx, python)
	if err != nil {
		return Target{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-I", "-W", "ignore", "-c", tagsScript)
	cmd.Stdout, cmd.WaitDelay = &out, time.Second
	t := Target{Environment: env}
	if err := cmd.Run(); err != nil {
		return Target{}, detailf(ErrTarget, "ask %s for its tags: %v", python, err)
	}
	if err := json.Unmarshal(out.Bytes(), &t.Tags); err != nil {
		return Target{}, detailf(ErrTarget, "ask %s for its tags: %v", python, err)
	}
	if len(t.Tags) == 0 {
		v, err := requirement.ParseVersion(env.PythonVersion)
		if err != nil || len(v.Release()) != 2 {
			return Target{}, detailf(ErrTarget, "%s says that it is Python %q", python, env.PythonVersion)
		}
		minor, err := strconv.Atoi(v.Release()[1])
		if err != nil || minor > 1000 {
			return Target{}, detailf(ErrTarget, "%s says that it is Python %q", python, env.PythonVersion)
		}
		t.Tags = pure(minor)
	}
	return t, nil
}

// Rank is the place of a wheel in the order of preference, or -1 if it does not fit.
func (t Target) Rank(f index.File) int {
	best := -1
	for _, tag := range f.Tags {
		if i := slices.Index(t.Tags, tag); i >= 0 && (best < 0 || i < best) {
			best = i
		}
	}
	return best
}

// native says whether a wheel has code of a machine.
func native(f index.File) bool {
	return !slices.ContainsFunc(f.Tags, func(tag string) bool { return strings.HasSuffix(tag, "-none-any") })
}
