package main

import (
	"fmt"
	"os"
	"strings"
)

// processMemory reads VmRSS and VmHWM from proc_pid_status(5).
func processMemory(pid int) (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		field := map[string]*int64{"VmRSS": &m.resident, "VmHWM": &m.peak}[name]
		if field == nil {
			continue
		}
		if _, err := fmt.Sscanf(value, "%d kB", field); err != nil {
			return m, fmt.Errorf("%s is %q: %w", name, value, err)
		}
		*field <<= 10
	}
	return m, nil
}
