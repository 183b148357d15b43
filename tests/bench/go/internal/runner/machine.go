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
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			processor = strings.TrimSpace(value)
			break
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease") // likewise
	system := strings.TrimSpace(runtime.GOOS + " " + string(release))
	return fmt.Sprintf("%s, %d cores, %s", processor, runtime.NumCPU(), system)
}
