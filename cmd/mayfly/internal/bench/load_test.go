package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func TestErrorsAreFewTexts(t *testing.T) {
	var r Load
	for _, text := range []string{"a", "b", "a", "c", "d", "e", "f", "g", "a", "f"} {
		r.fail(&client.Problem{Detail: text})
	}
	want := []LoadError{{"a", 3}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}, {"others", 3}}
	if diff := cmp.Diff(want, r.Errors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := r.Err(); err == nil || err.Error() != "a" {
		t.Errorf("the error is %v, want the first", err)
	}
}
