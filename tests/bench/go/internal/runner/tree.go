package runner

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Start starts a command on one core; below 0 on all.
func Start(cmd *exec.Cmd, core int) error { return start(cmd, core) }

// TreeCPU is how long a process, and those that it started itself, have used processors so far; of those that ended,
// too.
func TreeCPU(pid int) (time.Duration, error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	total, err := cpuTimes(pid, 4)
	for _, child := range strings.Fields(string(children)) {
		number, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		own, err := cpuTimes(number, 2)
		if err != nil {
			continue // it ended since: its parent has its times from now on
		}
		total += own
	}
	return total, err
}

// cpuTimes adds up the first so many of a process's user and system time, and the same of its children that ended.
func cpuTimes(pid, count int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything. Behind it, the times are the fields 11 to 14.
	fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
	const first = 11
	if len(fields) < first+count {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var total time.Duration
	for _, field := range fields[first : first+count] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * jiffy
	}
	return total, nil
}
