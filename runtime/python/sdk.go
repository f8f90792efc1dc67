package python

import (
	"embed"
	"io/fs"
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
