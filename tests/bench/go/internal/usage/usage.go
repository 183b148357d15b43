// Package usage tells what this process has used so far.
package usage

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Usage is what was used up to a moment.
type Usage struct {
	At      time.Time
	CPU     time.Duration
	Mallocs uint64
}

// Now tells what was used up to now.
func Now() (Usage, error) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	cpu, err := CPU(syscall.RUSAGE_SELF)
	return Usage{At: time.Now(), CPU: cpu, Mallocs: memory.Mallocs}, err
}

// CPU is the processor time, user and system, of this process (RUSAGE_SELF) or its children (RUSAGE_CHILDREN).
func CPU(who int) (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}

// RSS is the memory that this process has in RAM now, in MB; 0 where the system does not say.
func RSS() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		return 0
	}
	return float64(resident) * float64(os.Getpagesize()) / 1e6
}
