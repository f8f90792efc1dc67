package index

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// logins are credentials by where they are for: a netrc's by host name, a URL's by scheme, host and port.
type logins struct {
	mu    *sync.Mutex // guards urls
	urls  map[string]*url.Userinfo
	netrc map[string]*url.Userinfo // "" is the default's
}

const maxNetrc = 1 << 20 // bytes

// readNetrc reads the file that Options.Netrc names. What is kept of it is in no error.
func readNetrc(name string) (logins, error) {
	l := logins{mu: &sync.Mutex{}, urls: map[string]*url.Userinfo{}}
	asked := name != ""
	if !asked {
		name = os.Getenv("NETRC")
	}
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return l, nil
		}
		name = filepath.Join(home, ".netrc")
	}
	data, err := readLimited(name, maxNetrc)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return l, nil
	}
	if err != nil {
		return l, detailf(ErrSource, "read credentials: %v", err)
	}
	if l.netrc = parseNetrc(string(data)); l.netrc == nil {
		return l, detailf(ErrSource, "read credentials: %s is no netrc: write lines of the form: machine HOST login USER password PASSWORD", name)
	}
	return l, nil
}

// parseNetrc reads machine, login, password, account, default and macdef, in CPython's reading of the format. It is nil for what is none.
func parseNetrc(text string) map[string]*url.Userinfo {
	logins := map[string]*url.Userinfo{}
	var host, user, password string
	open := false
	end := func() {
		if _, there := logins[host]; open && !there {
			logins[host] = url.UserPassword(user, password)
		}
		user, password = "", ""
	}
	macro := false
	for line := range strings.Lines(text) {
		if macro { // a macro ends with an empty line
			macro = strings.TrimSpace(line) != ""
			continue
		}
		words := netrcWords(line)
		for len(words) > 0 {
			word := words[0]
			words = words[1:]
			if word == "default" {
				end()
				host, open = "", true
				continue
			}
			if len(words) == 0 {
				return nil
			}
			value := words[0]
			words = words[1:]
			switch word {
			case "machine":
				end()
				host, open = strings.ToLower(value), true
			case "login", "user":
				user = value
			case "password":
				password = value
			case "account":
			case "macdef":
				macro, words = true, nil
			default:
				return nil
			}
		}
	}
	end()
	return logins
}

// netrcWords splits a line by spaces. A '#' that begins a word other than a value begins a comment; quotes keep spaces together.
func netrcWords(line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " \t\r\n\v\f") {
		if line[0] == '#' && len(words)%2 == 0 {
			return words
		}
		if line[0] == '"' {
			if end := strings.IndexByte(line[1:], '"'); end >= 0 {
				words, line = append(words, line[1:end+1]), line[end+2:]
				continue
			}
		}
		end := strings.IndexAny(line, " \t\r\n\v\f")
		if end < 0 {
			end = len(line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
	return words
}

func origin(u *url.URL) string { return u.Scheme + "://" + strings.ToLower(u.Host) }

// take moves the credentials of a URL to where they are found for all of its server.
func (l logins) take(u *url.URL) {
	if u.User != nil && u.Scheme != "file" {
		l.mu.Lock()
		l.urls[origin(u)] = u.User
		l.mu.Unlock()
	}
	u.User = nil
}

// set gives a request the credentials that are for its server.
func (l logins) set(req *http.Request) {
	l.mu.Lock()
	user := l.urls[origin(req.URL)]
	l.mu.Unlock()
	if user == nil {
		user = l.netrc[strings.ToLower(req.URL.Hostname())]
	}
	if user == nil {
		user = l.netrc[""]
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
}
