package pyenv

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadConfig(t *testing.T) {
	whole := Config{Home: "/usr/bin", Version: "3.12.0", Executable: "/usr/bin/python3.12", Command: "python -m venv --prompt=a=b x"}
	for name, c := range map[string]struct {
		text string
		want Config
	}{
		"as CPython writes it": {"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.12.0\n" +
			"executable = /usr/bin/python3.12\ncommand = python -m venv --prompt=a=b x\n", whole},
		"blanks, case, line ends": {"\r\n \tHOME=/usr/bin\x1f\r\nInclude-System-Site-Packages\t=\tFalse \rversion =3.12.0\r\n" +
			"executable= /usr/bin/python3.12\r\nno equals sign\ncommand = python -m venv --prompt=a=b x", whole},
		"others' keys":        {"home = /b\nuv = 0.5.0\nimplementation = CPython\ninclude-system-site-packages = false", Config{Home: "/b"}},
		"home alone":          {"home=/b", Config{Home: "/b", SystemSite: true}}, // as site has it
		"neither true":        {"home=/b\ninclude-system-site-packages = yes", Config{Home: "/b"}},
		"true in capitals":    {"home=/b\ninclude-system-site-packages = TRUE", Config{Home: "/b", SystemSite: true}},
		"first home":          {"home=/a\nhome=/b\nversion=1\nversion=2\ninclude-system-site-packages=", Config{Home: "/a", Version: "2"}},
		"home without value":  {"home=\nhome=/b\ninclude-system-site-packages=no", Config{}},
		"blanks inside":       {"home = /a b/c\u00a0d\ninclude-system-site-packages=no", Config{Home: "/a b/c\u00a0d"}},
		"comment-like lines":  {"# home = /x\nhome=/b\ninclude-system-site-packages=no", Config{Home: "/b"}},
		"value with equals":   {"home = /a=b\ninclude-system-site-packages=no", Config{Home: "/a=b"}},
		"prompt as repr":      {"home=/b\nprompt = \"it's \\x07 \\u2028\"\ninclude-system-site-packages=no", Config{Home: "/b", Prompt: "it's \a \u2028"}},
		"prompt as it is":     {"home=/b\nprompt = 'half\ninclude-system-site-packages=no", Config{Home: "/b", Prompt: "'half"}},
		"Mayfly's own":        {"home=/b\nmayfly-build=/d/python/3.12.0\nmayfly-write = True\ninclude-system-site-packages=no", Config{Home: "/b", Build: "/d/python/3.12.0", Write: true}},
		"no line end at last": {"include-system-site-packages=no\nhome = /a", Config{Home: "/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConfig(strings.NewReader(c.text))
			check(t, err)
			equal(t, got, c.want)
		})
	}
}

func TestReadConfigErrors(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		is   error
		want string
	}{
		"no home":     {"version = 3.12.0\n\ufeffhome = /x", ErrNotVenv, "pyvenv.cfg has no home key: CPython would not take its folder for an environment; make a new one"},
		"empty":       {"", ErrNotVenv, "no home key"},
		"not UTF-8":   {"home = /\xff", nil, "pyvenv.cfg is not UTF-8: CPython would not start with it"},
		"NUL":         {"a\x00\nhome = /x", nil, "pyvenv.cfg has a NUL character, where CPython would stop reading"},
		"32 KiB":      {"home = /" + strings.Repeat("x", maxConfig-8), nil, "pyvenv.cfg has 32768 bytes or more: CPython would not start with it"},
		"many gigabs": {strings.Repeat("#", 5*maxConfig), nil, "pyvenv.cfg has 32768 bytes or more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadConfig(strings.NewReader(c.text))
			wantError(t, err, c.is, c.want)
		})
	}
	_, err := ReadConfig(strings.NewReader("home = /" + strings.Repeat("x", maxConfig-9)))
	check(t, err)
}

func TestConfigThatWouldReadOtherwiseIsNotWritten(t *testing.T) {
	for _, value := range []string{"/x\nhome = /evil", "/x\rhome = /evil", " /x", "/x\t", "/\x00", "/\xff"} {
		for _, c := range []Config{{Home: value}, {Home: "/x", Command: value}} {
			var b strings.Builder
			wantError(t, c.write(&b), nil, "it may be no more than one line of UTF-8, without blanks around it")
			equal(t, b.String(), "")
		}
	}
	wantError(t, Config{Home: "/" + strings.Repeat("x", maxConfig)}.write(&strings.Builder{}), nil, "CPython reads fewer than 32768")
}

func FuzzReadConfig(f *testing.F) {
	f.Add("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.12.0\nexecutable = /usr/bin/python3\ncommand = x\n")
	f.Add("home=/x\nprompt='it\\'s \\x07'\nmayfly-build=/d\nmayfly-write=true")
	f.Add("HOME=\r\n= =\rInclude-System-Site-Packages=TRUE\x1c")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConfig(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := c.write(&b); err != nil {
			if len(text) < maxConfig/12 { // "home=" takes less than "home = ", and a prompt's repr more than it
				t.Errorf("%+v was read and cannot be written: %v", c, err)
			}
			return
		}
		again, err := ReadConfig(strings.NewReader(b.String()))
		if err != nil || !cmp.Equal(c, again) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	})
}
