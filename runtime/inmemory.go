package runtime

// InMemory is what a runtime holds in memory.
type InMemory struct {
	// Modules counts compiled modules, Images Python functions' images, Sandboxes live sandboxes that are not in use.
	Modules, Images, Sandboxes int
}

// InMemory counts what is in memory now.
func (rt *Runtime) InMemory() InMemory {
	in := InMemory{Modules: rt.modules.count()}
	rt.mu.RLock()
	defer rt.mu.RUnlock()
	for _, v := range rt.live {
		if e, ok := v.engine.(*interpreter); ok {
			e.mu.Lock()
			if e.loaded != nil {
				in.Images++
			}
			in.Sandboxes += len(e.idle)
			e.mu.Unlock()
		}
	}
	return in
}
