package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// maxInfo bounds a file of dist-info that is read. Another installer, or a package, may have written it.
const maxInfo = 64 << 20

// Distribution is a package that is installed.
type Distribution struct {
	Name      string // of the project, as METADATA has it
	Version   string
	Installer string     // who installed it, such as pip
	Requested bool       // whether somebody asked for it, and not for something that requires it
	DirectURL *DirectURL // nil if it came from an index
	Metadata  wheel.Metadata

	info string // the dist-info folder, relative to the environment
}

// List is all packages with a .dist-info folder, by name. What has an .egg-info, as no wheel does, or metadata that
// cannot be read, is passed over.
func (e *Environment) List(ctx context.Context) (list []Distribution, err error) {
	err = e.read(ctx, func(root *os.Root) error {
		list, err = e.list(root)
		return err
	})
	return list, err
}

func (e *Environment) list(root *os.Root) ([]Distribution, error) {
	infos, err := e.infos(root)
	if err != nil {
		return nil, err
	}
	var list []Distribution
	for _, dir := range infos {
		data, err := readInfo(root, path.Join(dir, "METADATA"))
		if err != nil {
			continue
		}
		d := Distribution{info: dir}
		if d.Metadata, err = wheel.ParseMetadata(data); err != nil {
			continue
		}
		d.Name, d.Version = d.Metadata.Name, d.Metadata.Version
		if data, err := readInfo(root, path.Join(dir, "INSTALLER")); err == nil {
			d.Installer = strings.TrimSpace(string(data))
		}
		_, err = root.Lstat(path.Join(dir, "REQUESTED"))
		d.Requested = err == nil
		if data, err := readInfo(root, path.Join(dir, "direct_url.json")); err == nil {
			var u DirectURL
			if json.Unmarshal(data, &u) == nil && u.URL != "" {
				d.DirectURL = &u
			}
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b Distribution) int {
		return strings.Compare(wheel.NormalName(a.Name), wheel.NormalName(b.Name))
	})
	return list, nil
}

// infos are the dist-info folders, relative to the environment.
func (e *Environment) infos(root *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), e.lib)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var infos []string
	for _, d := range entries {
		if d.IsDir() && strings.HasSuffix(d.Name(), ".dist-info") {
			infos = append(infos, path.Join(e.lib, d.Name()))
		}
	}
	return infos, nil
}

func readInfo(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxInfo {
		return nil, fmt.Errorf("%s is no file, or has more than %d bytes", name, maxInfo)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxInfo))
}

// find is all that is installed of a project: one, unless something went wrong before.
func find(list []Distribution, project string) []Distribution {
	var found []Distribution
	for _, d := range list {
		if wheel.NormalName(d.Name) == wheel.NormalName(project) {
			found = append(found, d)
		}
	}
	return found
}

// record is RECORD of a package. The error is [ErrNoRecord] if there is none.
func record(root *os.Root, d Distribution) ([]wheel.RecordEntry, error) {
	data, err := readInfo(root, path.Join(d.info, "RECORD"))
	if errors.Is(err, fs.ErrNotExist) {
		by := d.Installer
		if by == "" {
			by = "something that does not say so"
		}
		return nil, detailf(ErrNoRecord, "%s %s has no RECORD of its files, so that they cannot be removed: it was installed by %s; remove it with that, or make a new environment",
			d.Name, d.Version, by)
	}
	if err != nil {
		return nil, err
	}
	entries, err := wheel.ParseRecord(data)
	if err != nil {
		return nil, fmt.Errorf("%s/RECORD: %w", d.info, err)
	}
	return entries, nil
}

// files are those of a package, relative to the environment, that RECORD has.
func (e *Environment) files(root *os.Root, d Distribution) ([]string, error) {
	entries, err := record(root, d)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, r := range entries {
		p, err := e.fromRecord(r.Path)
		if err != nil {
			return nil, fmt.Errorf("RECORD of %s %s: %w", d.Name, d.Version, err)
		}
		files = append(files, p)
	}
	return files, nil
}
