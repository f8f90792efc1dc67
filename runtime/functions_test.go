package runtime

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestVersionThatIsReadyOnlyWhenTheRuntimeClosesIsLetGo(t *testing.T) {
	rt, err := Open(Options{DataDir: runtimetest.EmptyDataDir(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rt.Deploy("f", bytes.NewReader(wasitest.Command(nil)), DeployOptions{}); err != nil {
		t.Fatal(err)
	}
	v := rt.live["f"]
	delete(rt.live, "f") // as if its deploy had not come so far
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	rt.replace("f", v)
	if !v.retired || v.engine.holding() || len(rt.live) > 0 {
		t.Errorf("retired %t, in memory %t, %d live", v.retired, v.engine.holding(), len(rt.live))
	}
}
