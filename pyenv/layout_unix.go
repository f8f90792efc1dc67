//go:build unix && !darwin

package pyenv

import "strconv"

// hasLib64 says whether CPython's venv makes the link lib64 -> lib on this system: on 64-bit POSIX but macOS.
const hasLib64 = strconv.IntSize == 64
