//go:build !linux

package workload

import "time"

// ticker is Go's own where there is no better one.
type ticker struct{ *time.Ticker }

func newTicker(every time.Duration) (*ticker, error) { return &ticker{time.NewTicker(every)}, nil }

func (t *ticker) wait() error {
	<-t.C
	return nil
}

func (t *ticker) close() { t.Stop() }
