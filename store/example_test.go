package store_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/mayfly-faas/mayfly/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	artifact, err := s.PutArtifact(strings.NewReader("hello, world\n"), 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	defer artifact.Release()
	function, version, err := s.AddVersion("hello", store.Version{Digest: artifact.Digest, Meta: []byte(`{"kind":"text"}`)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: version %d of %d bytes is live\n", function.Name, version.Number, version.Size)
	// Output: hello: version 1 of 13 bytes is live
}
