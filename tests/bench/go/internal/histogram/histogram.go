// Package histogram counts durations in buckets whose width grows with the value.
package histogram

import (
	"math/bits"
	"time"
)

// Each power of two is cut in 128, so that a bucket is less than 0.8 % wide. The last one holds all above 68 s.
const (
	subBits = 7
	maxBits = 36
	buckets = (maxBits - subBits + 1) << subBits
)

// Histogram counts durations. It is used by one goroutine; the zero value is empty.
type Histogram struct {
	counts [buckets]uint32
}

// Record counts a duration.
func (h *Histogram) Record(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
}

// Add counts what other has counted.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
}

// Count is how many durations were counted.
func (h *Histogram) Count() uint64 {
	var total uint64
	for _, n := range h.counts {
		total += uint64(n)
	}
	return total
}

// Quantile is the middle of the bucket that holds the smallest duration with a share q of all at or below it.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	rank := min(uint64(q*float64(total)), max(total, 1)-1)
	for i, n := range h.counts {
		if rank < uint64(n) {
			return middle(i)
		}
		rank -= uint64(n)
	}
	return 0
}

// bucket is exact below 128 ns.
func bucket(ns uint64) int {
	ns = min(ns, 1<<maxBits-1)
	shift := max(bits.Len64(ns)-subBits-1, 0)
	return shift<<subBits + int(ns>>shift)
}

func middle(bucket int) time.Duration {
	if bucket < 2<<subBits {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	low := uint64(bucket-shift<<subBits) << shift
	return time.Duration(low + 1<<shift/2)
}
