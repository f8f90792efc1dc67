package runtime

import "github.com/mayfly-faas/mayfly/runtime/pool"

// InMemory is what a runtime holds in memory.
type InMemory struct {
	// Modules counts compiled modules, Pythons started CPythons, Images functions' images.
	Modules, Pythons, Images int
	// ImageBytes is the memory of functions' images; those of CPythons come on top of it.
	ImageBytes int64
	// Pool has the sandboxes.
	Pool pool.State
}

// InMemory counts what is in memory now.
func (rt *Runtime) InMemory() InMemory {
	in := InMemory{Modules: rt.modules.count(), Pythons: rt.pythons.count(), Pool: rt.pool.State(), ImageBytes: rt.images.held()}
	rt.mu.RLock()
	defer rt.mu.RUnlock()
	for _, v := range rt.live {
		if v.engine.holding() {
			in.Images++
		}
	}
	return in
}
