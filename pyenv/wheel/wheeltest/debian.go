package wheeltest

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// distPackages is where Debian's Python packages are.
const distPackages = "/usr/lib/python3/dist-packages/"

// Flask is Flask 2 and what it needs, as Debian has it: apt-get install python3-flask.
var Flask = []string{"python3-flask", "python3-werkzeug", "python3-jinja2", "python3-click", "python3-itsdangerous", "python3-markupsafe"}

// Debian wraps installed Debian packages, such as python3-flask, into wheels in a folder of the test's, and returns their paths. Native code is
// left out: what works without it is a pure wheel. The test is skipped if a package is not installed.
func Debian(t testing.TB, packages ...string) []string {
	t.Helper()
	var wheels []string
	for _, p := range packages {
		wheels = append(wheels, debian(t, p))
	}
	return wheels
}

func debian(t testing.TB, name string) string {
	t.Helper()
	list, err := exec.Command("dpkg", "-L", name).Output()
	if err != nil {
		t.Skipf("Debian's %s is not installed: apt-get install -y -qq %[1]s", name)
	}
	w := Wheel{Files: map[string]string{}}
	requires := ""
	for file := range strings.Lines(string(list)) {
		file = strings.TrimSpace(file)
		p, ok := strings.CutPrefix(file, distPackages)
		if info, err := os.Lstat(file); !ok || err != nil || !info.Mode().IsRegular() || strings.HasSuffix(p, ".so") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir, base := path.Split(p)
		if !strings.HasSuffix(dir, ".dist-info/") && !strings.HasSuffix(dir, ".egg-info/") && !strings.HasSuffix(p, ".egg-info") {
			w.Files[p] = string(data)
			continue
		}
		switch {
		case base == "METADATA" || base == "PKG-INFO" || dir == "":
			m, err := wheel.ParseMetadata(data)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			w.Project, w.Version = m.Name, m.Version
			w.Instead = map[string]string{"METADATA": string(data)}
		case base == "entry_points.txt":
			w.EntryPoints = string(data)
		case base == "requires.txt":
			requires = string(data)
		}
	}
	if w.Project == "" {
		t.Fatalf("Debian's %s has no metadata in %s", name, filepath.Clean(distPackages))
	}
	if lines := requiresDist(lost[name] + requires); lines != "" && !strings.Contains(w.Instead["METADATA"], "\nRequires-Dist:") {
		head, body, _ := strings.Cut(w.Instead["METADATA"], "\n\n")
		w.Instead["METADATA"] = head + "\n" + lines + "\n" + body
	}
	return w.Build(t)
}

// lost is what Debian's packages say to dpkg alone, having taken it out of their metadata. Versions are upstream's of Debian 12.
var lost = map[string]string{
	"python3-flask":    "Werkzeug>=2.2.2\nJinja2>=3.0\nitsdangerous>=2.0\nclick>=8.0\nimportlib-metadata>=3.6.0; python_version < \"3.10\"\n",
	"python3-werkzeug": "MarkupSafe>=2.1.1\n",
	"python3-jinja2":   "MarkupSafe>=2.0\n",
}

var section = regexp.MustCompile(`^\[([^:\]]*):?(.*)\]$`)

// requiresDist makes fields of METADATA of an egg's requires.txt: requirements, then more of them in sections [EXTRA:MARKER].
func requiresDist(text string) string {
	var b strings.Builder
	marker := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := section.FindStringSubmatch(line); m != nil {
			var conditions []string
			if m[2] != "" {
				conditions = append(conditions, "("+m[2]+")")
			}
			if m[1] != "" {
				b.WriteString("Provides-Extra: " + m[1] + "\n")
				conditions = append(conditions, `extra == "`+m[1]+`"`)
			}
			marker = "; " + strings.Join(conditions, " and ")
		} else if line != "" {
			b.WriteString("Requires-Dist: " + line + marker + "\n")
		}
	}
	return b.String()
}
