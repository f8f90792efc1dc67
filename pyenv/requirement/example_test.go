package requirement_test

import (
	"fmt"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

func Example() {
	r, err := requirement.Parse("Flask[async]>=3,<4; python_version >= '3.8' and sys_platform == 'wasi'")
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Key(), r.Extras, r.Specifiers)
	fmt.Println(r.Marker.Holds(requirement.WASI("3.12.0")))
	fmt.Println(r.Specifiers.Match(requirement.MustVersion("3.0.1")))

	_, err = requirement.Parse("flask 3")
	fmt.Println(err)
	// Output:
	// flask [async] >=3,<4
	// true
	// true
	// "3" is not a version specifier: write ==3 for exactly this version
}
