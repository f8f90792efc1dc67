package wheel

import "strings"

// Format is a WHEEL file: how a wheel was made and where its files go.
// https://packaging.python.org/specifications/binary-distribution-format/#file-contents
type Format struct {
	Version       string // of the format, such as 1.0
	Generator     string
	RootIsPurelib bool
	Tags          []string
	Build         string
}

// ParseFormat reads a WHEEL file. The error is [ErrFormat], or [ErrUnsupported] if its major version is not 1.
func ParseFormat(data []byte) (Format, error) {
	h, _ := readHeader(data)
	f := Format{
		Version:       h.one("wheel-version"),
		Generator:     h.one("generator"),
		RootIsPurelib: strings.EqualFold(h.one("root-is-purelib"), "true"),
		Tags:          h["tag"],
		Build:         h.one("build"),
	}
	major, minor, ok := strings.Cut(f.Version, ".")
	switch {
	case !ok || !isNumber(major) || !isNumber(minor):
		return Format{}, refuse(ErrFormat, "", "its Wheel-Version is %.20q, which is no version", f.Version)
	case major != "1":
		return Format{}, refuse(ErrUnsupported, "", "its Wheel-Version is %.20q, and only 1 is known", f.Version)
	}
	return f, nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
