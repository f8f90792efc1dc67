//go:build !unix

package image

// reserve takes nothing ahead: memory is Go's own, and growing it copies.
func reserve(uint64) []byte { return nil }

func commit([]byte) error { return nil }

func giveBack(b []byte) { clear(b) }

func release([]byte) {}

func populate([]byte) {}
