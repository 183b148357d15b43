package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

const (
	memoryLimit = 16 << 20
	// least is how long a measurement takes at least.
	least = 300 * time.Millisecond
	// calls is how many calls are timed together.
	calls = 64
	link  = 1
)

// cost is what one command took.
type cost struct{ nanoseconds, allocations float64 }

// meter adds up what stretches of work took.
type meter struct {
	took  time.Duration
	count uint64
	units int
}

func (m *meter) time(units int, work func() error) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := work()
	m.took += time.Since(start)
	runtime.ReadMemStats(&after)
	m.count += after.Mallocs - before.Mallocs
	m.units += units
	return err
}

func (m *meter) cost() cost {
	return cost{float64(m.took.Nanoseconds()) / float64(m.units), float64(m.count) / float64(m.units)}
}

func settings() core.Settings {
	return core.Settings{
		Endpoints: []core.Endpoint{{Host: "nowhere", Port: 1}}, RESP2: true, ConnectTimeout: 1_000_000,
		QuietAfter: math.MaxUint64, IdleTimeout: math.MaxUint64,
		Limits: core.Limits{
			Queued: 16384, QueuedBytes: 256 << 20, Inflight: 16384, InflightBytes: 256 << 20, Links: 64, Depth: 64,
			Elements: 1 << 32, ReplyBytes: 1 << 40, HoldAbove: 4096, PassAbove: 16384,
		},
	}
}

// ready makes an instance that has its link; the buffer for what it sends is used again and again.
func ready(ctx context.Context, module *core.Module) (*core.Instance, error) {
	buffer := make([]byte, 0, 1<<20)
	i, err := module.Instantiate(ctx, core.Config{
		MemoryLimit: memoryLimit, Buffer: func(int) []byte { return buffer[:0] },
	})
	if err != nil {
		return nil, err
	}
	if _, err := i.Configure(0, settings()); err != nil {
		return nil, err
	}
	_, err = i.Opened(0, link, nil)
	return i, err
}

func measureBoundary(ctx context.Context, r report) error {
	module, err := core.Load(ctx, nil, core.Cache{})
	if err != nil {
		return err
	}
	r.line("compile", module.CompileTime().Seconds()*1e3, "ms")
	if err := measureInstantiate(ctx, r, module); err != nil {
		return err
	}
	i, err := ready(ctx, module)
	if err != nil {
		return err
	}
	var empty meter
	for empty.took < least {
		if err := empty.time(calls, func() error { return repeat(func() error { _, err := i.Elapsed(1, nil); return err }) }); err != nil {
			return err
		}
	}
	r.cost("an empty call", empty.cost())
	for _, size := range []int{64, 1024} {
		for _, batch := range []int{1, 10, 100} {
			if err := measureBatch(r, i, batch, size); err != nil {
				return err
			}
		}
	}
	r.line("memory of the instance after that", float64(i.MemorySize())/1024, "KiB")
	return i.Close(ctx)
}

func repeat(call func() error) error {
	for range calls {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

func measureInstantiate(ctx context.Context, r report, module *core.Module) error {
	var m meter
	for m.took < least {
		var i *core.Instance
		err := m.time(1, func() (err error) { i, err = ready(ctx, module); return err })
		if err != nil {
			return err
		}
		if err := i.Close(ctx); err != nil {
			return err
		}
	}
	r.line("instantiate and configure", m.cost().nanoseconds/1e3, "µs")
	return nil
}

// columns are those of a batch of SETs.
func columns(batch, size int) (rows []uint64, lengths []uint32, data []byte) {
	value := bytes.Repeat([]byte("v"), size)
	for n := range batch {
		rows = append(rows, uint64(n+1), wire.Never, 3, 3<<32)
		lengths = append(lengths, 3, 3, uint32(size))
		data = append(append(data, "SETkey"...), value...)
	}
	return rows, lengths, data
}

func measureBatch(r report, i *core.Instance, batch, size int) error {
	rows, lengths, data := columns(batch, size)
	replies := bytes.Repeat([]byte("+OK\r\n"), batch)
	var id uint64
	submit := func() error {
		for n := range batch {
			id++
			rows[4*n] = id
		}
		p, err := i.Submit(1, rows, lengths, data)
		if err == nil && int(p.Accepted) != batch {
			err = fmt.Errorf("%d of %d rows were accepted", p.Accepted, batch)
		}
		return err
	}
	answer := func() error {
		p, err := i.Received(1, link, 0, replies)
		if err == nil && len(p.Events) != batch*wire.EventWords {
			err = fmt.Errorf("%d of %d replies came", len(p.Events)/wire.EventWords, batch)
		}
		return err
	}
	var commands, answers meter
	for commands.took < least {
		if err := commands.time(calls*batch, func() error { return repeat(submit) }); err != nil {
			return err
		}
		if err := answers.time(calls*batch, func() error { return repeat(answer) }); err != nil {
			return err
		}
	}
	r.cost(fmt.Sprintf("a command, batch of %d, %d B", batch, size), commands.cost())
	r.cost(fmt.Sprintf("its reply, batch of %d, %d B", batch, size), answers.cost())
	return nil
}
