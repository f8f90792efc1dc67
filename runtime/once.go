package runtime

import (
	"context"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// once loads something that many requests may ask for at a time, and returns what that took: nothing where ready says that another's loading has
// ended just now. Loading is the runtime's own work, and goes on when who asked for it gives up (ctx).
func (rt *Runtime) once(ctx context.Context, g *singleflight.Group, key string, ready func() bool, load func() (call.Phases, error)) (took *call.Phases, err error) {
	done := g.DoChan(key, func() (v any, err error) {
		if ready() {
			return (*call.Phases)(nil), nil
		}
		if !rt.hold() {
			return nil, ErrClosed
		}
		defer rt.work.Done()
		// It runs on a goroutine of its own, where a mistake would end the server.
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic while loading: %v\n%s", r, debug.Stack())
			}
		}()
		phases, err := load()
		return &phases, err
	})
	select {
	case result := <-done:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*call.Phases), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
