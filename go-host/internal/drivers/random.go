package drivers

// random is SplitMix64: the same numbers as in the Rust host's tests.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	mixed := uint64(*r)
	mixed = (mixed ^ mixed>>30) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ mixed>>27) * 0x94d049bb133111eb
	return mixed ^ mixed>>31
}

// below gives a number in 0..count.
func (r *random) below(count uint64) uint64 { return r.next() % count }

// chance is true so many times in a hundred.
func (r *random) chance(percent uint64) bool { return r.below(100) < percent }

// pick gives one of these.
func pick[T any](r *random, of ...T) T { return of[r.below(uint64(len(of)))] }
