package python

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestScriptIsFoundAmongOptions(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, -1},
		{[]string{"app.py"}, 0},
		{[]string{"-"}, 0},
		{[]string{"-B", "-u", "app.py", "-c"}, 2},
		{[]string{"-c", "app.py"}, -1},
		{[]string{"-Bc", "app.py"}, -1},
		{[]string{"-m", "app"}, -1},
		{[]string{"-W", "error", "app.py"}, 2},
		{[]string{"-Werror", "app.py"}, 1},
		{[]string{"-BX", "utf8", "app.py"}, 2},
		{[]string{"-Xdev", "app.py"}, 1},
		{[]string{"--check-hash-based-pycs", "always", "app.py"}, 2},
		{[]string{"--version", "x"}, 1},
		{[]string{"-W"}, -1},
		{[]string{"--check-hash-based-pycs"}, -1},
	} {
		if got := Script(c.args); got != c.want {
			t.Errorf("Script(%q) is %d, want %d", c.args, got, c.want)
		}
	}
}

func TestStartKeepsTheScriptsName(t *testing.T) {
	c := &Command{Args: []string{"-B", "../a.py", "x"}, WorkDir: "/w/d"}
	args, line := c.start()
	if diff := cmp.Diff([]string{"-B", "/w/a.py", "x"}, args); diff != "" {
		t.Error(diff)
	}
	if want := `import os; os.chdir("\U0000002f\U00000077\U0000002f\U00000064"); import sys; sys.argv[0] = sys.orig_argv[2] = ` + pyString("../a.py") + "\n"; line != want {
		t.Errorf("the line is %s", line)
	}
	if c.Args[1] != "../a.py" {
		t.Error("the command's own arguments were changed")
	}
}

func TestWithFile(t *testing.T) {
	w := &withFile{FS: fstest.MapFS{"lib/site/a.py": {Data: []byte("a")}}, name: "lib/site/_mayfly.pth", content: "import os\n"}
	text, err := fs.ReadFile(w, "lib/site/_mayfly.pth")
	if string(text) != "import os\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	entries, err := fs.ReadDir(w, "lib/site")
	if len(entries) != 2 || err != nil {
		t.Errorf("%v, %v", entries, err)
	}
	for _, name := range []string{"lib/site/_mayfly.pth", "lib/site/a.py"} {
		for _, stat := range []func(fs.FS, string) (fs.FileInfo, error){fs.Stat, fs.Lstat} {
			if info, err := stat(w, name); err != nil || info.IsDir() || info.Size() == 0 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}
