package runtime

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

func TestPanicWhileLoadingIsAnErrorAndNotTheEnd(t *testing.T) {
	rt, group := &Runtime{}, &singleflight.Group{}
	never := func() bool { return false }
	_, err := rt.once(t.Context(), group, "", never, func() (call.Phases, error) { panic("a mistake") })
	if err == nil || !strings.Contains(err.Error(), "a mistake") || !strings.Contains(err.Error(), "once_test.go") {
		t.Errorf("got %v, want the panic and where it was", err)
	}
	took, err := rt.once(t.Context(), group, "", never, func() (call.Phases, error) { return call.Phases{call.Boot: 3}, nil })
	if err != nil || took[call.Boot] != 3 {
		t.Errorf("after it, loading gives %v, %v", took, err)
	}
	rt.work.Wait()
}

func TestWhoGivesUpLeavesLoadingToOthers(t *testing.T) {
	rt, group := &Runtime{}, &singleflight.Group{}
	ctx, cancel := context.WithCancel(t.Context())
	begun, end := make(chan struct{}), make(chan struct{})
	loads := 0
	load := func() (call.Phases, error) {
		loads++
		close(begun)
		<-end
		return call.Phases{}, nil
	}
	gone := make(chan error)
	go func() {
		_, err := rt.once(ctx, group, "", func() bool { return false }, load)
		gone <- err
	}()
	<-begun
	cancel()
	if err := <-gone; err == nil {
		t.Error("who gave up got an answer")
	}
	close(end)
	rt.work.Wait()
	if took, err := rt.once(t.Context(), group, "", func() bool { return true }, load); took != nil || err != nil || loads != 1 {
		t.Errorf("%v, %v, after %d loads, want nothing to do", took, err, loads)
	}
}
