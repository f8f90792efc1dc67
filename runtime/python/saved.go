package python

import (
	"encoding/json"
	"fmt"

	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/image"
)

// savedBase is what is kept with a base image in a file.
type savedBase struct {
	Version string           `json:"version"`
	Serve   uint32           `json:"serve"`
	Prepare uint32           `json:"prepare"`
	Args    uint32           `json:"args"`
	TpCall  uint32           `json:"tp_call"`
	Mailbox mailbox          `json:"mailbox"`
	Files   []wasi.SavedFile `json:"files"`
}

// Save keeps the base in a cache.
func (b *Base) Save(c image.Cache, key string) error {
	return c.Save(key, b.state, savedBase{b.Version, b.serve, b.prepare, b.args, b.tpCall, b.mailbox, b.files.Save()})
}

// LoadBase returns a base that was saved; image.ErrNoImage where there is none.
func LoadBase(c image.Cache, key string, config *Config) (*Base, error) {
	state, extra, err := c.Load(key, nil)
	if err != nil {
		return nil, err
	}
	var s savedBase
	b := &Base{config: config, state: state}
	if err = json.Unmarshal(extra, &s); err == nil {
		b.files, err = wasi.OpenSaved(tree(config, &Function{Venv: config.Venv}), s.Files)
	}
	if err != nil {
		state.Close()
		return nil, fmt.Errorf("%w: %w", image.ErrNoImage, err)
	}
	b.Version, b.serve, b.prepare, b.args, b.tpCall, b.mailbox = s.Version, s.Serve, s.Prepare, s.Args, s.TpCall, s.Mailbox
	return b, nil
}

// savedImage is what is kept with a function's image in a file.
type savedImage struct {
	Entry string           `json:"entry"`
	Files []wasi.SavedFile `json:"files"`
}

// Save keeps the image in a cache, in which its base is.
func (i *Image) Save(c image.Cache, key string) error {
	return c.Save(key, i.state, savedImage{i.Entry, i.files.Save()})
}

// LoadImage returns the image of f that was saved; image.ErrNoImage where there is none of this base.
func (b *Base) LoadImage(c image.Cache, key string, f *Function) (*Image, error) {
	state, extra, err := c.Load(key, b.state)
	if err != nil {
		return nil, err
	}
	var s savedImage
	i := &Image{state: state}
	if err = json.Unmarshal(extra, &s); err == nil {
		i.files, err = wasi.OpenSaved(tree(b.config, f), s.Files)
	}
	if err != nil {
		state.Close()
		return nil, fmt.Errorf("%w: %w", image.ErrNoImage, err)
	}
	i.Entry = s.Entry
	return i, nil
}
