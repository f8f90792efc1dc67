package wheel

import "fmt"

// GlibcPlatforms are the platforms of a Linux with glibc 2.MINOR on a machine such as x86_64 or aarch64, the best first (PEP 600, and
// the names of PEP 513, 571 and 599 for the same).
func GlibcPlatforms(machine string, minor int) []string {
	oldest := 17
	if machine == "x86_64" || machine == "i686" {
		oldest = 5
	}
	legacy := map[int]string{17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
	var platforms []string
	for m := minor; m >= oldest; m-- {
		platforms = append(platforms, fmt.Sprintf("manylinux_2_%d_%s", m, machine))
		if name := legacy[m]; name != "" {
			platforms = append(platforms, name+"_"+machine)
		}
	}
	return append(platforms, "linux_"+machine)
}

// MuslPlatforms are the platforms of a Linux with musl 1.MINOR, the best first (PEP 656).
func MuslPlatforms(machine string, minor int) []string {
	var platforms []string
	for m := minor; m >= 0; m-- {
		platforms = append(platforms, fmt.Sprintf("musllinux_1_%d_%s", m, machine))
	}
	return append(platforms, "linux_"+machine)
}

// MacPlatforms are the platforms of macOS MAJOR (11 or later) on x86_64 or arm64, the best first.
func MacPlatforms(major int, machine string) []string {
	var platforms []string
	formats := []string{"arm64", "universal2"}
	if machine == "x86_64" {
		formats = []string{"x86_64", "intel", "fat64", "fat32", "universal2", "universal"}
	}
	for m := major; m > 10; m-- {
		for _, f := range formats {
			platforms = append(platforms, fmt.Sprintf("macosx_%d_0_%s", m, f))
		}
	}
	if machine != "x86_64" {
		formats = []string{"universal2"}
	}
	for m := 16; m >= 4; m-- {
		for _, f := range formats {
			platforms = append(platforms, fmt.Sprintf("macosx_10_%d_%s", m, f))
		}
	}
	return platforms
}
