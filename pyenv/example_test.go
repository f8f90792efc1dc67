package pyenv_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mayfly-faas/mayfly/pyenv"
)

// An environment over a CPython that need not be there, with a file that is added after the steps of CPython's venv.
func ExampleBuilder() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	b := pyenv.Builder{
		Python: pyenv.Interpreter{Version: "3.12.0", Executable: "/usr/bin/python3", Program: "/usr/bin/python3"},
		Prompt: "demo",
		After: map[pyenv.Step]func(context.Context, *pyenv.Context) error{
			pyenv.PostSetup: func(_ context.Context, c *pyenv.Context) error {
				return os.WriteFile(filepath.Join(c.LibPath, "hello.pth"), []byte("/opt/libs\n"), 0o600)
			},
		},
	}
	if err := b.Create(context.Background(), filepath.Join(dir, ".venv")); err != nil {
		log.Fatal(err)
	}
	config, err := pyenv.ReadConfigFile(filepath.Join(dir, ".venv", "pyvenv.cfg"))
	fmt.Println(config.Home, config.Prompt, err)
	// Output: /usr/bin demo <nil>
}
