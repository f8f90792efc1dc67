package pyenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Prober finds out what a build is by running it. The runtime provides it.
type Prober interface {
	// Probe runs the interpreter at the path wasm, with the folder lib (as [Base.Lib] has it, "" if there is none) as its
	// standard library, and returns its platform.python_version(), such as "3.12.0". The paths are of a temporary
	// folder which is gone or renamed after the call. It may take seconds; ctx ends it.
	Probe(ctx context.Context, wasm, lib string) (version string, err error)
}

// InstallOptions says what to install. The zero value installs the pinned build.
type InstallOptions struct {
	// From is "" for the pinned build, fetched with npm, or else the path or the http(s) URL of a build: a python.wasm, or a
	// .tar.gz, .tgz or .zip that contains one and, if it is apart, its standard library (lib/python3.N/, python3N.zip).
	From string

	// Version is "" to take what the build says of itself, or what it has to be: a series (3.12) or one version
	// (3.12.0). Without a Prober, a build that is not the pinned one needs its whole version here.
	Version string

	// CacheDir keeps the pinned build once it was verified, so that another data folder needs no network. "" is the
	// folder mayfly in os.UserCacheDir. It is verified again whenever it is used, and fetched again if it is damaged. A
	// folder that cannot be written is no error: there is no cache then.
	CacheDir string

	// Progress is called, from the goroutine of Install, as the work goes on. It may be nil.
	Progress func(Progress)

	// Prober runs the build before it is installed. With nil, Install takes the version on trust.
	Prober Prober

	// Force replaces a base of the same version that came from another build.
	Force bool
}

// Progress is how far Install has come.
type Progress struct {
	Stage       string // "fetch", "unpack", "verify", "probe"; from the start again after a damaged file in the cache
	Done, Total int64  // bytes; Total is 0 where it is not known
}

// Install installs a CPython build for WASI and returns its base. That the same build is there already is a success, and
// no work. A base appears whole or not at all, whenever the process dies; what is left then is removed by the
// next Install or List. Installing from several processes at once is safe.
//
// Archives are unpacked up to 100,000 members and 2 GiB, downloads up to 1 GiB.
//
// The error is [ErrSource] for what is not such a build, [ErrVersion] for one that is too old (below 3.11) or not the
// Version asked for, [ErrInstalled] if another build of the version is there and Force is not set, [ErrDigest] or [ErrNoNPM]
// for the pinned build, ctx's error if it ended first; or one of the file system, the network, npm, or the Prober.
func (b Bases) Install(ctx context.Context, o InstallOptions) (Base, error) {
	in := &installer{bases: b, o: o, pin: pinned, limits: defaultLimits}
	return in.install(ctx)
}

// installer is one call of Install.
type installer struct {
	bases  Bases
	o      InstallOptions
	pin    pin
	limits limits

	want  wanted
	stage string // a temporary folder in bases.Dir, so that the result can be renamed to its place
}

// build is what was unpacked and is not yet installed.
type build struct {
	Base         // without Version and Installed; Dir is in the stage
	libMinor int // N of the standard library's python3.N; 0 if there is none apart
}

func (in *installer) install(ctx context.Context) (Base, error) {
	if err := in.validate(); err != nil {
		return Base{}, err
	}
	if in.o.From == "" {
		base, err := loadBase(filepath.Join(in.bases.Dir, in.pin.version.String()))
		if err == nil && base.Digest == in.pin.digest {
			return base, nil
		}
	}
	if err := os.MkdirAll(in.bases.Dir, 0o755); err != nil {
		return Base{}, fmt.Errorf("install CPython: %w", err)
	}
	in.bases.sweep()
	unlock, err := in.bases.guard()
	if err != nil {
		return Base{}, fmt.Errorf("install CPython: %w", err)
	}
	defer unlock()
	if in.stage, err = os.MkdirTemp(in.bases.Dir, tempPrefix); err != nil {
		return Base{}, fmt.Errorf("install CPython: %w", err)
	}
	defer os.RemoveAll(in.stage)

	var built build
	if in.o.From == "" {
		built, err = in.obtainPinned(ctx)
	} else {
		built, err = in.obtain(ctx)
	}
	if err != nil {
		return Base{}, fmt.Errorf("install CPython: %w", err)
	}
	base, err := in.finish(ctx, built)
	if err != nil {
		return Base{}, fmt.Errorf("install CPython: %w", err)
	}
	return base, nil
}

func (in *installer) validate() (err error) {
	if in.bases.Dir, err = filepath.Abs(in.bases.Dir); err != nil { // npm is started in another folder
		return err
	}
	if in.want, err = parseWanted(in.o.Version); err != nil {
		return err
	}
	if in.want.any {
		return nil
	}
	if err := checkAge(in.want.minor, in.o.Version); err != nil {
		return err
	}
	if in.o.From == "" && !in.want.matches(in.pin.version) {
		return detailf(ErrVersion, "CPython %s is not the pinned version, which is %s: "+
			"give a build of %[1]s for WASI with --from FILE-OR-URL", in.o.Version, in.pin.version)
	}
	return nil
}

// finish gives the build its version and its place.
func (in *installer) finish(ctx context.Context, built build) (Base, error) {
	bases, err := in.bases.List()
	if err != nil {
		return Base{}, err
	}
	for _, old := range bases {
		if v, _ := parseVersion(old.Version); old.same(built.Base) && in.want.matches(v) {
			return old, nil
		}
	}
	v, err := in.version(ctx, built)
	if err != nil {
		return Base{}, err
	}
	built.Version = v.String()
	built.Installed = time.Now().UTC().Truncate(time.Second)
	if err := writeBase(built.Dir, built.Base); err != nil {
		return Base{}, err
	}
	if err := syncTree(built.Dir); err != nil {
		return Base{}, err
	}
	return in.place(built.Base)
}

// version asks the build, or else whoever vouches for it, and checks the answer against all else that is known.
func (in *installer) version(ctx context.Context, built build) (version, error) {
	text := in.o.Version
	switch {
	case in.o.Prober != nil:
		in.report("probe", 0, 0)
		said, err := in.o.Prober.Probe(ctx, built.Wasm(), built.Lib())
		if err != nil {
			return version{}, fmt.Errorf("run %s to see its version: %w", built.Source, err)
		}
		text = strings.TrimSpace(said)
	case in.o.From == "":
		text = in.pin.version.String()
	case !in.want.exact:
		return version{}, detailf(ErrVersion, "the version of %s is not known: give the whole version, such as 3.12.0", built.Source)
	}
	v, err := parseRunnable(text)
	if err != nil {
		return version{}, err
	}
	if !in.want.matches(v) {
		return version{}, detailf(ErrVersion, "%s is CPython %s, not %s", built.Source, v, in.o.Version)
	}
	if in.o.From == "" && v != in.pin.version {
		return version{}, detailf(ErrVersion, "%s says that it is CPython %s, but it is pinned as %s", built.Source, v, in.pin.version)
	}
	if built.libMinor != 0 && built.libMinor != v.minor {
		return version{}, detailf(ErrSource, "%s holds CPython %s with the standard library of 3.%d", built.Source, v, built.libMinor)
	}
	return v, nil
}

func (in *installer) report(stage string, done, total int64) {
	if in.o.Progress != nil {
		in.o.Progress(Progress{stage, done, total})
	}
}
