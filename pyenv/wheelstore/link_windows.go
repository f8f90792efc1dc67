package wheelstore

import "io/fs"

// A file that is read-only cannot be deleted on Windows, and its links share the attribute: an environment could not be removed.
const hardLinks = false

func linked(fs.FileInfo) bool { return false }
