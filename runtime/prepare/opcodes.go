package prepare

// operands is what follows an opcode in a function body.
type operands byte

const (
	unknown      operands = iota // there is no such instruction
	none                         // nothing
	index                        // an index: of a table, a tag, or a segment
	local                        // a local's index
	label                        // a label
	globalIndex                  // a global's index
	funcIndex                    // a function's index
	twoIndexes                   // two indexes
	block                        // a block type; the block that begins here ends with end
	blockEnd                     // nothing; a block ends here
	loop                         // a block type, likewise
	tryTable                     // a block type and catch clauses, likewise
	branchTable                  // labels
	call                         // an index, of what is called
	callRef                      // the index of the type of what is called
	callIndirect                 // the same, and a table's index
	selectTypes                  // value types
	memArg                       // alignment and offset of a memory access
	memorySize                   // a memory's index
	memoryGrow                   // likewise
	const32                      // a signed number
	const64                      // likewise
	bytes4                       // a floating-point number
	bytes8                       // likewise
	heapType                     // a heap type
	tableIndex                   // a table's index, of which an element changes
	prefix                       // another opcode
	legacy                       // of the exception handling that the standard has left behind
	memArgLane                   // memArg and a lane
	lane                         // a lane's index
	bytes16                      // sixteen bytes
)

// opcodes are the instructions of Wasm 2.0, of the exception-handling, tail-call and typed function references proposals
// (https://webassembly.github.io/spec/core/binary/instructions.html).
var opcodes = func() (t [256]operands) {
	set := func(first, last int, o operands) {
		for op := first; op <= last; op++ {
			t[op] = o
		}
	}
	set(0x00, 0x01, none)         // unreachable, nop
	set(0x02, 0x02, block)        // block
	set(0x03, 0x03, loop)         // loop
	set(0x04, 0x04, block)        // if
	set(0x05, 0x05, none)         // else
	set(0x06, 0x07, legacy)       // try, catch
	set(0x08, 0x08, index)        // throw
	set(0x09, 0x09, legacy)       // rethrow
	set(0x0a, 0x0a, none)         // throw_ref
	set(0x0b, 0x0b, blockEnd)     // end
	set(0x0c, 0x0d, label)        // br, br_if
	set(0x0e, 0x0e, branchTable)  // br_table
	set(0x0f, 0x0f, none)         // return
	set(0x10, 0x10, call)         // call
	set(0x11, 0x11, callIndirect) // call_indirect
	set(0x12, 0x12, call)         // return_call
	set(0x13, 0x13, callIndirect) // return_call_indirect
	set(0x14, 0x15, callRef)      // call_ref, return_call_ref
	set(0x18, 0x19, legacy)       // delegate, catch_all
	set(0x1a, 0x1b, none)         // drop, select
	set(0x1c, 0x1c, selectTypes)  // select t
	set(0x1f, 0x1f, tryTable)     // try_table
	set(0x20, 0x22, local)        // local.get, .set, .tee
	set(0x23, 0x24, globalIndex)  // global.get, .set
	set(0x25, 0x25, index)        // table.get
	set(0x26, 0x26, tableIndex)   // table.set
	set(0x28, 0x3e, memArg)       // loads and stores
	set(0x3f, 0x3f, memorySize)   // memory.size
	set(0x40, 0x40, memoryGrow)   // memory.grow
	set(0x41, 0x41, const32)      // i32.const
	set(0x42, 0x42, const64)      // i64.const
	set(0x43, 0x43, bytes4)       // f32.const
	set(0x44, 0x44, bytes8)       // f64.const
	set(0x45, 0xc4, none)         // numbers
	set(0xd0, 0xd0, heapType)     // ref.null
	set(0xd1, 0xd1, none)         // ref.is_null
	set(0xd2, 0xd2, funcIndex)    // ref.func
	set(0xd4, 0xd4, none)         // ref.as_non_null
	set(0xd5, 0xd6, label)        // br_on_null, br_on_non_null
	set(0xfc, 0xfe, prefix)
	return t
}()
