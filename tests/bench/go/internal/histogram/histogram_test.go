package histogram

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Quantiles are those of the sorted durations, but for the width of a bucket.
func TestQuantilesAreClose(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20000 {
		d := time.Duration(1) << random.IntN(35)
		d += time.Duration(random.Int64N(int64(d)))
		h.Record(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		got := h.Quantile(q)
		if diff := float64(got-want) / float64(want); diff > 0.008 || diff < -0.008 {
			t.Errorf("quantile %v: %s, want %s", q, got, want)
		}
	}
}

// Every bucket is the one that its own middle falls into, and they are in order.
func TestBucketsRoundTrip(t *testing.T) {
	before := time.Duration(-1)
	for i := range buckets {
		m := middle(i)
		if bucket(uint64(m)) != i {
			t.Fatalf("the middle of bucket %d, %d ns, is in bucket %d", i, m, bucket(uint64(m)))
		}
		if m <= before {
			t.Fatalf("bucket %d is not above the one before", i)
		}
		before = m
	}
}

func TestEdges(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	h.Record(-time.Second)
	h.Record(time.Hour)
	var sum Histogram
	sum.Add(&h)
	sum.Add(&h)
	if sum.Count() != 4 || sum.Quantile(0) != 0 || sum.Quantile(1) < time.Minute {
		t.Errorf("count %d, from %s to %s", sum.Count(), sum.Quantile(0), sum.Quantile(1))
	}
}
