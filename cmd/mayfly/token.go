package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// token returns what the management API asks for, "" for nothing. One that it makes is told to w, this once.
func (o *serveOptions) token(addr net.Addr, w io.Writer) (string, error) {
	if token := cmp.Or(o.adminToken, os.Getenv("MAYFLY_ADMIN_TOKEN")); token != "" {
		return token, checkToken(token)
	}
	path := o.tokenFile
	if path == "" {
		if isLoopback(addr) {
			return "", nil
		}
		path = filepath.Join(o.dataDir, "admin-token")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeToken(path, w)
	}
	if err != nil {
		return "", fmt.Errorf("read the admin token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("%s: %w; delete the file to have a new one made", path, err)
	}
	return token, nil
}

// makeToken writes a new token to a file that only its owner can read.
func makeToken(path string, w io.Writer) (string, error) {
	token := rand.Text()
	f, err := os.CreateTemp(filepath.Dir(path), ".admin-token-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("keep the admin token: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, token)
	// The name appears when the whole token is there, also where the machine stops now.
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("keep the admin token: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", fmt.Errorf("keep the admin token: %w", err)
	}
	fmt.Fprintf(w, "mayfly: made an admin token, kept in %s and not shown again: %s\nmayfly: give it to clients as MAYFLY_TOKEN\n", path, token)
	return token, nil
}

// checkToken refuses what cannot be sent in an Authorization header as it is. Its text never shows the token.
func checkToken(token string) error {
	switch {
	case token == "":
		return usage(nil, "the admin token is empty")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return usage(nil, "the admin token has spaces, line ends or letters outside ASCII")
	}
	return nil
}
