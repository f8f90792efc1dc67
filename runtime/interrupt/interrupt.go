// Package interrupt ends guests whose time is up.
//
// wazero can watch a context itself (WithCloseOnContextDone): each loop then calls into Go, which makes guests two to ten times as slow, it closes the
// instance, and it does not see calls that nest for ever. Here the guest looks at a flag, by the checks that package prepare has put into its
// code; it traps, and the sandbox can be reset and used again.
package interrupt

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// Flag is the interrupt flag of one instance, which serves one call at a time.
type Flag struct {
	global api.MutableGlobal // nil where the module has no code to be stopped

	mu   sync.Mutex
	call uint64 // guarded by mu; counts calls, so that the end of one cannot stop the next
}

// Of returns the flag of an instance of a prepared module.
func Of(mod api.Module) *Flag {
	global, _ := mod.ExportedGlobal(prepare.Interrupt).(api.MutableGlobal)
	return &Flag{global: global}
}

// Arm lets the guest run until ctx ends: from then on it traps at its next check. Disarm must be called when the call has returned; after it, ctx has
// no effect any more.
func (f *Flag) Arm(ctx context.Context) (disarm func()) {
	if f.global == nil {
		return func() {}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.global.Set(0)
	call := f.call
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.call == call {
			f.global.Set(1)
		}
	})
	return func() {
		stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.call++
	}
}
