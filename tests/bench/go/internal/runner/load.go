package runner

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// jiffy is the unit of /proc, as Linux tells it to programs on all common architectures.
const jiffy = 10 * time.Millisecond

// machineBusy is how long all processors together have not been idle so far, time stolen by a hypervisor included; 0
// where the system does not say.
func machineBusy() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return busy(string(stat))
}

// busy adds up all of the first line but idle and iowait, and guest time, which is in user already.
func busy(stat string) time.Duration {
	line, _, _ := strings.Cut(stat, "\n")
	var total time.Duration
	for i, field := range strings.Fields(line) {
		const name, idle, iowait, guest = 0, 4, 5, 9
		if i == name || i == idle || i == iowait || i >= guest {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		total += time.Duration(n) * jiffy
	}
	return total
}

// processBusy is how long a process has used processors so far; 0 where the system does not say.
func processBusy(pid int) time.Duration {
	busy, err := cpuTimes(pid, 2)
	if err != nil {
		return 0
	}
	return busy
}
