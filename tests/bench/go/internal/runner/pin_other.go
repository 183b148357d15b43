//go:build !linux

package runner

import "os/exec"

// Cores are none where no process can be pinned to one.
func Cores() ([]int, error) { return nil, nil }

func start(cmd *exec.Cmd, _ int) error { return cmd.Start() }
