package manifest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	maxTimeout = 24 * time.Hour
	maxSize    = 4 << 30 // what 32 bits of linear memory can address
)

// Size is a number of bytes, written as "64MiB", "6MB" or "512KiB".
type Size int64

var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"B", 1},
}

// ParseSize reads a size.
func ParseSize(text string) (Size, error) {
	s := strings.TrimSpace(text)
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n*u.bytes > 1<<53 {
			break
		}
		if n*u.bytes < 1 {
			return 0, fmt.Errorf("%.40q is too small: it must be more than 0", text)
		}
		return Size(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%.40q is not a size: write a number and its unit, such as \"64MiB\"", text)
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes a size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		suffix string
		bytes  Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Duration is a time.Duration, written as "30s", "1m30s" or "250ms".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err == nil && v <= 0 {
		return fmt.Errorf("%.40q is too short: it must be more than 0", text)
	}
	if err != nil {
		return fmt.Errorf("%.40q is not a duration: write a number and its unit, such as \"30s\" or \"250ms\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes a duration as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }
