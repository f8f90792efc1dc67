package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

const defaultURL = "http://127.0.0.1:8080"

// connection is how a server is found: as flags, the environment or the configuration file say it.
type connection struct {
	URL   string `toml:"url"`
	Token string `toml:"token"`
	file  string
}

func (c *connection) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.URL, "url", "", "the server's `URL` (MAYFLY_URL; default "+defaultURL+")")
	flags.StringVar(&c.Token, "token", "", "the server's admin `token` (better: MAYFLY_TOKEN or the configuration file, which other users cannot see)")
	flags.StringVar(&c.file, "config", "", "a configuration `file` with url and token (MAYFLY_CONFIG)")
}

// client returns a client of the server that the user means.
func (a *app) client() (*client.Client, error) {
	c, err := a.connection.resolve(os.Getenv, os.UserConfigDir)
	if err != nil {
		return nil, err
	}
	made, err := client.New(c.URL, c.Token)
	if err != nil {
		return nil, usage(nil, "%v", err)
	}
	return made, nil
}

// resolve adds to what the flags say what the environment, then the file, then the defaults say.
func (c connection) resolve(getenv func(string) string, configDir func() (string, error)) (connection, error) {
	path := cmp.Or(c.file, getenv("MAYFLY_CONFIG"))
	required := path != ""
	if !required {
		// Without a home there is no file, which is no error.
		if dir, err := configDir(); err == nil {
			path = filepath.Join(dir, "mayfly", "config.toml")
		}
	}
	var file connection
	if path != "" {
		var err error
		if file, err = readConnection(path); err != nil && (required || !errors.Is(err, fs.ErrNotExist)) {
			return connection{}, usage(nil, "configuration: %v", err)
		}
	}
	return connection{
		URL:   cmp.Or(c.URL, getenv("MAYFLY_URL"), file.URL, defaultURL),
		Token: cmp.Or(c.Token, getenv("MAYFLY_TOKEN"), file.Token),
	}, nil
}

func readConnection(path string) (connection, error) {
	var c connection
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	err = dec.Decode(&c)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		line, _ := strict.Errors[0].Position()
		return c, usage(nil, "%s:%d: unknown key %q: the keys are url and token", path, line, strings.Join(strict.Errors[0].Key(), "."))
	}
	if syntax, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := syntax.Position()
		// Not the text of the line: it may be the token's.
		return c, usage(nil, "%s:%d: %s", path, line, strings.TrimPrefix(syntax.Error(), "toml: "))
	}
	return c, err
}
