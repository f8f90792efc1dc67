package site

import (
	"context"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// Freeze is what is installed as lines of a requirements file: NAME==VERSION, or NAME @ URL. Without all, what installs packages itself is left out, as pip
// does: pip, and below CPython 3.12 setuptools, wheel and distribute.
func (e *Environment) Freeze(ctx context.Context, all bool) ([]string, error) {
	list, err := e.List(ctx)
	if err != nil {
		return nil, err
	}
	tools := []string{"pip"}
	if e.Minor < 12 {
		tools = append(tools, "setuptools", "wheel", "distribute")
	}
	var lines []string
	for _, d := range list {
		switch {
		case !all && slices.Contains(tools, wheel.NormalName(d.Name)):
		case d.DirectURL != nil:
			lines = append(lines, d.DirectURL.reference(d.Name))
		default:
			lines = append(lines, d.Name+"=="+d.Version)
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return lines, nil
}
