package wheel_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
)

func TestWheelIsReadWhole(t *testing.T) {
	file := wheeltest.Wheel{
		Project: "Demo.App", Version: "1.0.0", DistInfo: "demo_app-1.0.dist-info",
		Files:       map[string]string{"demo/__init__.py": "x = 1\n", "demo_app-1.0.data/scripts/run": "#!python\n"},
		Metadata:    "Requires-Python: >=3.8\nRequires-Dist: click >=8\nRequires-Dist: b;\n   extra == 'x'\nProvides-Extra: x\nSummary: A demo\n\nBody\n\nof text\n",
		EntryPoints: "[console_scripts]\ndemo = demo:main [x]\n; a comment\n\n[plugins]\na.b = demo\n",
	}.Build(t)
	w := open(t, file)
	equal(t, w.DistInfo, "demo_app-1.0.dist-info")
	equal(t, w.Data, "demo_app-1.0.data")
	equal(t, w.Metadata, wheel.Metadata{MetadataVersion: "2.1", Name: "Demo.App", Version: "1.0.0", Summary: "A demo", RequiresPython: ">=3.8",
		RequiresDist: []string{"click >=8", "b; extra == 'x'"}, ProvidesExtra: []string{"x"}, Description: "Body\n\nof text\n"})
	equal(t, w.Format, wheel.Format{Version: "1.0", Generator: "wheeltest", RootIsPurelib: true, Tags: []string{"py3-none-any"}})
	equal(t, w.EntryPoints, []wheel.EntryPoint{{Group: "console_scripts", Name: "demo", Value: "demo:main [x]"}, {Group: "plugins", Name: "a.b", Value: "demo"}})
	dir := t.TempDir()
	unpack(t, w, dir)
	for p, want := range map[string]string{"demo/__init__.py": "x = 1\n", "demo_app-1.0.data/scripts/run": "#!python\n"} {
		got, err := os.ReadFile(filepath.Join(dir, p))
		check(t, err)
		equal(t, string(got), want)
		info, _ := os.Stat(filepath.Join(dir, p))
		if info.Mode()&0o222 != 0 || (info.Mode()&0o111 != 0) != strings.HasSuffix(p, "run") {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
	}
}

func TestRealWheelsAreSound(t *testing.T) {
	files, _ := filepath.Glob("/usr/share/python-wheels/*.whl") // Debian's python3-pip-whl, python3-setuptools-whl
	files = append(files, wheeltest.Debian(t, wheeltest.Flask...)...)
	for _, file := range files {
		w := open(t, file)
		check(t, w.Verify(t.Context()))
		t.Logf("%s: %d files, requires %v", w.Name.File, len(w.Files), w.Metadata.RequiresDist)
	}
}

// TestHostileWheelsAreRefused says why each is, and sees that nothing was written before it is known.
func TestHostileWheelsAreRefused(t *testing.T) {
	member := func(name string) wheeltest.Wheel {
		return wheeltest.Wheel{Members: []wheeltest.Member{{Name: name, Content: "x"}}}
	}
	members := func(m ...wheeltest.Member) wheeltest.Wheel { return wheeltest.Wheel{Members: m} }
	info := func(name, content string) wheeltest.Wheel {
		return wheeltest.Wheel{Instead: map[string]string{name: content}}
	}
	many := make([]wheeltest.Member, 51)
	for i := range many {
		many[i] = wheeltest.Member{Name: fmt.Sprint("many/", i)}
	}
	deep := make([]wheeltest.Member, 6)
	for i := range deep {
		deep[i] = wheeltest.Member{Name: fmt.Sprint(i) + strings.Repeat("/d", 10)}
	}
	record := func(lines ...wheel.RecordEntry) wheeltest.Wheel {
		return info("RECORD", string(wheel.FormatRecord(append(lines, wheel.RecordEntry{Path: "demo-1.0.dist-info/RECORD", Size: -1}))))
	}
	for name, c := range map[string]struct {
		wheel wheeltest.Wheel
		is    error
		text  string
	}{
		"absolute":            {member("/etc/x"), wheel.ErrUnsafe, `"/etc/x" is absolute`},
		"climbs":              {member("../x"), wheel.ErrUnsafe, `"../x" has an element .., which leads elsewhere`},
		"climbs from data":    {member("demo-1.0.data/scripts/../../x"), wheel.ErrUnsafe, `has an element .., which leads elsewhere`},
		"backslash":           {member(`a\..\x`), wheel.ErrUnsafe, `"a\\..\\x" has a backslash`},
		"drive":               {member(`C:/x`), wheel.ErrUnsafe, `has a colon`},
		"device":              {member("demo/nul.py"), wheel.ErrUnsafe, `has the name of a device on Windows`},
		"NUL byte":            {member("demo/\x00"), wheel.ErrUnsafe, `has a control character`},
		"folder that climbs":  {members(wheeltest.Member{Name: "../d/"}), wheel.ErrUnsafe, `"../d/" has an element ..`},
		"link":                {members(wheeltest.Member{Name: "l", Content: "/etc/passwd", Mode: fs.ModeSymlink | 0o777}), wheel.ErrUnsafe, `"l" is a link, a device`},
		"pipe":                {members(wheeltest.Member{Name: "p", Mode: fs.ModeNamedPipe | 0o644}), wheel.ErrUnsafe, `"p" is a link, a device`},
		"device node":         {members(wheeltest.Member{Name: "d", Mode: fs.ModeDevice | 0o644}), wheel.ErrUnsafe, `"d" is a link, a device`},
		"twice":               {members(wheeltest.Member{Name: "a"}, wheeltest.Member{Name: "a", Unrecorded: true}), wheel.ErrUnsafe, `"a" is there twice`},
		"case":                {members(wheeltest.Member{Name: "a/x.py"}, wheeltest.Member{Name: "a/X.py"}), wheel.ErrUnsafe, `"a/X.py" is the same file as "a/x.py" where case does not count`},
		"case of folders":     {members(wheeltest.Member{Name: "a/x.py"}, wheeltest.Member{Name: "A/y.py"}), wheel.ErrUnsafe, `"A/y.py" is in the same folder as "a" where case does not count`},
		"file as folder":      {members(wheeltest.Member{Name: "a"}, wheeltest.Member{Name: "a/b"}), wheel.ErrUnsafe, `"a/b" needs a folder where "a" is a file`},
		"folder as file":      {members(wheeltest.Member{Name: "a/b"}, wheeltest.Member{Name: "a"}), wheel.ErrUnsafe, `"a" is a file and a folder`},
		"encrypted":           {members(wheeltest.Member{Name: "e", Content: "x", Flags: 1}), wheel.ErrUnsupported, `"e" is encrypted`},
		"bzip2":               {members(wheeltest.Member{Name: "e", Content: "x", Method: 12}), wheel.ErrUnsupported, `"e" is compressed by method 12`},
		"too many files":      {members(many...), wheel.ErrLimit, "it has more than 50 files"},
		"too many folders":    {members(deep...), wheel.ErrLimit, "is in one folder too many"},
		"bomb":                {wheeltest.Wheel{Files: map[string]string{"zeros": strings.Repeat("\x00", 2<<20)}}, wheel.ErrLimit, `"zeros" would make it more than 1048576 bytes unpacked`},
		"declares huge":       {members(wheeltest.Member{Name: "h", Content: "x", Size: 1 << 62}), wheel.ErrLimit, `"h" would make it more than 1048576 bytes`},
		"declares 2^64":       {members(wheeltest.Member{Name: "h", Content: "x", Size: 1<<64 - 1}, wheeltest.Member{Name: "i", Content: "x", Size: 2}), wheel.ErrLimit, `"h" would make it more`},
		"bomb that lies":      {members(wheeltest.Member{Name: "lie", Content: deflated(8 << 20), Size: 10, Method: zip.Deflate}), wheel.ErrRecord, `"lie" has 10 bytes, and RECORD says`},
		"huge metadata":       {info("METADATA", strings.Repeat("x", 1<<17)), wheel.ErrLimit, `METADATA" has more than 65536 bytes`},
		"no dist-info":        {wheeltest.Wheel{DistInfo: "demo-1.0.info", FileName: "demo-1.0-py3-none-any.whl"}, wheel.ErrFormat, "it has no demo-1.0.dist-info folder"},
		"another dist-info":   {member("pip-1.0.dist-info/RECORD"), wheel.ErrMismatch, `"pip-1.0.dist-info/RECORD" is not of demo 1.0`},
		"another data":        {member("pip-1.0.data/scripts/x"), wheel.ErrMismatch, `is not of demo 1.0`},
		"two dist-infos":      {member("demo-1.0.0.dist-info/x"), wheel.ErrFormat, `is in a second folder of that kind`},
		"renamed":             {wheeltest.Wheel{Instead: map[string]string{"METADATA": "Name: other\nVersion: 1.0\n"}}, wheel.ErrMismatch, `METADATA" is of other 1.0: the file was renamed`},
		"other version":       {info("METADATA", "Name: demo\nVersion: 2.0\n"), wheel.ErrMismatch, `METADATA" is of demo 2.0`},
		"no name":             {info("METADATA", "Version: 1.0\n"), wheel.ErrFormat, `METADATA" is wrong: its Name is ""`},
		"future metadata":     {info("METADATA", "Metadata-Version: 3.0\nName: demo\nVersion: 1.0\n"), wheel.ErrUnsupported, `its Metadata-Version is "3.0"`},
		"future wheel":        {info("WHEEL", "Wheel-Version: 2.0\n"), wheel.ErrUnsupported, `WHEEL" is wrong: its Wheel-Version is "2.0", and only 1 is known`},
		"no wheel version":    {info("WHEEL", "Root-Is-Purelib: true\n"), wheel.ErrFormat, `its Wheel-Version is ""`},
		"no WHEEL":            {wheeltest.Wheel{Without: []string{"WHEEL"}}, wheel.ErrFormat, "it has no demo-1.0.dist-info/WHEEL"},
		"no METADATA":         {wheeltest.Wheel{Without: []string{"METADATA"}}, wheel.ErrFormat, "it has no demo-1.0.dist-info/METADATA"},
		"no RECORD":           {wheeltest.Wheel{Without: []string{"RECORD"}}, wheel.ErrFormat, "it has no demo-1.0.dist-info/RECORD"},
		"RECORD is no CSV":    {info("RECORD", "a,\"b\nc"), wheel.ErrFormat, `RECORD" is wrong: it is not CSV`},
		"RECORD's hash":       {info("RECORD", "a,b,c\n"), wheel.ErrFormat, `line 1 has "b", which is not ALGORITHM=DIGEST`},
		"RECORD's size":       {info("RECORD", "a,sha256=b,-5\n"), wheel.ErrFormat, `line 1 has "-5", which is no size`},
		"RECORD climbs":       {record(wheel.RecordEntry{Path: "../x"}), wheel.ErrUnsafe, `"../x" in RECORD has an element ..`},
		"RECORD is absolute":  {record(wheel.RecordEntry{Path: "/x"}), wheel.ErrUnsafe, `"/x" in RECORD is absolute`},
		"RECORD twice":        {record(wheel.RecordEntry{Path: "x"}, wheel.RecordEntry{Path: "x"}), wheel.ErrRecord, `"x" is in RECORD twice`},
		"RECORD has none":     {record(), wheel.ErrRecord, `is not in RECORD`},
		"unrecorded":          {members(wheeltest.Member{Name: "x.pth", Unrecorded: true}), wheel.ErrRecord, `"x.pth" is not in RECORD`},
		"missing":             {record(append(sound(), wheeltest.Recorded("gone.py", ""))...), wheel.ErrRecord, `"gone.py" is in RECORD, and not in the wheel`},
		"hash":                {withFile("x = 1", "x = 2", "sha256"), wheel.ErrRecord, `"f.py" has sha256=`},
		"size":                {withFile("x = 1", "x = 10", "sha256"), wheel.ErrRecord, `"f.py" has 5 bytes, and RECORD says 6`},
		"weak hash":           {withFile("x = 1", "x = 1", "md5"), wheel.ErrRecord, `"f.py" has a hash by "md5" in RECORD: it has to be sha256`},
		"no hash":             {withFile("x = 1", "x = 1", ""), wheel.ErrRecord, `"f.py" has no hash in RECORD`},
		"script path":         {wheeltest.Wheel{EntryPoints: "[console_scripts]\n../x = a:b\n"}, wheel.ErrUnsafe, `has a script whose name has an element ..`},
		"script in folder":    {wheeltest.Wheel{EntryPoints: "[gui_scripts]\na/x = a:b\n"}, wheel.ErrUnsafe, `has a script whose name has a slash: "a/x"`},
		"script with code":    {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = os:system('x')\n"}, wheel.ErrUnsafe, `has a script that is not MODULE:FUNCTION: "x = os:system('x')"`},
		"script of two lines": {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = a:b\n  import evil\n"}, wheel.ErrUnsafe, `has a script that is not MODULE:FUNCTION`},
		"script of a module":  {wheeltest.Wheel{EntryPoints: "[console_scripts]\nx = a\n"}, wheel.ErrUnsafe, `has a script that is not MODULE:FUNCTION: "x = a"`},
		"many scripts":        {wheeltest.Wheel{EntryPoints: "[console_scripts]\n" + strings.Repeat("x=a:b\n", 1001)}, wheel.ErrUnsafe, `has more than 1000 scripts`},
		"no group":            {wheeltest.Wheel{EntryPoints: "x = a:b\n"}, wheel.ErrFormat, `entry_points.txt" is wrong: line 1 is no NAME = VALUE in a [GROUP]`},
	} {
		t.Run(name, func(t *testing.T) {
			c.wheel.Project, c.wheel.Version = "demo", "1.0"
			file := c.wheel.Build(t)
			err := tryAll(t, file)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "demo-1.0-py3-none-any.whl is refused: ") {
				t.Errorf("error is\n\t%v\nwithout\n\t%s\nor not %v", err, c.text, c.is)
			}
		})
	}
}

func TestWheelThatUnpacksForEverIsStopped(t *testing.T) {
	bomb := wheeltest.Member{Name: "lie", Content: deflated(4 << 20), Size: 10, Method: zip.Deflate, Unrecorded: true}
	entry := wheeltest.Recorded("lie", "")
	entry.Size = 10
	w := wheeltest.Wheel{Project: "demo", Version: "1.0", Members: []wheeltest.Member{bomb},
		Instead: map[string]string{"RECORD": string(wheel.FormatRecord(append(sound(), entry, wheel.RecordEntry{Path: "demo-1.0.dist-info/RECORD", Size: -1})))}}
	err := tryAll(t, w.Build(t))
	if !errors.Is(err, wheel.ErrFormat) || !strings.Contains(err.Error(), `"lie" is damaged`) {
		t.Error(err)
	}
}

func TestWhatIsNoWheelIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "demo-1.0-py3-none-any.whl")
	check(t, os.WriteFile(file, []byte("<html>"), 0o644))
	if err := tryAll(t, file); !errors.Is(err, wheel.ErrFormat) {
		t.Error(err)
	}
	check(t, os.Remove(file))
	check(t, os.Mkdir(file, 0o755))
	if err := tryAll(t, file); !errors.Is(err, wheel.ErrFormat) {
		t.Error(err)
	}
}

// TestDamageAnywhereIsAnErrorOrHarmless turns over each byte of a wheel.
func TestDamageAnywhereIsAnErrorOrHarmless(t *testing.T) {
	file := wheeltest.Wheel{Project: "demo", Version: "1.0", Files: map[string]string{"demo.py": "x = 1\n"}}.Build(t)
	data, err := os.ReadFile(file)
	check(t, err)
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0xff
		w, err := wheel.New(bytes.NewReader(damaged), int64(len(damaged)), filepath.Base(file), wheel.Limits{})
		if err != nil || w.Verify(t.Context()) != nil {
			continue
		}
		dir := t.TempDir()
		unpack(t, w, dir)
		got, err := os.ReadFile(filepath.Join(dir, "demo.py"))
		check(t, err)
		equal(t, string(got), "x = 1\n")
	}
}

// tryAll opens and unpacks with small limits.
func tryAll(t *testing.T, file string) error {
	t.Helper()
	w, err := wheel.Open(file, wheel.Limits{Files: 50, Bytes: 1 << 20, Metadata: 1 << 16})
	if err != nil {
		return err
	}
	defer w.Close()
	root, err := os.OpenRoot(t.TempDir())
	check(t, err)
	defer root.Close()
	return w.Unpack(t.Context(), root)
}

// sound is RECORD's lines for what each wheel has.
func sound() []wheel.RecordEntry {
	return []wheel.RecordEntry{
		wheeltest.Recorded("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: wheeltest\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
		wheeltest.Recorded("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
	}
}

// withFile has a file of which RECORD says something else.
func withFile(content, recorded, algorithm string) wheeltest.Wheel {
	entry := wheeltest.Recorded("f.py", recorded)
	entry.Hash.Algorithm = algorithm
	if algorithm == "" {
		entry.Hash = wheel.Hash{}
	}
	lines := append(sound(), entry, wheel.RecordEntry{Path: "demo-1.0.dist-info/RECORD", Size: -1})
	return wheeltest.Wheel{Files: map[string]string{"f.py": content}, Instead: map[string]string{"RECORD": string(wheel.FormatRecord(lines))}}
}

func deflated(zeros int) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	w.Write(make([]byte, zeros))
	w.Close()
	return b.String()
}

func open(t testing.TB, file string) *wheel.Wheel {
	t.Helper()
	w, err := wheel.Open(file, wheel.Limits{})
	check(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func unpack(t testing.TB, w *wheel.Wheel, dir string) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	check(t, w.Unpack(t.Context(), root))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
