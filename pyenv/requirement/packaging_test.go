package requirement

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask puts questions to pip's own library, if this machine has it.
func ask(t *testing.T, env Environment, questions [][]string) []any {
	t.Helper()
	const probe = "try:\n import packaging\nexcept ImportError:\n import pip._vendor.packaging"
	if err := exec.Command("python3", "-c", probe).Run(); err != nil {
		t.Skip("no python3 with packaging or pip here")
	}
	in, err := json.Marshal(env)
	check(t, err)
	var stdin bytes.Buffer
	for _, q := range questions {
		line, err := json.Marshal(q)
		check(t, err)
		stdin.Write(append(line, '\n'))
	}
	cmd := exec.Command("python3", "-W", "ignore", "testdata/packaging.py", string(in))
	cmd.Stdin = &stdin
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	var answers []any
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		var a any
		check(t, json.Unmarshal(sc.Bytes(), &a))
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// ours answers as testdata/packaging.py does.
func ours(env Environment, q []string) any {
	switch q[0] {
	case "version":
		if v, err := ParseVersion(q[1]); err == nil {
			return []any{v.String(), v.IsPrerelease()}
		}
	case "compare":
		v, err := ParseVersion(q[1])
		w, err2 := ParseVersion(q[2])
		if err == nil && err2 == nil {
			return float64(v.Compare(w))
		}
	case "match":
		s, err := ParseSpecifiers(q[1])
		v, err2 := ParseVersion(q[2])
		if err == nil && err2 == nil {
			return []any{s.Match(v), s.Prereleases()}
		}
	case "marker":
		if m, err := ParseMarker(q[1]); err == nil {
			return m.Holds(env, q[2])
		}
	case "requirement":
		if r, err := Parse(q[1]); err == nil {
			specifiers := []any{}
			for s := range strings.SplitSeq(r.Specifiers.String(), ",") {
				if s != "" {
					specifiers = append(specifiers, s)
				}
			}
			slices.SortFunc(specifiers, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			extras := []any{}
			for _, e := range r.Extras {
				extras = append(extras, e)
			}
			return []any{r.Name, extras, specifiers, r.URL, !r.Marker.IsZero()}
		}
	}
	return nil
}

func differential(t *testing.T, env Environment, questions [][]string) {
	t.Helper()
	// packaging before 22 did not pad 1.0a1 with zeros when it was compared with a longer prefix, 1.0.0.*; PEP 440 says to.
	questions = slices.DeleteFunc(questions, func(q []string) bool {
		if q[0] != "match" || !strings.Contains(q[1], ".*") && !strings.Contains(q[1], "~=") {
			return false
		}
		v, err := ParseVersion(q[2])
		s, err2 := ParseSpecifiers(q[1])
		return err == nil && err2 == nil && (v.pre != "" || v.post || v.dev) &&
			slices.ContainsFunc(s.list, func(sp specifier) bool { return len(sp.version.release) > len(v.release) })
	})
	answers := ask(t, env, questions)
	wrong := 0
	for i, q := range questions {
		if diff := cmp.Diff(answers[i], ours(env, q)); diff != "" {
			if wrong++; wrong <= 20 {
				t.Errorf("%q: -packaging +ours:\n%s", q, diff)
			}
		}
	}
	t.Logf("%d questions, %d answered differently", len(questions), wrong)
}

var versionTable = []string{
	"1", "1.0", "1.0.0", "0", "0.0", "v1.0", "V1", " 1.0 ", "\t1.0\n", "1.0a", "1.0a0", "1.0a1", "1.0alpha1", "1.0-alpha.1", "1.0_ALPHA_1", "1.0b2",
	"1.0beta2", "1.0c1", "1.0rc1", "1.0pre1", "1.0preview1", "1.0-preview_1", "1.0.post1", "1.0post", "1.0-1", "1.0-", "1.0.rev3", "1.0r3", "1.0-r3",
	"1.0.dev1", "1.0dev", "1.0a1.dev1", "1.0a1.post1", "1.0a1.post0", "1.0a1.post1.dev2", "1.0.post1.dev2", "1!1.0", "0!1.0", "256!1.0", "1!0",
	"1.0+local", "1.0+Local.1", "1.0+a-b_c", "1.0+1", "1.0+01", "1.0+a.1", "1.0+1.a", "1.0+", "1.0+a..b", "1.0+-a", "1.0.post1+a", "1.0.post1+b", "1.0.dev1+a",
	"1.0.dev1+b", "01.02.03", "1.00", "20230101123456789012345", "1.18446744073709551617", "1.18446744073709551616", "2011.10", "1.0.0.0.0.0.1", "",
	"a", "1.a", "1..0", "1.0.", ".1", "1.0x", "1.0 a", "1.0a1b2", "1.0dev.post", "1.0.dev1.post1", "1.0-post-1-dev-2", "1.0--1", "1e5", "1!2!3", "!1",
	"1.0.*", "１.0", "1.0α1", "1.1.dev0", "1.1a0", "1.1", "1.1.post0", "1.0rc1.post1", "1.0-a1-1",
}

func TestVersionsAreThoseOfPackaging(t *testing.T) {
	var questions [][]string
	for _, v := range versionTable {
		questions = append(questions, []string{"version", v})
		for _, w := range versionTable {
			questions = append(questions, []string{"compare", v, w})
		}
	}
	differential(t, WASI("3.12.0"), questions)
}

func TestSpecifiersAreThoseOfPackaging(t *testing.T) {
	var questions [][]string
	for _, v := range versionTable {
		for _, op := range operators {
			for _, w := range versionTable {
				if _, err := ParseVersion(w); err != nil && op != "===" && w != "" {
					continue
				}
				spec := op + strings.TrimSpace(w)
				pv, err := ParseVersion(w)
				if op == "~=" && err == nil {
					spec = op + pv.String() // packaging before 22 compared prefixes as they are spelled
				}
				questions = append(questions, []string{"match", spec, v})
				// packaging before 22 took .* after a pre-release, PEP 440 does not.
				if err == nil && pv.pre == "" && !pv.post && !pv.dev && pv.local == nil && (op == "==" || op == "!=") {
					questions = append(questions, []string{"match", op + pv.String() + ".*", v})
				}
			}
		}
	}
	// What packaging before 22 took as a version of another kind is not asked for; nor is === of what is none, where it compared spelling as written.
	questions = slices.DeleteFunc(questions, func(q []string) bool {
		_, err := ParseVersion(q[2])
		return err != nil || q[1] == "===" || strings.HasPrefix(q[1], "===") && strings.ContainsAny(q[1], " \t\n")
	})
	for _, s := range []string{
		">=1.0,<2", ">=1.0, != 1.0.1 ,<2", "> 1", "~= 1.0", "~=1", "~=1.0.0.dev1", "~=2.2.post3", "~=1.4.5a4", "==1.0.*,!=1.0.1", "==1.*", "!=1.*", ">=1.*", "<1.*",
		"~=1.0.*", "=1.0", "1.0", "=>1", "==1.0+local", ">=1.0+local", "==1!1.*", "~=1!1.0", "==1.0 .*", "== 1.0", ">=1 2", "<>1", "!=1.0.dev1.*",
		"==1.0.0.0.*", "~=0.0", "<1.0a1", ">1.0.post1", "<1.0.post1", ">1.0a1", ">=1.0a1,<2",
	} {
		for _, v := range versionTable {
			if _, err := ParseVersion(v); err == nil {
				questions = append(questions, []string{"match", s, v})
			}
		}
	}
	// A quarter of them at a time: packaging takes its time.
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	differential(t, WASI("3.12.0"), slices.DeleteFunc(questions, func([]string) bool { return r.IntN(4) > 0 }))
}

func TestRandomSpecifiersAreThoseOfPackaging(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	v := func() string {
		return pick("", "", "", "1!") + pick("0", "1", "2", "10") + pick("", ".0", ".1", ".2.0", ".1.3") + pick("", "", "a1", "b2", "rc1", "rc2") + pick("", "", ".post1", ".post2") + pick("", "", ".dev1", ".dev2")
	}
	var questions [][]string
	for range 2000 {
		local := pick("", "", "", "+abc", "+1.2", "+1.10")
		questions = append(questions, []string{"match", pick(operators...) + v(), v() + local})
		questions = append(questions, []string{"match", pick("==", "!=") + v() + local, v() + pick("", "+abc", "+1.2")})
		questions = append(questions, []string{"compare", v() + local, v() + pick("", "+abc", "+1.10")})
	}
	differential(t, WASI("3.12.0"), questions)
}

func TestMarkersAreThoseOfPackaging(t *testing.T) {
	var questions [][]string
	for _, m := range []string{
		`python_version < "3.13"`, `python_version >= '3.8'`, `"3.8" <= python_version`, `python_version in "3.11 3.12"`, `python_version not in "3.11, 3.12"`,
		`python_full_version >= "3.12.0"`, `python_full_version < "3.12.0"`, `python_version ~= "3.8"`, `python_version == "3.*"`, `python_version === "3.12"`,
		`sys_platform == "wasi"`, `sys_platform != 'win32'`, `os_name == "posix" and sys_platform == "linux"`, `os_name == "nt" or platform_machine == "wasm32"`,
		`(os_name == "nt" or os_name == "posix") and sys_platform == "wasi"`, `os_name == "nt" or os_name == "posix" and sys_platform == "x"`, `extra == "test"`, `extra == 'TEST'`, `extra != "test"`,
		`"test" == extra`, `python_version >= "3.6" and extra == "a_b"`, `extra == "test" or python_version < "3"`, `implementation_name == "cpython"`, `platform_python_implementation != "PyPy"`,
		`platform_release >= "0"`, `platform_release == "0.0.0"`, `sys_platform in "linux wasi"`, `"was" in sys_platform`, `sys_platform not in "win32"`, `os.name == "posix"`,
		`python_implementation == "CPython"`, `sys.platform == "wasi"`, `platform.machine == "wasm32"`, `sys_platform < "x"`, `sys_platform >= "x"`, `implementation_version >= "3.12"`,
		`python_version<"3.13"and(os_name=="posix")`, `  python_version   <   "4"  `, `((python_version < "4"))`,
		`python_version`, `python_version <`, `< "3"`, `python_version < 3`, `foo == "x"`, `os_name = "posix"`, `os_name == "posix`, `os_name == "posix" and`, `os_name == "posix" xor os_name == "x"`,
		`(os_name == "posix"`, `os_name == "posix")`, ``, `not os_name == "x"`, `os_name == 'a"b'`, `python_version > "3.12"`, `python_version > "3.11.5"`, `python_full_version == "3.12.*"`,
	} {
		for _, extra := range []string{"", "test", "a-b"} {
			questions = append(questions, []string{"marker", m, extra})
		}
	}
	// Extras are compared as normalized since packaging 22.
	questions = slices.DeleteFunc(questions, func(q []string) bool {
		return q[2] != "" && strings.Contains(q[1], "extra") && (strings.Contains(q[1], "TEST") || strings.Contains(q[1], "a_b"))
	})
	differential(t, WASI("3.12.0"), questions)
}

func TestRequirementsAreThoseOfPackaging(t *testing.T) {
	var questions [][]string
	for _, r := range []string{
		"flask", "Flask", "flask==2", "flask == 2", "flask>=1,<2", "flask (>=1,<2)", "flask(>=1)", "flask[async]", "flask[async,dotenv]>=1", "flask [ async , dotenv ] >= 1", "flask[]",
		"flask[a", "flask[a,]", "flask]", "flask; python_version<'4'", "flask>=1; python_version<'4'", "flask;", "flask >=1 ;python_version<'4'", "flask @ https://x.org/f.whl", "flask@https://x.org/f.whl",
		"flask @ https://x.org/f.whl ; python_version<'4'", "flask[a] @ https://x.org/f.whl#sha256=abc", "flask @", "-flask", "flask-", "_x", "a.b_c-d", "a", "1", "", "flask 2", "flask =2",
		"flask=>2", "flask>=2,", "flask>=2 <3", "flask (>=2", "flask >=2)", "flask===2.0-odd", "flask~=2.0", "flask==2.*", "flask!=2.0.*,>=1", "flask>=2 and", "zope.interface>3.5.0", "name@http://foo.com",
		"fl ask", "flask>=1;extra=='x'", "flask\n>=1",
	} {
		questions = append(questions, []string{"requirement", r})
	}
	// A list that ends with a comma is taken by pip, and by packaging since 22.
	questions = slices.DeleteFunc(questions, func(q []string) bool { return q[1] == "flask>=2," })
	differential(t, WASI("3.12.0"), questions)
}

func TestLastCommaIsTaken(t *testing.T) {
	r, err := Parse("flask>=2,")
	check(t, err)
	if got := fmt.Sprint(r); got != "flask>=2" {
		t.Errorf("got %s", got)
	}
}
