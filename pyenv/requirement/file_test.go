package requirement

import (
	"io"
	"io/fs"
	"strings"
	"testing"
)

// files opens what a map has.
func files(m map[string]string) FileOptions {
	return FileOptions{
		Open: func(name string) (io.ReadCloser, error) {
			text, ok := m[name]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return io.NopCloser(strings.NewReader(text)), nil
		},
		LookupEnv: func(name string) (string, bool) {
			return map[string]string{"TOKEN": "s3cret", "EMPTY": ""}[name], name == "TOKEN" || name == "EMPTY"
		},
	}
}

func shown(lines []Line) (out []string) {
	for _, l := range lines {
		s := l.Place() + " " + l.String()
		for _, h := range l.Hashes {
			s += " " + h[:12]
		}
		out = append(out, s)
	}
	return out
}

func TestRequirementsFile(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	f, err := ReadFile("app/requirements.txt", files(map[string]string{
		"app/requirements.txt": "\ufeff# a comment\n" +
			"flask >= 3 # why not\r\n" +
			"\n" +
			"click==8.1 \\\n    --hash=sha256:" + hash + " \\\n    --hash sha256:" + strings.ToUpper(hash) + "\n" +
			"-r more/base.txt\n" +
			"-c limits.txt\n" +
			"--index-url https://u:${TOKEN}@host/simple --pre\n" +
			"--extra-index-url=https://other/${UNSET}/${EMPTY}/simple\n" +
			"-f wheels\n-fhttps://host/links\n--only-binary :all:\n--require-hashes\n" +
			"x @ https://host/x.whl#sha256=1 ; os_name == 'nt'\n" +
			"https://host/y-1.0-py3-none-any.whl\n" +
			"./z-1.0-py3-none-any.whl\n" +
			"w[a]; python_version < '3' \\\n# a comment ends it\n" +
			"v\\\n",
		"app/more/base.txt":   "werkzeug\n-r ../deep.txt\n",
		"app/deep.txt":        "--no-index\nmarkupsafe",
		"app/limits.txt":      "werkzeug<4\n-r more/limits.txt\n",
		"app/more/limits.txt": "jinja2<4\n",
	}))
	check(t, err)
	equal(t, shown(f.Lines), []string{
		"app/requirements.txt:2 flask>=3",
		"app/requirements.txt:4 click==8.1 sha256:ababa sha256:ababa",
		"app/more/base.txt:1 werkzeug",
		"app/deep.txt:2 markupsafe",
		`app/requirements.txt:15 x @ https://host/x.whl#sha256=1 ; os_name == "nt"`,
		"app/requirements.txt:16 y @ https://host/y-1.0-py3-none-any.whl",
		"app/requirements.txt:17 z @ file:app/z-1.0-py3-none-any.whl",
		`app/requirements.txt:18 w[a]; python_version < "3"`,
		"app/requirements.txt:20 v",
	})
	equal(t, shown(f.Constraints), []string{"app/limits.txt:1 werkzeug<4", "app/more/limits.txt:1 jinja2<4"})
	equal(t, f.Options, Options{
		IndexURL: "https://u:s3cret@host/simple", ExtraIndexURLs: []string{"https://other/${UNSET}/${EMPTY}/simple"},
		FindLinks: []string{"app/wheels", "https://host/links"}, NoIndex: true, Pre: true, RequireHashes: true,
	})
}

func TestRequirementsFileErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]struct {
		is   error
		text string
	}{
		"flask\n\n  click 8":              {ErrSpecifier, `r.txt:3: "8" is not a version specifier: write ==8 for exactly this version`},
		"a\n-e .":                         {ErrEditable, `r.txt:2: -e is refused: a deployed function has a copy of its packages`},
		"--editable=git+https://x/y":      {ErrEditable, `r.txt:1: -e is refused`},
		"-r r.txt":                        {ErrInclude, `r.txt:1: r.txt includes itself: r.txt -> r.txt`},
		"-r ./x/../r.txt":                 {ErrInclude, `r.txt:1: r.txt includes itself`},
		"-r a.txt":                        {ErrInclude, `b.txt:1: a.txt includes itself: a.txt -> b.txt -> a.txt`},
		"-r bad.txt":                      {ErrRequirement, `bad.txt:2: "!" is not a requirement`},
		"-r missing.txt":                  {ErrInclude, `r.txt:1: read requirements: open missing.txt: file does not exist`},
		"-r https://u:secret@host/r.txt":  {ErrInclude, `https://host/r.txt is not on this machine: download it`},
		"-r":                              {ErrOption, `r.txt:1: -r needs a value`},
		"--index-url=":                    {ErrOption, `--index-url needs a value`},
		"--frobnicate":                    {ErrOption, `--frobnicate is not known in a requirements file`},
		"--no-binary :all:":               {ErrOption, `only wheels are installed here`},
		"--trusted-host x":                {ErrOption, `certificates are always checked`},
		"a --hash=md5:1":                  {ErrOption, `--hash=md5:1 is no hash: write --hash=sha256: and 64 hexadecimal digits`},
		"a --global-option=x":             {ErrOption, `--global-option cannot be used after a requirement`},
		"--hash=sha256:1":                 {ErrOption, `--hash belongs on the line of its requirement`},
		"./folder":                        {ErrRequirement, `./folder is no wheel`},
		"https://u:secret@h/x-1.tar.gz?t": {ErrRequirement, `https://h/x-1.tar.gz is no wheel`},
		"--find-links 'x":                 {ErrOption, `a quote is not closed`},
		"a\xff":                           {ErrInclude, `r.txt is not UTF-8`},
		strings.Repeat("#", maxFile+1):    {ErrInclude, `r.txt is longer than 4194304 bytes`},
	} {
		_, err := ReadFile("r.txt", files(map[string]string{"r.txt": text, "a.txt": "-r b.txt", "b.txt": "-r a.txt", "bad.txt": "\n!"}))
		wantError(t, err, want.is, want.text)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v has the password", err)
		}
	}
}

func TestErrorsDoNotHaveWhatVariablesStandFor(t *testing.T) {
	_, err := ReadFile("r.txt", files(map[string]string{"r.txt": "flask ${TOKEN}"}))
	wantError(t, err, ErrSpecifier, `r.txt:1: "${TOKEN}" is not a version specifier`)
}

func TestIncludesAreCounted(t *testing.T) {
	// Each file includes the next twice: 2^30 reads, were nothing counted.
	m := map[string]string{}
	for i := range 30 {
		m[strings.Repeat("x", i+1)] = "-r " + strings.Repeat("x", i+2) + "\n-r " + strings.Repeat("x", i+2)
	}
	m[strings.Repeat("x", 31)] = ""
	_, err := ReadFile("x", files(m))
	wantError(t, err, ErrInclude, "more than 100 files are included")
}

func FuzzRequirementsFile(f *testing.F) {
	f.Add("flask>=1 \\\n --hash=sha256:ab\n-r r.txt # x\n--index-url 'a b'\n./x-1-py3-none-any.whl ; os_name == 'x'")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadFile("r.txt", files(map[string]string{"r.txt": text, "x": "a\n-c r.txt"}))
		if err != nil {
			_ = err.Error()
			return
		}
		for _, l := range file.Lines {
			if _, err := Parse(l.String()); err != nil || l.Number < 1 {
				t.Errorf("%q: took %q: %v", text, l.String(), err)
			}
		}
	})
}
