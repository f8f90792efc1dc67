//go:build unix && !linux

package image

func hugePagesOff([]byte) {}

func populate([]byte) {}
