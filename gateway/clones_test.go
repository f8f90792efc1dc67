package gateway_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// unique answers with what two requests must not have in common, and with what they have.
const unique = `
import os, random, secrets, tempfile, time, uuid
from random import getrandbits
from tempfile import mktemp
from uuid import uuid1

import mayfly

OWN = random.Random()
RENEWED = random.Random()
mayfly.on_restore(RENEWED.seed)
BEGAN = uuid.uuid1(), uuid.uuid4(), tempfile.mktemp(), random.random()

def handler(request):
    descriptor, name = tempfile.mkstemp()
    return {
        "differ": {
            "mkstemp": name, "mkdtemp": tempfile.mkdtemp(), "mktemp": mktemp(),
            "uuid1": str(uuid1()), "uuid4": str(uuid.uuid4()),
            "random": random.random(), "getrandbits": getrandbits(64), "a new Random": random.Random().random(),
            "a Random that on_restore seeds": RENEWED.random(), "SystemRandom": random.SystemRandom().random(),
            "urandom": os.urandom(16).hex(), "token": secrets.token_urlsafe(), "/dev/urandom": open("/dev/urandom", "rb").read(16).hex(),
        },
        "same": {"a Random of the function's own": OWN.random(), "hash": hash("x")},
        "time": time.time(), "monotonic": time.monotonic(),
    }
`

type uniqueAnswer struct {
	Differ, Same    map[string]any
	Time, Monotonic float64
}

func (s *server) unique(a answer) (u uniqueAnswer) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(a.body), &u); err != nil || a.status != 200 || len(u.Differ) == 0 {
		s.t.Fatalf("%v: %d %s", err, a.status, a.body)
	}
	return u
}

// TestClonesShareNothingThatMustBeUnique has requests that begin at one image, in several sandboxes and one after the other. What they do have in
// common is what a function's own code has made at import, unless on_restore renews it, and the seed of hashes, which is the base image's.
func TestClonesShareNothingThatMustBeUnique(t *testing.T) {
	dir := runtimetest.DataDir(t)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("a", s.python(unique, ""))
	answers := s.callAll(60, func(int) string { return "/fn/a" })
	answers = append(answers, s.send("GET", "/fn/a", ""), s.send("GET", "/fn/a", ""))
	s.stop()
	s = start(t, config{runtime: runtime.Options{DataDir: dir}}) // where the images come from the disk
	answers = append(answers, s.send("GET", "/fn/a", ""), s.send("GET", "/fn/a", ""))
	seen := map[string]bool{}
	first := s.unique(answers[0])
	for n, a := range answers {
		u := s.unique(a)
		for what, value := range u.Differ {
			if v := fmt.Sprintf("%s %v", what, value); seen[v] {
				t.Errorf("answer %d has a %s that another one has too: %v", n, what, value)
			} else {
				seen[v] = true
			}
		}
		if got, want := u.Same["hash"], first.Same["hash"]; got != want {
			t.Errorf("answer %d has the hash %v, want that of the base image, %v", n, got, want)
		}
		const own = "a Random of the function's own"
		if got, want := u.Same[own], first.Same[own]; got != want {
			t.Errorf("answer %d has drawn %v from %s, want what every copy of the image draws, %v", n, got, own, want)
		}
	}
	s.stop()

	other := start(t, config{})
	other.deploy("a", other.python(unique, ""))
	if got := other.unique(other.send("GET", "/fn/a", "")).Same["hash"]; got == first.Same["hash"] {
		t.Errorf("another server has the same hash, %v", got)
	}
	// Clocks are of now, and not of when the image was taken.
	last := 0.0
	for range 3 {
		before := time.Now()
		u := other.unique(other.send("GET", "/fn/a", ""))
		if at := time.UnixMicro(int64(u.Time * 1e6)); at.Before(before.Add(-time.Millisecond)) || at.After(time.Now().Add(time.Millisecond)) {
			t.Errorf("the time is %s, between %s and now", at, before)
		}
		if u.Monotonic <= last {
			t.Errorf("the monotonic clock says %f after %f", u.Monotonic, last)
		}
		last = u.Monotonic
	}
}

func TestEnvironmentIsOfTheLiveVersion(t *testing.T) {
	s := start(t, config{})
	python := "import os\nAT_IMPORT = os.environ['WHO']\ndef handler(request):\n    return f\"{AT_IMPORT} {os.environ['WHO']}\"\n"
	command := runtimetest.GoCommand(t, "package main\n\nimport \"os\"\n\nfunc main() {\n\tos.Stdout.WriteString(\"Content-Type: text/plain\\n\\n\" + os.Getenv(\"WHO\") + \" \" + os.Getenv(\"WHO\"))\n}\n")
	for function, file := range map[string]string{"python": "main.py", "command": "fn.wasm"} {
		for version, who := range []string{"Ada", "Grace"} {
			code := python
			if function == "command" {
				code = string(command)
			}
			s.deploy(function, runtimetest.Zip(t, map[string]string{file: code, "mayfly.toml": "[env]\nWHO = \"" + who + "\"\n"}))
			for range 2 {
				if a := s.send("GET", "/fn/"+function, ""); a.body != who+" "+who {
					t.Errorf("version %d of %s answers %d %q, want %s", version+1, function, a.status, a.body, who)
				}
			}
		}
		if a := s.send("POST", "/v1/functions/"+function+"/rollback", ""); a.status != 200 {
			t.Fatalf("roll back: %d %s", a.status, a.body)
		}
		if a := s.send("GET", "/fn/"+function, ""); a.body != "Ada Ada" {
			t.Errorf("%s, rolled back, answers %d %q, want Ada", function, a.status, a.body)
		}
	}
}
