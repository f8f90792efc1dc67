package resolve_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

// A folder of wheels is resolved for the sandbox, and locked.
func Example() {
	dir, err := os.MkdirTemp("", "wheels-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, w := range []indextest.Wheel{{Name: "flask", Version: "3.0", Requires: []string{"click>=8", "colorama; sys_platform == 'win32'"}}, {Name: "click", Version: "8.1"}} {
		if err := os.WriteFile(filepath.Join(dir, w.Filename()), w.Bytes(), 0o644); err != nil {
			panic(err)
		}
	}
	c, err := index.New(index.Options{FindLinks: []string{dir}, NoIndex: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	r, err := requirement.Parse("flask>=3")
	if err != nil {
		panic(err)
	}
	target := resolve.WASI("3.12.0")
	found, err := resolve.Resolve(context.Background(), c, resolve.List("the command line", []requirement.Requirement{r}), resolve.Options{Target: target})
	if err != nil {
		panic(err)
	}
	sums := map[string]string{}
	for _, p := range found.Packages {
		fmt.Println(p.Name, p.Version, p.RequiredBy)
		d, err := c.Download(context.Background(), p.File, dir, index.DownloadOptions{Hashes: p.Hashes})
		if err != nil {
			panic(err)
		}
		sums[p.Name] = d.SHA256
	}
	lock, err := pylock.FromResolution(found, target, dir, sums)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(lock.Packages), "packages are locked for", lock.Environments[0])
	// Output:
	// click 8.1 [flask]
	// flask 3.0 [the command line]
	// 2 packages are locked for sys_platform == "wasi" and platform_machine == "wasm32" and implementation_name == "cpython"
}
