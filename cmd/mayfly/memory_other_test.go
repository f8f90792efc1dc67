//go:build !linux

package main

import "errors"

func processMemory(int) (memory, error) { return memory{}, errors.ErrUnsupported }
