package workload

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ticker is a timer of the kernel's that the network poller waits for. Go's own timers end up to 1 ms late while
// nothing else runs, which would be what W10 measures.
type ticker struct{ file *os.File }

func newTicker(every time.Duration) (*ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	t := &ticker{os.NewFile(uintptr(fd), "timerfd")}
	span := unix.NsecToTimespec(every.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: span, Value: span}, nil); err != nil {
		t.close()
		return nil, fmt.Errorf("timerfd_settime: %w", err)
	}
	return t, nil
}

// wait returns at the next tick, or at once where one has passed.
func (t *ticker) wait() error {
	var ticks [8]byte
	_, err := t.file.Read(ticks[:])
	return err
}

func (t *ticker) close() { _ = t.file.Close() }
