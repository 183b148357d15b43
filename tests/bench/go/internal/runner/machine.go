package runner

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine names the processor and the system.
func Machine() string {
	processor := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // where there is none, the architecture has to do
	cores := 0
	for line := range strings.Lines(string(info)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "processor":
			cores++
		case "model name":
			processor = strings.TrimSpace(value)
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease") // likewise
	system := strings.TrimSpace(runtime.GOOS + " " + string(release))
	return fmt.Sprintf("%s, %d cores, %s", processor, max(cores, runtime.NumCPU()), system)
}
