package python

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync"
)

//go:embed all:sdk/mayfly
var embedded embed.FS

// SDK returns the Python package mayfly, as a folder to be put on sys.path: what functions import Request and Response from, and what
// boots and serves them.
func SDK() fs.FS {
	sdk, err := fs.Sub(embedded, "sdk")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sdk
}

// SDKDigest returns what identifies the package mayfly: images that were made with another one cannot be used.
var SDKDigest = sync.OnceValue(func() string {
	sum := sha256.New()
	err := fs.WalkDir(SDK(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(SDK(), name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	if err != nil {
		panic(err) // it is a part of this program
	}
	return hex.EncodeToString(sum.Sum(nil))
})

//go:embed probe
var probe embed.FS

// ProbeApp returns the files of a function by which a build of CPython can be tried.
func ProbeApp() fs.FS {
	app, err := fs.Sub(probe, "probe")
	if err != nil {
		panic(err) // the name is a constant
	}
	return app
}
