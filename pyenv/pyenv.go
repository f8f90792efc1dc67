// Package pyenv keeps Python's side of a data folder: which CPython builds for WASI there are, and the virtual
// environments that stand on one of them. It is usable without the rest of Mayfly.
//
// Two subjects, two doors:
//
//   - [Bases] is the folder of installed interpreters. [Bases.Install] brings one in (the pinned build by npm, or an
//     archive from a path or URL), [Bases.Find] says which one answers to "3.12", [Bases.Remove] takes one away.
//   - [Builder] makes virtual environments (PEP 405) as CPython's own venv module does, over such a build or over a CPython of the
//     host's, which [FindHost] finds. [ReadConfig] reads the pyvenv.cfg of any.
//
// What a build for WASI is can be told only by running it, which this package does not. It states that need as [Prober], which its user provides.
//
// Errors that a caller may want to decide on wrap one of the sentinels in errors.go.
package pyenv
