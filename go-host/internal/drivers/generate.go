package drivers

import "fmt"

var (
	writes = [][]int{nil, nil, {1, 1, 1, 5000}, {100, 0, 3000}, {0, 0, 20_000}, {7, 1, 4096, 60_000}}
	reads  = [][]int{nil, nil, {1, 2, 3, 4000}, {0, 900}, {50, 1, 20_000}}
	sizes  = []int{0, 0, 0, 10, 100, 100, 3000, 5000, 100_000}
	hows   = []How{Reset, Deaf, Lost}
)

const mostSubscribers = 4

// Generate gives the script of a seed. The Rust host's tests draw the same: what changes here changes there.
func Generate(seed uint64) Script {
	d := draw{random: random(seed)}
	r := &d.random
	script := Script{Name: fmt.Sprintf("seed %d", seed)}
	script.RESP = pick(r, 2, 3, 3)
	script.Repeat = r.chance(20)
	script.HoldAbove = pick(r, uint32(64), 4096)
	script.PassAbove = pick(r, uint32(64), 16_384)
	script.Links = pick(r, uint32(4), 8)
	for range r.below(6) {
		script.Connections = append(script.Connections, d.profile())
	}
	for range 3 + r.below(10) {
		script.Steps = append(script.Steps, d.step())
		if r.chance(40) {
			script.Steps = append(script.Steps, Step{Wait: waitSettled})
		}
	}
	if r.chance(15) {
		script.Steps = append(script.Steps, Step{Close: pick(r, closeDrain, closeNow, closeDrop)})
		script.Steps = append(script.Steps, d.step())
	}
	return script
}

type draw struct {
	random      random
	calls       uint64
	subscribers uint64
}

func (d *draw) profile() Profile {
	p := Profile{Refuse: d.random.chance(15)}
	p.Writes = pick(&d.random, writes...)
	p.Reads = pick(&d.random, reads...)
	p.Faults = d.faults()
	return p
}

func (d *draw) faults() Faults {
	f := Faults{How: pick(&d.random, hows...)}
	switch d.random.below(10) {
	case 0, 1:
		f.StallIn = d.place()
	case 2:
		f.StallOut = d.place()
	case 3, 4:
		f.CutIn = d.place()
	case 5, 6:
		f.CutOut = d.place()
	case 7:
		f.StallIn = d.place()
		f.CutOut = d.place()
	}
	return f
}

func (d *draw) place() *uint64 {
	place := d.random.below(pick(&d.random, uint64(200), 2000, 120_000))
	return &place
}

func (d *draw) step() Step {
	switch n := d.random.below(100); {
	case n < 48:
		return d.someCalls()
	case n < 56 && d.subscribers < mostSubscribers:
		return d.subscribe()
	case n < 68:
		return d.publish()
	case n < 71 && d.subscribers > 0:
		return Step{Unsubscribe: 1 + d.random.below(d.subscribers)}
	case n >= 71 && n < 74 && d.subscribers > 0:
		return Step{Read: 1 + d.random.below(d.subscribers)}
	case n >= 74 && n < 82:
		return Step{Release: true}
	case n >= 82 && n < 86:
		return Step{Cut: pick(&d.random, hows...)}
	case n >= 86 && n < 94:
		f := d.faults()
		return Step{Arm: &f}
	case n >= 94 && d.calls > 0:
		return Step{Cancel: 1 + d.random.below(d.calls)}
	}
	return d.someCalls()
}

func (d *draw) someCalls() Step {
	var calls []Call
	for range pick(&d.random, 1, 1, 2, 4) {
		calls = append(calls, d.call())
	}
	return Step{Calls: calls}
}

func (d *draw) call() Call {
	d.calls++
	c := Call{ID: d.calls, Shape: pick(&d.random, single, single, pipeline, transaction)}
	count := uint64(1)
	if c.Shape != single {
		count = 1 + d.random.below(5)
	}
	for range count {
		c.Commands = append(c.Commands, d.command(c.Shape))
	}
	if d.random.chance(25) {
		c.CancelAt = d.place()
	}
	return c
}

func (d *draw) command(shape string) Command {
	size := pick(&d.random, sizes...)
	switch n := d.random.below(10); {
	case n < 4:
		return Command{Do: push, Size: size}
	case n < 6:
		return Command{Do: echo, Size: size}
	case n == 6:
		return Command{Do: get, Size: size}
	case n == 7:
		return Command{Do: getRange, Size: min(size, 3000), Count: int(d.random.below(8))}
	case n == 8 && shape == single:
		return Command{Do: pop, Size: size}
	}
	return Command{Do: fail}
}

func (d *draw) subscribe() Step {
	d.subscribers++
	s := Subscribe{ID: d.subscribers}
	s.Channel = pick(&d.random, "news", "weather")
	s.Queue = pick(&d.random, 1, 3, 100)
	s.Stops = d.random.chance(40)
	return Step{Subscribe: &s}
}

func (d *draw) publish() Step {
	p := Publish{Channel: pick(&d.random, "news", "weather")}
	p.Count = 1 + int(d.random.below(10))
	p.Size = pick(&d.random, 0, 100, 20_000)
	return Step{Publish: &p}
}
