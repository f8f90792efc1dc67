package runtimetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// debianPackages is where Debian keeps Python packages, which are the same files as in their wheels.
const debianPackages = "/usr/lib/python3/dist-packages"

// typingExtensions stands for Debian's typing_extensions, which is older than CPython 3.12 and does not work with it: typing has all of it that is used.
const typingExtensions = `"""What typing of CPython 3.12 has, by the name typing_extensions."""

from typing import *
from typing import _TypedDictMeta


def __getattr__(name):
    import typing

    return getattr(typing, name)
`

// Packages returns the files of Python packages and modules by their paths, from where Debian has installed them, to be deployed beside a function's own. A
// test is skipped where one is missing: name it as the module is imported, and in debs what to install.
func Packages(t testing.TB, debs string, names ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range names {
		if name == "typing_extensions" {
			found["typing_extensions.py"] = typingExtensions
			continue
		}
		if name == "pytz" { // which reads the system's time zones in Debian, and elsewhere has its own
			found["zoneinfo/tzdata.zi"], found["zoneinfo/zone1970.tab"] = "# version 2025b\n", ""
		}
		path := filepath.Join(debianPackages, name)
		if _, err := os.Stat(path); err != nil {
			path += ".py"
		}
		if _, err := os.Stat(path); err != nil {
			t.Skipf("it needs the Python package %s from Debian: apt-get install %s", name, debs)
		}
		addFiles(t, found, debianPackages, path, func(path string) bool {
			if strings.Contains(path, "/__pycache__/") {
				return true
			}
			switch filepath.Ext(path) {
			case ".so", ".po":
				return true
			case ".mo": // Django has a hundred languages
				return !strings.Contains(path, "/locale/en/")
			}
			return false
		})
	}
	for name, content := range found {
		if strings.HasPrefix(name, "pytz/") {
			found[name] = strings.ReplaceAll(content, "/usr/share/zoneinfo", "/app/zoneinfo")
		}
	}
	return found
}

// Folder returns the files of a folder by their paths in it.
func Folder(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	addFiles(t, found, dir, dir, func(string) bool { return false })
	return found
}

// addFiles adds the files at and below path, by their names in base, but for those that are left out.
func addFiles(t testing.TB, to map[string]string, base, path string, leftOut func(path string) bool) {
	t.Helper()
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || leftOut(path) {
			return err
		}
		content, err := os.ReadFile(path) // what a link leads to
		if err != nil {
			return nil // Debian has links to what other packages would have brought
		}
		name, err := filepath.Rel(base, path)
		to[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
