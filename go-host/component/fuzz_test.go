package component_test

import (
	"context"
	"errors"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// FuzzLink mutates how components are put together, then runs what is left of them: an error is fine; a panic, a hang
// and memory without bound are not. Code in core modules stays as it is: a loop in it could not be stopped.
func FuzzLink(f *testing.F) {
	for n := range fixtures {
		f.Add(uint8(n), []byte{})
		f.Add(uint8(n), []byte{0, 40, 1, 1, 0, 2, 0, 90, 3})
	}
	var wholes [][]byte
	for _, fixture := range fixtures {
		wholes = append(wholes, read(f, fixture))
	}
	ctx := context.Background()
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{Interpreter: true})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, rt.Close(ctx)) })
	f.Fuzz(func(t *testing.T, n uint8, edits []byte) {
		whole := wholes[int(n)%len(wholes)]
		// A test that hangs says nothing; one that panics leaves its input.
		watchdog := time.AfterFunc(20*time.Second, func() { panic("a mutated component hangs") })
		defer watchdog.Stop()
		before := allocated()
		link(t, rt, mutateAround(whole, edits))
		if used := allocated() - before; used > 64<<20+100*uint64(len(whole)) {
			t.Fatalf("%d bytes were allocated for a component of %d", used, len(whole))
		}
	})
}

// mutateAround changes bytes outside of core modules: each edit is a place in two bytes, and what to add to it.
func mutateAround(whole, edits []byte) []byte {
	var places []int
	ends := []int{8}
	for at := 8; at < len(whole); {
		id, start := whole[at], at
		size, shift := 0, 0
		for at++; ; at++ {
			size |= int(whole[at]&0x7f) << shift
			shift += 7
			if whole[at]&0x80 == 0 {
				break
			}
		}
		at += 1 + size
		ends = append(ends, at)
		// A nested component may hold core modules too.
		if id != 1 && id != 4 {
			for place := start; place < at; place++ {
				places = append(places, place)
			}
		}
	}
	mutant := append([]byte(nil), whole...)
	for ; len(edits) >= 3; edits = edits[3:] {
		mutant[places[(int(edits[0])<<8|int(edits[1]))%len(places)]] += edits[2]
	}
	return mutant
}

// link does with a component all that can be done with one.
func link(t *testing.T, rt *component.Runtime, mutant []byte) {
	ctx := context.Background()
	c, err := component.Decode(mutant)
	if err != nil {
		requireRefused(t, err, len(mutant))
		return
	}
	compiled, err := rt.Compile(ctx, c)
	if err != nil {
		return
	}
	defer func() { require.NoError(t, compiled.Close(ctx)) }()
	for _, export := range c.Exports() {
		i, err := compiled.Instantiate(ctx, rawImports(c, new([]wit.Value)), component.Config{MemoryLimitBytes: 4 << 20})
		if err != nil {
			return
		}
		callOnce(t, i, export)
		require.NoError(t, i.Close(ctx))
	}
}

// callOnce calls an export with the smallest arguments; what it gives back has to be of its type.
func callOnce(t *testing.T, i *component.Instance, export component.Extern) {
	f, err := i.Func(export.Interface, export.Function)
	if err != nil {
		return
	}
	var args []wit.Value
	for _, p := range export.Type.Params {
		args = append(args, smallest(p.Type))
	}
	result, err := f.Call(context.Background(), args...)
	if err == nil {
		require.NoError(t, result.Fits(export.Type.Result))
	} else if !errors.Is(err, component.ErrTrapped) {
		require.NotErrorIs(t, err, component.ErrBusy)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// smallest gives a value of a plain type; of others none, which is an error of the argument.
func smallest(t *wit.Type) wit.Value {
	switch t.Kind() {
	case wit.KindU32:
		return wit.U32(0)
	case wit.KindU64:
		return wit.U64(0)
	case wit.KindString:
		return wit.String("s")
	case wit.KindList:
		return wit.List()
	default:
		return wit.Value{}
	}
}
