package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// remember keeps each caller's value in a global, and answers with all values that it finds there.
const remember = `
seen = []

def handler(request):
    seen.append(request.query["me"])
    return ",".join(seen)
`

// callAll calls a function by that many callers at once and returns their answers by caller.
func (s *server) callAll(callers int, path func(caller int) string) []answer {
	s.t.Helper()
	answers := make([]answer, callers)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { answers[i], errs[i] = s.try("GET", path(i), "") })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			s.t.Fatalf("caller %d: %v", i, err)
		}
	}
	return answers
}

func TestFreshSandboxesShowNoCallerAnothersValue(t *testing.T) {
	s := start(t, config{})
	s.deploy("remember", s.python(remember, ""))
	for i, a := range s.callAll(200, func(i int) string { return fmt.Sprintf("/fn/remember?me=%d", i) }) {
		if a.status != 200 || a.body != strconv.Itoa(i) {
			t.Fatalf("caller %d got %d %q, want its own value alone", i, a.status, a.body)
		}
	}
}

func TestAnswersStayWhatTheyAreWhenTheirSandboxServesAnother(t *testing.T) {
	s := start(t, config{})
	s.deploy("command", runtimetest.Zip(t, map[string]string{"mayfly.toml": "concurrency = 1\n", "fn.wasm": string(runtimetest.GoCommand(t, `package main

import (
	"io"
	"os"
)

func main() {
	os.Stdout.WriteString("Content-Type: text/plain\n\n")
	io.Copy(os.Stdout, os.Stdin)
}
`))}))
	var bodies [5][]byte
	for i := range bodies {
		response, _, err := s.invoke("command", strings.Repeat(strconv.Itoa(i), 100))
		if err != nil {
			t.Fatal(err)
		}
		bodies[i] = response.Body
	}
	for i, got := range bodies {
		if want := strings.Repeat(strconv.Itoa(i), 100); string(got) != want {
			t.Errorf("answer %d has become %q", i, got)
		}
	}

	// A client that does not read yet does not keep the sandbox, and what it is still to get is its own.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 5 << 20
	first, second := strings.Repeat("1", size), strings.Repeat("2", size)
	if _, err := fmt.Fprintf(conn, "POST /fn/command HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", size, first); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a := s.send("POST", "/fn/command", second); a.body != second {
			t.Fatalf("got %d %.100q", a.status, a.body)
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != first {
		t.Errorf("the answer to a slow client has %d bytes, of which %d are another's (%v)", len(got), strings.Count(string(got), "2"), err)
	}
}

func TestReusedSandboxesKeepValues(t *testing.T) {
	s := start(t, config{})
	s.deploy("remember", s.python(remember, `isolation = "reuse"
concurrency = 4`))
	kept := 0
	for i, a := range s.callAll(200, func(i int) string { return fmt.Sprintf("/fn/remember?me=%d", i) }) {
		values := strings.Split(a.body, ",")
		if a.status != 200 || values[len(values)-1] != strconv.Itoa(i) {
			t.Fatalf("caller %d got %d %q, want its own value last", i, a.status, a.body)
		}
		if len(values) > 1 {
			kept++
		}
	}
	if want := 200 - 4; kept < want {
		t.Errorf("%d callers found values of others, want at least %d: all but the first in each of 4 sandboxes", kept, want)
	}
}

func TestTempFolderIsEmptyAtEachRequestAndBounded(t *testing.T) {
	s := start(t, config{})
	s.deploy("tmp", s.python(`
import os

def handler(request):
    before = os.listdir("/tmp")
    with open("/tmp/left", "w") as f:
        f.write("x" * 1000)
    try:
        with open("/tmp/large", "wb") as f:
            f.write(b"x" * (2 << 20))
    except OSError as e:
        return [before, e.strerror]
    return [before, "no limit"]
`, `tmp = "1MiB"`))
	for range 3 {
		if a := s.send("GET", "/fn/tmp", ""); a.status != 200 || !strings.HasPrefix(a.body, "[[],") || strings.Contains(a.body, "no limit") {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
}

func TestRandomDiffersBetweenRequests(t *testing.T) {
	s := start(t, config{})
	s.deploy("random", s.python(`
import random, uuid

def handler(request):
    return f"{random.random()} {uuid.uuid4()}"
`, ""))
	seen := map[string]bool{}
	for range 20 {
		a := s.send("GET", "/fn/random", "")
		number, id, _ := strings.Cut(a.body, " ")
		if a.status != 200 || seen[number] || seen[id] {
			t.Fatalf("got %d %q, which an earlier request got too", a.status, a.body)
		}
		seen[number], seen[id] = true, true
	}
}

func TestFunctionFilesAreReadOnly(t *testing.T) {
	s := start(t, config{})
	s.deploy("files", s.python(`
import os

DATA = open("/app/main.py")          # open while the image is taken
DATA.read(10)

def handler(request):
    errors = []
    for path in ("/app/main.py", "/app/new", "/venv/pyvenv.cfg", "/new"):
        try:
            open(path, "w")
            errors.append("written")
        except OSError as e:
            errors.append(e.strerror)
    return {"errors": errors, "rest": DATA.read(6), "cwd": os.getcwd(), "listing": os.listdir(".")}
`, ""))
	want := `{"errors":["Read-only file system","Read-only file system","Read-only file system","Read-only file system"],"rest":"\n\nDATA","cwd":"/app","listing":["main.py"]}`
	for range 2 {
		a := s.send("GET", "/fn/files", "")
		if a.status != 200 || a.body != want {
			t.Fatalf("got %d\n%s\nwant\n%s", a.status, a.body, want)
		}
	}
}
