//go:build !linux

package runner

import (
	"errors"
	"os/exec"
)

// Cores are none where no process can be pinned to one.
func Cores() ([]int, error) { return nil, nil }

func start(cmd *exec.Cmd, _ int) error { return cmd.Start() }

// Confine is not possible here.
func Confine(int, ...string) error {
	return errors.New("no process can be pinned to a core on this system")
}
