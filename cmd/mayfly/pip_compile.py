import py_compile
import sys

for name in sys.stdin.buffer.read().decode().split("\n"):
    try:
        py_compile.compile(
            sys.argv[1] + "/" + name,
            dfile=name.partition("/")[2],
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
        pass  # a template, or for another Python: it is left without
