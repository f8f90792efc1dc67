package wheel

import (
	"strings"
	"testing"
)

func TestUnsafePathsAreToldApart(t *testing.T) {
	for path, want := range map[string]string{
		"flask/app.py":                 "",
		"a-1.dist-info/RECORD":         "",
		"ünï/コード.py":                   "",
		"a b/c":                        "",
		"...x":                         "",
		"common.py":                    "",
		"com10":                        "",
		"":                             "is empty",
		"/etc/passwd":                  "is absolute",
		"../x":                         "has an element .., which leads elsewhere",
		"a/../../x":                    "has an element .., which leads elsewhere",
		"./x":                          "has an element ., which leads elsewhere",
		"a//b":                         "has an empty element",
		`a\b`:                          "has a backslash, which parts folders on Windows",
		"C:x":                          "has a colon, which names a drive or a stream on Windows",
		"a\x00b":                       "has a control character",
		"a\nb":                         "has a control character",
		"a\xff":                        "is not UTF-8",
		"a/aux.py":                     "has the name of a device on Windows",
		"NUL":                          "has the name of a device on Windows",
		"com1.txt/x":                   "has the name of a device on Windows",
		"lpt².log":                     "has the name of a device on Windows",
		"con .txt":                     "has the name of a device on Windows",
		"a./b":                         "has an element that ends in a dot or a blank, which Windows leaves out",
		"a ":                           "has an element that ends in a dot or a blank, which Windows leaves out",
		strings.Repeat("a/", 64) + "a": "is deeper than 64 folders",
		strings.Repeat("a", 256):       "has an element longer than 255 bytes",
		strings.Repeat("aaaa/", 205):   "is longer than 1024 bytes",
	} {
		if got := CheckPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
