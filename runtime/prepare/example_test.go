package prepare_test

import (
	"fmt"

	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

func ExamplePrepare() {
	wasm := []byte("\x00asm\x01\x00\x00\x00" +
		"\x05\x03\x01\x00\x02" + // a memory of two pages
		"\x06\x06\x01\x7f\x01\x41\x00\x0b" + // a mutable global, an i32
		"\x07\x0a\x01\x06memory\x02\x00") // the memory's export

	module, err := prepare.Prepare(wasm, prepare.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, export := range module.Exports {
		fmt.Println("exports the", export.Kind, export.Name)
	}
	for _, global := range module.Globals {
		fmt.Println("saves the", global.Type, "global", global.Index, "as", global.Name)
	}
	fmt.Println("begins with", module.MinMemory(), "bytes of memory")

	_, err = prepare.Prepare(wasm[:len(wasm)-3], prepare.Options{})
	fmt.Println(err)

	// Output:
	// exports the memory memory
	// saves the i32 global 0 as mayfly:global:0
	// begins with 131072 bytes of memory
	// malformed WebAssembly at offset 0x17, in the export section: 10 bytes are announced, and 7 are left: the file is cut off
}
