package image_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/mayfly-faas/mayfly/runtime/image"
)

var modes = []image.Mode{image.Tracked, image.Copied}

// state is all that a guest can have changed.
type state struct {
	memory []byte
	size   int64
	global uint64
}

func (i *instance) state(t testing.TB) state {
	return state{bytes.Clone(i.memory(t)[:i.Size()]), i.Size(), i.global()}
}

// requireState compares an instance with what it shall be; memory that it has beyond has to be zero.
func (i *instance) requireState(t testing.TB, want state) {
	t.Helper()
	got := i.memory(t)
	if n := firstDifference(got[:len(want.memory)], want.memory); n >= 0 {
		t.Fatalf("byte %#x is %#x, want %#x", n, got[n], want.memory[n])
	}
	if n := firstDifference(got[len(want.memory):], zeros[:len(got)-len(want.memory)]); n >= 0 {
		t.Fatalf("byte %#x, beyond the image, is not zero", len(want.memory)+n)
	}
	if i.Size() != want.size || i.global() != want.global {
		t.Fatalf("size %d and global %d, want %d and %d", i.Size(), i.global(), want.size, want.global)
	}
}

var zeros = make([]byte, guestMaxPages<<16)

func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func take(t testing.TB, i *instance) *image.Image {
	t.Helper()
	img, err := i.Take()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func restore(t testing.TB, i *instance, img *image.Image) image.Restored {
	t.Helper()
	r, err := i.Restore(img)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInstanceBeginsWithItsData(t *testing.T) {
	i := newGuest(t, image.Copied).instance(t)
	if got := i.memory(t)[16:21]; string(got) != "hello" {
		t.Errorf("memory holds %q, want hello", got)
	}
	if i.global() != 7 || i.Size() != guestPages<<16 {
		t.Errorf("global %d, size %d", i.global(), i.Size())
	}
}

// TestRestoresAreExact drives random programs in several sandboxes of several images, and compares all state after each restore.
func TestRestoresAreExact(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			g := newGuest(t, mode)
			rapid.Check(t, func(rt *rapid.T) {
				first := g.instance(t)
				defer first.Close()
				type taken struct {
					img   *image.Image
					state state
				}
				first.program(t, choices(rt))
				base := taken{take(t, first), first.state(t)}
				images := []taken{base}
				sandboxes := []*instance{first, g.instance(t)}
				defer sandboxes[1].Close()
				restore(t, sandboxes[1], base.img)
				for range rapid.IntRange(1, 20).Draw(rt, "steps") {
					i := sandboxes[rapid.IntRange(0, 1).Draw(rt, "sandbox")]
					i.program(t, choices(rt))
					if len(images) < 4 && rapid.IntRange(0, 9).Draw(rt, "take") == 0 {
						images = append(images, taken{take(t, i), i.state(t)})
						i.program(t, choices(rt))
					}
					to := images[rapid.IntRange(0, len(images)-1).Draw(rt, "image")]
					restore(t, i, to.img)
					i.requireState(t, to.state)
					if m, err := i.Memory.Mode(); m != mode {
						t.Fatalf("memory is %s: %v", m, err)
					}
				}
			})
		})
	}
}

// chooser chooses a number below n, for what the label says.
type chooser func(label string, n int) int

func choices(rt *rapid.T) chooser {
	return func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
}

// program does a few random things to a guest's state.
func (i *instance) program(t testing.TB, choose chooser) {
	things := []string{"fill", "fill", "fill", "grow", "set", "trap", "spin", "beyond", "exit"}
	for range choose("length", 7) {
		switch what := things[choose("what", len(things))]; what {
		case "fill":
			size := int(i.Size())
			at := choose("at", size)
			n := []int{1, 1, 1, 4096, 70_000}[choose("bytes", 5)]
			i.call(t, "fill", uint64(at), uint64(choose("value", 256)), uint64(min(n, size-at)))
		case "grow":
			i.call(t, "grow", uint64(choose("pages", 21)))
		case "set":
			i.call(t, "set", uint64(choose("global", 1<<62)))
		case "beyond": // memory that an earlier program grew can be written to without growing it again
			n := len(i.memory(t))
			i.call(t, "fill", uint64(n-1), 0xee, 1)
		case "trap", "exit":
			i.end(t, what)
		case "spin":
			if choose("spin", 5) == 0 {
				i.end(t, "spin")
			}
		}
	}
}

// TestRestoresAreExactAtOnce has several sandboxes at images that they share, and with them what is known of hot pages.
func TestRestoresAreExactAtOnce(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			g := newGuest(t, mode)
			first := g.instance(t)
			base, baseState := take(t, first), first.state(t)
			first.call(t, "fill", 5000, 1, 100_000)
			first.call(t, "grow", 3)
			delta, deltaState := take(t, first), first.state(t)
			for n := range 4 {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					seed := rand.Uint64()
					random := rand.New(rand.NewPCG(seed, 0))
					i := g.instance(t)
					for range 120 {
						i.program(t, func(_ string, n int) int { return random.IntN(n) })
						img, want := base, baseState
						if random.IntN(4) > 0 {
							img, want = delta, deltaState
						}
						restore(t, i, img)
						i.requireState(t, want)
						if t.Failed() {
							t.Fatalf("seed %d", seed)
						}
					}
					if m, err := i.Memory.Mode(); m != mode {
						t.Errorf("memory is %s: %v", m, err)
					}
				})
			}
		})
	}
}

func TestPagesThatNoRequestGrowsIntoAnyMoreAreNotRestored(t *testing.T) {
	g := newGuest(t, image.Tracked)
	i := g.instance(t)
	img, want := take(t, i), i.state(t)
	const grown = 32 // Wasm pages of 16 of the system's
	request := func(by int) image.Restored {
		t.Helper()
		i.call(t, "fill", 0, 1, 1)
		if by > 0 {
			i.call(t, "grow", uint64(by))
			i.call(t, "fill", guestPages<<16, 1, uint64(by)<<16)
		}
		r := restore(t, i, img)
		i.requireState(t, want)
		return r
	}
	for range 5 {
		if r := request(grown); r.Pages < grown<<4 {
			t.Fatalf("%d pages were restored of the %d that a request wrote", r.Pages, grown<<4)
		}
	}
	request(0) // which still finds them open
	if r := request(0); r.Pages >= grown || r.Hot >= grown {
		t.Errorf("%d pages were restored, and %d are hot, after requests that did not grow", r.Pages, r.Hot)
	}
}

// TestRestoresAreExactWhileWorkingSetsChange goes through so many requests that pages become hot and cool down again.
func TestRestoresAreExactWhileWorkingSetsChange(t *testing.T) {
	g := newGuest(t, image.Tracked)
	first := g.instance(t)
	img, want := take(t, first), first.state(t)
	const pages = guestPages << 4
	for n := range 2 { // one image and its hot pages, two sandboxes
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 0))
			i := g.instance(t)
			restore(t, i, img)
			var hottest, rose, fell, before int
			for range 3 {
				set := random.Perm(pages + 32)[:12] // some are in what a request grows
				for range 850 {
					i.call(t, "grow", 2)
					for _, page := range set {
						if random.IntN(3) > 0 {
							i.call(t, "fill", uint64(page*4096+random.IntN(4096)), 1, 1)
						}
					}
					if random.IntN(8) == 0 { // and now and then one that is not in it
						i.call(t, "fill", uint64(random.IntN(pages)*4096), 2, 1)
					}
					if random.IntN(100) == 0 {
						i.end(t, []string{"trap", "exit", "spin"}[random.IntN(3)])
					}
					r := restore(t, i, img)
					i.requireState(t, want)
					switch {
					case r.Hot > before:
						rose++
					case r.Hot < before:
						fell++
					}
					before, hottest = r.Hot, max(hottest, r.Hot)
				}
			}
			if rose == 0 || fell == 0 || hottest >= pages {
				t.Errorf("seed %d: the hot pages became more %d times and fewer %d times, up to %d; want both", seed, rose, fell, hottest)
			}
		})
	}
}

func TestHotPagesComeAndGo(t *testing.T) {
	g := newGuest(t, image.Tracked)
	i := g.instance(t)
	img := take(t, i)
	want := i.state(t)
	request := func(pages ...uint64) image.Restored {
		t.Helper()
		for _, page := range pages {
			i.call(t, "fill", page*4096+5, 1, 1)
		}
		r := restore(t, i, img)
		i.requireState(t, want)
		return r
	}
	if r := request(); r.Pages != 0 {
		t.Errorf("%d pages were written back after a request that wrote none", r.Pages)
	}
	for range 3 {
		if r := request(3, 40); r.Pages != 2 {
			t.Errorf("%d pages were written back, want 2", r.Pages)
		}
	}
	if r := request(40); r.Pages != 2 || r.Hot != 2 {
		t.Errorf("%d pages were written back and %d are hot, want 2 and 2", r.Pages, r.Hot)
	}
	// Page 3 is not written any more, and page 40 in every request.
	last := 0
	for n := range 2000 {
		last = n
		if r := request(40); r.Hot == 1 {
			break
		}
	}
	if r := request(40); r.Pages != 1 || r.Hot != 1 {
		t.Errorf("after %d requests %d pages are written back and %d hot, want 1 and 1", last, r.Pages, r.Hot)
	}
	other := g.instance(t)
	restore(t, other, img)
	other.requireState(t, want)
}

func TestDeltasHoldWhatDiffers(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			g := newGuest(t, mode)
			i := g.instance(t)
			base := take(t, i)
			i.call(t, "fill", 0, 0, 1)          // writes what is there
			i.call(t, "fill", 5*4096-1, 1, 2)   // two pages
			i.call(t, "grow", 1)                // a page of zeros
			i.call(t, "fill", 8<<16+4096, 1, 1) // in what was grown
			delta := take(t, i)
			if delta.Base() != base || delta.Bytes() != 3*4096 || delta.Size() != 9<<16 {
				t.Errorf("the delta has %d bytes and stands for %d, want 3 pages and 9 Wasm pages", delta.Bytes(), delta.Size())
			}
		})
	}
}

func TestThousandGrowingRequestsLeaveTheFootprintAsItWas(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			i := newGuest(t, mode).instance(t)
			img := take(t, i)
			want := i.state(t)
			for n := range 1000 {
				if before := i.call(t, "grow", 24); before != guestPages {
					t.Fatalf("request %d finds %d pages, want %d", n, before, guestPages)
				}
				i.call(t, "fill", guestPages<<16, 1, 24<<16)
				restore(t, i, img)
				if got := i.Memory.Size(); got != (guestPages+24)<<16 {
					t.Fatalf("after request %d the memory has %d bytes", n, got)
				}
			}
			i.requireState(t, want)
		})
	}
}

func TestMemoryStaysWithinItsLimit(t *testing.T) {
	i := newGuest(t, image.Copied).instance(t)
	i.Memory.SetLimit(10 << 16)
	if got := int32(i.call(t, "grow", 3)); got != -1 {
		t.Errorf("grow beyond the limit answered %d, want -1", got)
	}
	if bytes, byBudget := i.Memory.Refused(); bytes != 11<<16 || byBudget {
		t.Errorf("refused %d (by the budget: %t), want %d", bytes, byBudget, 11<<16)
	}
	i.Memory.Begin()
	if got := i.call(t, "grow", 2); got != guestPages {
		t.Errorf("grow up to the limit answered %d", got)
	}
	if bytes, _ := i.Memory.Refused(); bytes != 0 {
		t.Errorf("refused %d after it was cleared", bytes)
	}
}

// budget is a Budget that one goroutine uses.
type budget struct{ left int64 }

func (b *budget) Take(n int64) bool {
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) Give(n int64) { b.left += n }

func TestMemoryTakesFromTheBudgetAndGivesBack(t *testing.T) {
	g := newGuest(t, image.Copied)
	b := &budget{left: 10 << 16}
	g.budget = b
	i := g.instance(t)
	if b.left != 2<<16 {
		t.Errorf("%d bytes are left, want 2 pages", b.left)
	}
	if got := int32(i.call(t, "grow", 3)); got != -1 {
		t.Errorf("grow beyond the budget answered %d, want -1", got)
	}
	if _, byBudget := i.Memory.Refused(); !byBudget {
		t.Error("it is not told that the budget refused")
	}
	i.call(t, "grow", 2)
	i.Close()
	if b.left != 10<<16 {
		t.Errorf("%d bytes are left after the end, want all", b.left)
	}
	b.left = 1
	if _, err := image.NewInstance(t.Context(), g.runtime, g.compiled, g.prepared, image.Options{Limit: 64 << 16, Budget: b}); !errors.Is(err, image.ErrBudget) {
		t.Errorf("an instance without a budget for it: %v, want ErrBudget", err)
	}
	if b.left != 1 {
		t.Errorf("%d bytes are left, want 1", b.left)
	}
}

func TestImageOfAnotherModuleIsRefused(t *testing.T) {
	i := newGuest(t, image.Copied).instance(t)
	if _, err := i.Restore(&image.Image{}); err == nil {
		t.Error("an image without the module's globals was restored")
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, mode := range modes {
		for _, pages := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", mode, pages), func(b *testing.B) {
				g := newGuest(b, mode)
				i := g.instance(b)
				i.call(b, "grow", 56)
				img := take(b, i)
				fill := i.Module.ExportedFunction("fill")
				for b.Loop() {
					i.Memory.Begin()
					for p := range pages {
						if _, err := fill.Call(b.Context(), uint64(p*5*4096), 1, 1); err != nil {
							b.Fatal(err)
						}
					}
					if _, err := i.Restore(img); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
