package wasi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

func TestEveryFunctionOfPreview1IsThere(t *testing.T) {
	openDoor(t) // instantiating it checks the types
	for name := range signatures {
		if !wasi.Provides(name) {
			t.Errorf("Provides denies %s", name)
		}
	}
	if len(signatures) != 46 || wasi.Provides("thread_spawn") {
		t.Errorf("%d functions", len(signatures))
	}
}

func TestArgumentsAndEnvironmentAreTheProcessesOwn(t *testing.T) {
	d := openDoor(t)
	d.process.Args, d.process.Env = []string{"guest", "", "ü"}, []string{"A=1"}
	for _, tc := range []struct {
		sizes, get string
		want       []string
	}{
		{"args_sizes_get", "args_get", d.process.Args},
		{"environ_sizes_get", "environ_get", d.process.Env},
	} {
		count, size := d.alloc(4), d.alloc(4)
		d.must(tc.sizes, count, size)
		table, buffer := d.alloc(4*len(tc.want)), d.alloc(int(d.uint32(size)))
		d.must(tc.get, table, buffer)
		var got []string
		for i := range d.uint32(count) {
			at := d.uint32(table + 4*i)
			rest := d.bytes(at, buffer+d.uint32(size)-at)
			got = append(got, string(rest[:bytes.IndexByte(rest, 0)]))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.get, diff)
		}
	}
}

const (
	realtime, monotonic, processCPU, threadCPU = 0, 1, 2, 3
)

func (d *door) clock(id uint64) time.Duration {
	d.t.Helper()
	at := d.alloc(8)
	d.must("clock_time_get", id, 1, at)
	return time.Duration(d.uint64(at))
}

func TestClocksAreReal(t *testing.T) {
	d := openDoor(t)
	before := time.Now().UnixNano()
	now := int64(d.clock(realtime))
	if after := time.Now().UnixNano(); now < before || now > after {
		t.Errorf("the real-time clock says %d, between %d and %d", now, before, after)
	}
	for _, id := range []uint64{monotonic, processCPU, threadCPU} {
		if a, b := d.clock(id), d.clock(id); a < 0 || b < a {
			t.Errorf("clock %d goes from %s to %s", id, a, b)
		}
	}
	at := d.alloc(8)
	for id := range uint64(4) {
		if d.must("clock_res_get", id, at); d.uint64(at) == 0 {
			t.Errorf("clock %d has no resolution", id)
		}
	}
	for _, name := range []string{"clock_res_get", "clock_time_get"} {
		args := map[string][]uint64{"clock_res_get": {4, at}, "clock_time_get": {4, 0, at}}[name]
		if errno := d.call(name, args...); errno != wasi.EINVAL {
			t.Errorf("%s of a clock that is not there: %v", name, errno)
		}
	}
}

// subscription is one record of poll_oneoff's input.
type subscription struct {
	kind     byte // 0 clock, 1 fd_read, 2 fd_write
	id       uint32
	timeout  time.Duration
	absolute bool
}

// poll calls poll_oneoff and returns which subscriptions had an event, with their errors.
func (d *door) poll(ctx context.Context, subscriptions ...subscription) (map[uint64]wasi.Errno, error) {
	d.t.Helper()
	var in []byte
	for i, s := range subscriptions {
		var b [48]byte
		binary.LittleEndian.PutUint64(b[0:], uint64(i))
		b[8] = s.kind
		binary.LittleEndian.PutUint32(b[16:], s.id)
		binary.LittleEndian.PutUint64(b[24:], uint64(s.timeout))
		if s.absolute {
			b[40] = 1
		}
		in = append(in, b[:]...)
	}
	events, n := d.alloc(32*len(subscriptions)), d.alloc(4)
	errno, err := d.try(ctx, "poll_oneoff", d.put(in), events, uint64(len(subscriptions)), n)
	if errno != 0 {
		d.t.Fatalf("poll_oneoff: %v", errno)
	}
	due := map[uint64]wasi.Errno{}
	for i := range d.uint32(n) {
		at := events + 32*i
		due[d.uint64(at)] = wasi.Errno(binary.LittleEndian.Uint16(d.bytes(at+8, 2)))
	}
	return due, err
}

func TestPollWaitsForTheFirstEvent(t *testing.T) {
	const short, long = 20 * time.Millisecond, time.Hour
	for _, tc := range []struct {
		name string
		subs func(d *door) []subscription
		want map[uint64]wasi.Errno
		wait time.Duration // at least
	}{
		{"relative", func(*door) []subscription { return []subscription{{timeout: short}} }, map[uint64]wasi.Errno{0: 0}, short},
		{"absolute real time, as time.sleep has it", func(d *door) []subscription {
			return []subscription{{timeout: d.clock(realtime) + short, absolute: true}}
		}, map[uint64]wasi.Errno{0: 0}, short / 2},
		{"absolute monotonic", func(d *door) []subscription {
			return []subscription{{id: monotonic, timeout: d.clock(monotonic) + short, absolute: true}}
		}, map[uint64]wasi.Errno{0: 0}, short / 2},
		{"absolute and past", func(*door) []subscription { return []subscription{{timeout: 1, absolute: true}} }, map[uint64]wasi.Errno{0: 0}, 0},
		{"the first of two", func(*door) []subscription { return []subscription{{timeout: long}, {timeout: short}} }, map[uint64]wasi.Errno{1: 0}, short},
		{"for ever and for a while", func(*door) []subscription { return []subscription{{timeout: -1}, {timeout: short}} }, map[uint64]wasi.Errno{1: 0}, short},
		{"a stream that can be read", func(*door) []subscription { return []subscription{{timeout: long}, {kind: 1}} }, map[uint64]wasi.Errno{1: 0}, 0},
		{"a stream that can be written", func(*door) []subscription { return []subscription{{kind: 2, id: 1}, {timeout: long}} }, map[uint64]wasi.Errno{0: 0}, 0},
		{"what is wrong is an event", func(*door) []subscription {
			return []subscription{{kind: 1, id: 99}, {kind: 9}, {id: 77}, {timeout: long}}
		}, map[uint64]wasi.Errno{0: wasi.EBADF, 1: wasi.EINVAL, 2: wasi.EINVAL}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := openDoor(t)
			subscriptions := tc.subs(d)
			begin := time.Now()
			got, err := d.poll(t.Context(), subscriptions...)
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(begin); waited < tc.wait {
				t.Errorf("waited %s, want %s", waited, tc.wait)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPollRefusesWhatItCannotWaitFor(t *testing.T) {
	d := openDoor(t)
	at := d.alloc(64)
	for _, tc := range []struct {
		name    string
		in, out uint64
		n       uint64
		want    wasi.Errno
	}{
		{"nothing", at, at, 0, wasi.EINVAL},
		{"too much", at, at, 1 << 20, wasi.EINVAL},
		{"input outside", 1 << 30, at, 1, wasi.EFAULT},
		{"output outside", at, 1 << 30, 1, wasi.EFAULT},
	} {
		if got := d.call("poll_oneoff", tc.in, tc.out, tc.n, at); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestWaitingEndsWithTheContextAndIsNoCPUTime(t *testing.T) {
	d := openDoor(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := d.poll(ctx, subscription{timeout: time.Hour})
	if _, ok := errors.AsType[*wasi.Interrupted](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if waited := d.process.Waited(); waited < 10*time.Millisecond {
		t.Errorf("waited %s", waited)
	}
	begun := time.Now()
	cpu := d.clock(processCPU)
	if _, err := d.poll(t.Context(), subscription{timeout: 20 * time.Millisecond}); err != nil {
		t.Fatalf("the instance is of no use after an interruption: %v", err)
	}
	if used, passed := d.clock(processCPU)-cpu, time.Since(begun); used > passed-20*time.Millisecond {
		t.Errorf("%s of CPU time in %s, of which 20ms were waiting", used, passed)
	}
}

func TestExitCodesArriveAndTheInstanceStays(t *testing.T) {
	d := openDoor(t)
	for _, want := range []uint64{0, 3, 1<<32 - 1} {
		_, err := d.try(t.Context(), "proc_exit", want)
		if code, ok := wasi.IsExit(err); !ok || uint64(code) != want {
			t.Errorf("proc_exit(%d): %v", want, err)
		}
	}
	d.must("sched_yield")
	if errno := d.call("proc_raise", 6); errno != wasi.ENOSYS {
		t.Errorf("proc_raise: %v", errno)
	}
}

func TestRandomDiffers(t *testing.T) {
	d := openDoor(t)
	at := d.alloc(32)
	d.must("random_get", at, 16)
	d.must("random_get", at+16, 16)
	if b := d.bytes(at, 32); bytes.Equal(b[:16], b[16:]) || bytes.Equal(b[:16], make([]byte, 16)) {
		t.Errorf("random bytes %x", b)
	}
}

func TestStreamsEndAndCannotSeek(t *testing.T) {
	d := openDoor(t)
	d.stdin.Set([]byte("abcdefgh"))
	records, buffer := d.vectors(3, 0, 2)
	n := d.alloc(8)
	d.must("fd_read", 0, records, 3, n)
	if got := string(d.bytes(buffer, d.uint32(n))); got != "abcde" {
		t.Errorf("read %q", got)
	}
	if got := d.read(0, 9) + "|" + d.read(0, 9) + "|" + d.read(0, 9); got != "fgh||" {
		t.Errorf("read %q", got)
	}
	d.write(1, "to the log")
	if got := d.stdout.String(); got != "to the log" {
		t.Errorf("written: %q", got)
	}
	for name, args := range map[string][]uint64{
		"fd_seek": {0, 0, 0, n}, "fd_tell": {1, n}, "fd_pread": {0, records, 1, 0, n}, "fd_pwrite": {1, records, 1, 0, n}, "fd_advise": {0, 0, 0, 0},
	} {
		if errno := d.call(name, args...); errno != wasi.ESPIPE {
			t.Errorf("%s on a stream: %v", name, errno)
		}
	}
	for _, name := range []string{"sock_accept", "sock_recv", "sock_send", "sock_shutdown"} {
		if errno := d.call(name, make([]uint64, len(signatures[name]))...); errno != wasi.ENOTSOCK {
			t.Errorf("%s on a stream: %v", name, errno)
		}
	}
	d.must("fd_close", 0)
	if errno := d.call("fd_read", 0, records, 1, n); errno != wasi.EBADF {
		t.Errorf("read after close: %v", errno)
	}
}

func TestFilesAreReadAndWrittenAtTheirPosition(t *testing.T) {
	d := openDoor(t)
	fd := d.open("tmp/f", create|exclusive, readable|writable, 0)
	d.write(fd, "hello, world")
	at := d.alloc(8)
	seek := func(offset int64, whence uint64) uint64 {
		d.must("fd_seek", fd, uint64(offset), whence, at)
		return d.uint64(at)
	}
	if got := []uint64{seek(0, 1), seek(-5, 2), seek(-2, 1), seek(3, 0)}; !slices.Equal(got, []uint64{12, 7, 5, 3}) {
		t.Errorf("positions %v", got)
	}
	if got := d.read(fd, 4); got != "lo, " {
		t.Errorf("read %q", got)
	}
	records, buffer := d.vectors(5)
	d.must("fd_pread", fd, records, 1, 7, at)
	if got := string(d.bytes(buffer, d.uint32(at))); got != "world" {
		t.Errorf("fd_pread: %q", got)
	}
	d.module.Memory().WriteString(uint32(buffer), "there")
	d.must("fd_pwrite", fd, records, 1, 7, at)
	if d.must("fd_tell", fd, at); d.uint64(at) != 7 {
		t.Errorf("fd_pread and fd_pwrite moved the position to %d", d.uint64(at))
	}
	if got := d.read(fd, 99); got != "there" {
		t.Errorf("after fd_pwrite: %q", got)
	}
	end := d.open("tmp/f", 0, readable|writable, appending)
	d.write(end, "!")
	if d.must("fd_tell", end, at); d.uint64(at) != 13 {
		t.Errorf("position after appending: %d", d.uint64(at))
	}
	for name, args := range map[string][]uint64{
		"fd_seek": {fd, 1 << 63, 1, at}, "fd_pread": {fd, records, 1, 1 << 63, at}, "fd_allocate": {fd, 0, 0}, "fd_filestat_set_size": {fd, 1 << 63},
		"fd_advise": {fd, 0, 0, 6}, "fd_fdstat_set_flags": {fd, 1 << 5}, "fd_read": {fd, records, 1025, at},
	} {
		if errno := d.call(name, args...); errno != wasi.EINVAL {
			t.Errorf("%s%v: %v", name, args, errno)
		}
	}
	if errno := d.call("fd_allocate", fd, 0, 1<<40); errno != wasi.ENOSPC {
		t.Errorf("fd_allocate of a terabyte: %v", errno)
	}
	if _, errno := d.tryOpen("tmp/f", create|exclusive, writable, 0); errno != wasi.EEXIST {
		t.Errorf("exclusive: %v", errno)
	}
	d.open("tmp/f", truncate, writable, 0)
	if got := d.read(end, 9) + d.read(fd, 9); got != "" {
		t.Errorf("read %q from a truncated file", got)
	}
}

// stat is what the tests look at of a filestat record.
type stat struct {
	kind         byte
	links, size  uint64
	atime, mtime uint64
}

func (d *door) stat(path string, flags uint64) (stat, wasi.Errno) {
	d.t.Helper()
	at, n := d.path(path)
	out := d.alloc(64)
	errno := d.call("path_filestat_get", root, flags, at, n, out)
	return stat{d.bytes(out+16, 1)[0], d.uint64(out + 24), d.uint64(out + 32), d.uint64(out + 40), d.uint64(out + 48)}, errno
}

func TestFilesHaveTheirTimes(t *testing.T) {
	d := openDoor(t)
	before := uint64(time.Now().UnixNano())
	fd := d.open("tmp/f", create, writable, 0)
	if s, errno := d.stat("tmp/f", 1); errno != 0 || s.mtime < before || s.mtime > uint64(time.Now().UnixNano()) {
		t.Errorf("a new file's time: %d (%v)", s.mtime, errno)
	}
	const setAtime, setAtimeNow, setMtime = 1, 2, 4
	at, n := d.path("tmp/f")
	d.must("path_filestat_set_times", root, 1, at, n, 1000, 2000, setAtime|setMtime)
	d.must("fd_filestat_set_times", fd, 9, 3000, setMtime)
	if s, _ := d.stat("tmp/f", 1); s.atime != 1000 || s.mtime != 3000 {
		t.Errorf("times %d and %d", s.atime, s.mtime)
	}
	if errno := d.call("fd_filestat_set_times", fd, 0, 0, setAtime|setAtimeNow); errno != wasi.EINVAL {
		t.Errorf("two times at once: %v", errno)
	}
}

func TestTheTreeChanges(t *testing.T) {
	d := openDoor(t)
	two := func(name, from, to string) wasi.Errno {
		a, an := d.path(from)
		b, bn := d.path(to)
		switch name {
		case "path_link":
			return d.call(name, root, 0, a, an, root, b, bn)
		case "path_symlink":
			return d.call(name, a, an, root, b, bn)
		}
		return d.call(name, root, a, an, root, b, bn)
	}
	one := func(name, path string) wasi.Errno {
		at, n := d.path(path)
		return d.call(name, root, at, n)
	}
	d.write(d.open("tmp/f", create, writable, 0), "content")
	for _, step := range []struct {
		what string
		got  wasi.Errno
		want wasi.Errno
	}{
		{"make a folder", one("path_create_directory", "tmp/d"), 0},
		{"make it again", one("path_create_directory", "tmp/d"), wasi.EEXIST},
		{"make one in none", one("path_create_directory", "tmp/x/y"), wasi.ENOENT},
		{"link", two("path_link", "tmp/f", "tmp/d/g"), 0},
		{"symbolic link", two("path_symlink", "d/g", "tmp/s"), 0},
		{"remove a folder with something in it", one("path_remove_directory", "tmp/d"), wasi.ENOTEMPTY},
		{"remove a folder as a file", one("path_unlink_file", "tmp/d"), wasi.EISDIR},
		{"remove a file as a folder", one("path_remove_directory", "tmp/f"), wasi.ENOTDIR},
		{"remove a file with a slash", one("path_unlink_file", "tmp/f/"), wasi.ENOTDIR},
		{"remove a dot", one("path_remove_directory", "tmp/d/."), wasi.EINVAL},
		{"rename a folder into itself", two("path_rename", "tmp/d", "tmp/d/e"), wasi.EINVAL},
		{"rename a file to a folder", two("path_rename", "tmp/f", "tmp/d"), wasi.EISDIR},
		{"rename", two("path_rename", "tmp/d", "tmp/e"), 0},
		{"a link whose target is gone", func() wasi.Errno { _, e := d.stat("tmp/s", 1); return e }(), wasi.ENOENT},
		{"into another file system", two("path_rename", "tmp/f", "app/f"), wasi.EXDEV},
		{"remove the first name", one("path_unlink_file", "tmp/f"), 0},
	} {
		if step.got != step.want {
			t.Errorf("%s: %v, want %v", step.what, step.got, step.want)
		}
	}
	if got := d.read(d.open("tmp/e/g", 0, readable, 0), 99); got != "content" {
		t.Errorf("the second name has %q", got)
	}
	at, n := d.path("tmp/s")
	buffer, size := d.alloc(3), d.alloc(4)
	if d.must("path_readlink", root, at, n, buffer, 3, size); string(d.bytes(buffer, d.uint32(size))) != "d/g" {
		t.Errorf("the link says %q", d.bytes(buffer, d.uint32(size)))
	}
	if s, errno := d.stat("tmp/s", 0); errno != 0 || s.kind != byte(wasi.SymbolicLink) {
		t.Errorf("the link is of kind %d (%v)", s.kind, errno)
	}
}

func TestFoldersAreReadInPieces(t *testing.T) {
	d := openDoor(t)
	want := []string{".", ".."}
	for _, name := range []string{"a", "bb", "a longer name", "ü"} {
		d.must("fd_close", d.open("tmp/"+name, create, writable, 0))
		want = append(want, name)
	}
	slices.Sort(want)
	fd := d.open("tmp", directory, readable, 0)
	for _, size := range []int{24 + len("a longer name"), 64, 4096} {
		buffer, used := d.alloc(size), d.alloc(4)
		var got []string
		for cookie := uint64(0); ; {
			d.must("fd_readdir", fd, buffer, uint64(size), cookie, used)
			b := d.bytes(buffer, d.uint32(used))
			for len(b) >= 24 && len(b) >= 24+int(binary.LittleEndian.Uint32(b[16:])) {
				n := 24 + int(binary.LittleEndian.Uint32(b[16:]))
				got = append(got, string(b[24:n]))
				cookie, b = binary.LittleEndian.Uint64(b), b[n:]
			}
			if d.uint32(used) < uint64(size) {
				break
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with a buffer of %d bytes (-want +got):\n%s", size, diff)
		}
	}
	if errno := d.call("fd_readdir", 1, 0, 0, 0, 0); errno != wasi.EBADF {
		t.Errorf("reading a stream as a folder: %v", errno)
	}
}

func TestPathsStayInside(t *testing.T) {
	d := openDoor(t)
	for _, tc := range []struct {
		path string
		want wasi.Errno
	}{
		{"app/hello.txt", 0},
		{"app/link", 0},
		{"../../app/hello.txt", 0}, // ".." ends at the root
		{"app/sub/../hello.txt", 0},
		{"./app//hello.txt", 0},
		{"/app/hello.txt", wasi.EPERM},
		{"", wasi.ENOENT},
		{"app/none", wasi.ENOENT},
		{"app/hello.txt/", wasi.ENOTDIR},
		{"app/hello.txt/x", wasi.ENOTDIR},
		{"app/hello\x00.txt", wasi.EINVAL},
		{strings.Repeat("x", 5000), wasi.ENAMETOOLONG},
	} {
		if _, errno := d.tryOpen(tc.path, 0, readable, 0); errno != tc.want {
			t.Errorf("open %.40q: %v, want %v", tc.path, errno, tc.want)
		}
	}
	at, n := d.path("hello.txt")
	result := d.alloc(4)
	if errno := d.call("path_open", d.open("app", directory, readable, 0), 1, at, n, 0, readable, 0, 0, result); errno != 0 {
		t.Errorf("open from a folder that is open: %v", errno)
	}
	if errno := d.call("path_open", 0, 1, at, n, 0, readable, 0, 0, result); errno != wasi.ENOTDIR {
		t.Errorf("open from a stream: %v", errno)
	}
	if errno := d.call("path_open", 77, 1, at, n, 0, readable, 0, 0, result); errno != wasi.EBADF {
		t.Errorf("open from nothing: %v", errno)
	}
	link, n := d.path("app/link")
	if errno := d.call("path_open", root, 0, link, n, 0, readable, 0, 0, result); errno != wasi.ELOOP {
		t.Errorf("open a link without following it: %v", errno)
	}
}

func TestTheRootIsPreopened(t *testing.T) {
	d := openDoor(t)
	at := d.alloc(16)
	d.must("fd_prestat_get", root, at)
	if kind, n := d.uint32(at), d.uint32(at+4); kind != 0 || n != 1 {
		t.Errorf("kind %d, a name of %d bytes", kind, n)
	}
	if d.must("fd_prestat_dir_name", root, at, 1); string(d.bytes(at, 1)) != "/" {
		t.Errorf("its name is %q", d.bytes(at, 1))
	}
	if errno := d.call("fd_prestat_get", root+1, at); errno != wasi.EBADF {
		t.Errorf("after it: %v, which programs stop at", errno)
	}
	if errno := d.call("fd_prestat_dir_name", root, at, 0); errno != wasi.ENAMETOOLONG {
		t.Errorf("a buffer that is too small: %v", errno)
	}
}

func TestDescriptorsAreTheLowestFreeAndBounded(t *testing.T) {
	d := openDoor(t)
	a, b := d.open("app/hello.txt", 0, readable, 0), d.open("app/sub/deep.txt", 0, readable, 0)
	d.must("fd_renumber", b, a)
	if got := d.read(a, 99); got != "deep" {
		t.Errorf("after fd_renumber: %q", got)
	}
	if errno := d.call("fd_renumber", a, 500); errno != wasi.EBADF {
		t.Errorf("fd_renumber to what is not open: %v", errno)
	}
	if again := d.open("app/link", 0, readable, 0); again != b {
		t.Errorf("got descriptor %d, want the free %d", again, b)
	}
	var errno wasi.Errno
	opened := 0
	for at, n := d.path("app/link"); errno == 0; opened++ {
		errno = d.call("path_open", root, 1, at, n, 0, readable, 0, 0, 0)
	}
	if errno != wasi.EMFILE || opened > 1024 {
		t.Errorf("after %d files: %v", opened, errno)
	}
}

func TestImagesKeepOpenFiles(t *testing.T) {
	d := openDoor(t)
	fd := d.open("app/hello.txt", 0, readable, 0)
	d.read(fd, 7)
	kept, err := d.process.TakeFiles("/tmp")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	// The sandbox that it was taken from goes on, and its files are closed at a reset.
	d.open("tmp/other", create, writable, 0)
	first := d.process
	for _, p := range []*wasi.Process{first, d.newProcess(), first} {
		d.process = p
		if err := p.Reset(kept); err != nil {
			t.Fatal(err)
		}
		if got := d.read(fd, 99); got != "world" {
			t.Errorf("read %q, want the rest from where the image was", got)
		}
		if errno := d.call("fd_close", fd+1); errno != wasi.EBADF {
			t.Errorf("a file of an earlier request: %v", errno)
		}
		d.must("fd_close", fd)
	}
	if err := d.process.Reset(kept); err != nil {
		t.Fatal(err)
	}
	d.open("tmp/left open", create, writable, 0)
	if _, err := d.process.TakeFiles("/tmp"); err == nil || !strings.Contains(err.Error(), "/tmp/left open was left open") {
		t.Errorf("a request's own file in an image: %v", err)
	}
}

func TestResetUndoesWhatAGuestDidToItsOwnDescriptors(t *testing.T) {
	d := openDoor(t)
	kept, err := d.process.TakeFiles("/tmp")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	for _, spoil := range []func(){
		func() {
			for fd := range uint64(4) {
				d.must("fd_close", fd)
			}
		},
		func() { d.must("fd_renumber", d.open("app/hello.txt", 0, readable, 0), 1) },
		func() { d.must("fd_renumber", 2, root) },
		func() { d.must("fd_fdstat_set_flags", 1, appending) },
	} {
		spoil()
		if err := d.process.Reset(kept); err != nil {
			t.Fatal(err)
		}
		d.stdin.Set([]byte("input"))
		d.stdout.Reset()
		d.write(1, "out")
		d.write(2, "err")
		if in, out := d.read(0, 9), d.stdout.String(); in != "input" || out != "outerr" {
			t.Errorf("read %q, written %q", in, out)
		}
		d.must("fd_close", d.open("app/hello.txt", 0, readable, 0))
		at := d.alloc(24)
		if d.must("fd_fdstat_get", 1, at); d.bytes(at+2, 1)[0] != 0 {
			t.Error("the flags of an earlier request are there")
		}
	}
}

func TestListingsAreBounded(t *testing.T) {
	d := openDoor(t)
	// 1 MiB of /tmp has room for 3000 names.
	for i := range 3000 {
		d.must("fd_close", d.open("tmp/"+strconv.Itoa(i), create, writable, 0))
	}
	buffer, used := d.alloc(64), d.alloc(4)
	var errno wasi.Errno
	for range 200 {
		if errno = d.call("fd_readdir", d.open("tmp", directory, readable, 0), buffer, 64, 0, used); errno != 0 {
			break
		}
	}
	if errno != wasi.ENOMEM {
		t.Errorf("200 listings of 3000 names at a time: %v", errno)
	}
}

// A guest's checks let it make many calls before it looks up.
func TestLongCallsEndWithTheirContext(t *testing.T) {
	d := openDoor(t)
	d.process = d.newProcess()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const vectors, written = 1024, 2048
	m := d.module.Memory()
	m.WriteUint32Le(vectors, 8192)
	m.WriteUint32Le(vectors+4, 32<<10)
	for name, args := range map[string][]uint64{
		"random_get": {8192, 32 << 10},
		"fd_read":    {0, vectors, 1, written},
		"fd_write":   {1, vectors, 1, written},
	} {
		_, err := d.try(ctx, name, args...)
		if _, ok := errors.AsType[*wasi.Interrupted](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a guest asks, it gets an answer: an error number, or its end by proc_exit or with its context, but no panic of ours.
func FuzzCalls(f *testing.F) {
	d := openDoor(f)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range signatures {
			if !yield(name) {
				return
			}
		}
	})
	d.module.Memory().WriteString(0, "tmp/some/path with\x00NUL")
	for i := range names {
		f.Add(uint8(i), uint64(3), uint64(0), uint64(8), uint64(1<<63), uint64(1<<32-1))
		f.Add(uint8(i), uint64(1<<32-1), uint64(1<<32-8), uint64(1<<31), uint64(0), uint64(131064))
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b, c, e, g uint64) {
		name := names[int(which)%len(names)]
		d.t = t
		d.process = d.newProcess()
		d.process.Args, d.process.Env = []string{"guest"}, []string{"A=1"}
		d.stdin.Set([]byte("input"))
		d.stdout.Reset()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 2 {
			errno, err := d.try(ctx, name, []uint64{a, b, c, e, g, a, c, b, e}[:len(signatures[name])]...)
			_, exited := wasi.IsExit(err)
			_, interrupted := errors.AsType[*wasi.Interrupted](err)
			if err != nil && !exited && !interrupted || errno > 76 {
				t.Fatalf("%s(%#x, %#x, %#x, %#x, %#x): %v, %v", name, a, b, c, e, g, errno, err)
			}
		}
	})
}
