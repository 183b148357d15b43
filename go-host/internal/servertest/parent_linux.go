package servertest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the system kill the server when the thread ends that started it: a test program that panics or is
// killed cleans nothing up.
func dieWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
