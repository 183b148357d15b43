package component_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	. "github.com/coracle-client/coracle/go-host/component/wit"
)

const (
	source = "fixture:raw/source@1.0.0"
	sink   = "fixture:raw/sink@1.0.0"
)

// memoryBytes is the memory the raw fixture starts with.
const memoryBytes = 1 << 16

// rawImports takes whatever the raw fixture hands over.
func rawImports(c *component.Component, saw *[]Value) *component.Imports {
	imports := component.NewImports()
	for _, f := range c.Imports() {
		imports.Func(f.Interface, f.Function, "", func(_ context.Context, call *component.HostCall) error {
			*saw = nil
			for n := range call.Len() {
				*saw = append(*saw, call.Value(n))
			}
			switch f.Function {
			case "take-bool":
				return call.ReturnBool(call.Bool(0))
			case "give-pair":
				return call.Return(Tuple(U64(1), U64(2)))
			case "give-text":
				return call.ReturnBytes([]byte("text"))
			default:
				return nil
			}
		})
	}
	return imports
}

func raw(t testing.TB) func(*[]Value) *component.Instance {
	compiled := compile(t, "raw")
	return func(saw *[]Value) *component.Instance {
		i, err := compiled.Instantiate(context.Background(), rawImports(compiled.Component(), saw), component.Config{})
		require.NoError(t, err)
		require.Equal(t, uint64(memoryBytes), i.MemorySize())
		return i
	}
}

// poke writes words into the guest's memory.
func poke(t testing.TB, i *component.Instance, at uint32, words ...uint32) {
	t.Helper()
	f := function(t, i, source, "poke")
	for n, w := range words {
		_, err := f.Call(context.Background(), U32(at+uint32(n)*4), U32(w))
		require.NoError(t, err)
	}
}

func TestBitsThatAreValues(t *testing.T) {
	var saw []Value
	i := raw(t)(&saw)
	const at = memoryBytes - 64
	poke(t, i, at, 0x64636261, 2)
	for _, c := range []struct {
		name string
		args []Value
		want Value
	}{
		{"give-bool", []Value{U32(0)}, Bool(false)},
		{"give-bool", []Value{U32(256)}, Bool(true)},
		{"give-u8", []Value{U32(0x1ff)}, U8(255)},
		{"give-s16", []Value{U32(0x1ffff)}, S16(-1)},
		{"give-char", []Value{U32(0x10ffff)}, Char(0x10ffff)},
		{"give-color", []Value{U32(2)}, Enum("blue")},
		{"give-string", []Value{U32(at), U32(4)}, String("abcd")},
		{"give-string", []Value{U32(memoryBytes), U32(0)}, String("")},
		{"give-words", []Value{U32(at), U32(1)}, List(U64(2<<32 | 0x64636261))},
		{"give-words", []Value{U32(memoryBytes), U32(0)}, List()},
		{"give-pair", []Value{U32(memoryBytes - 16)}, Tuple(U64(0), U64(0))},
		{"pass-bool", []Value{U32(256)}, Bool(true)},
	} {
		got, err := call(t, i, source, c.name, c.args...)
		require.NoError(t, err, c.name)
		require.True(t, c.want.Equal(got), "%s: %s", c.name, got)
	}
	_, err := call(t, i, source, "pass-text", U32(at))
	require.NoError(t, err)
	_, err = call(t, i, source, "pass-many", U32(memoryBytes-17*8))
	require.NoError(t, err)
	require.Len(t, saw, 17)
}

// TestBitsThatAreNoValues has the guest break each rule of lifting, as a result and as an import's argument.
func TestBitsThatAreNoValues(t *testing.T) {
	fresh := raw(t)
	const at = memoryBytes - 64
	for _, c := range []struct {
		rule, name string
		args       []uint32
		memory     []uint32
		message    string
	}{
		{"char too large", "give-char", []uint32{0x110000}, nil, "not a Unicode scalar value"},
		{"surrogate", "give-char", []uint32{0xd800}, nil, "not a Unicode scalar value"},
		{"surrogate", "pass-char", []uint32{0xdfff}, nil, "not a Unicode scalar value"},
		{"no such case", "give-color", []uint32{3}, nil, "discriminant out of range: 3 of 3"},
		{"no such case", "pass-color", []uint32{0xffffffff}, nil, "discriminant out of range"},
		{"no such case in memory", "give-shape", []uint32{at}, []uint32{3}, "discriminant out of range: 3 of 3"},
		{"no such case in registers", "pass-shape", []uint32{3, 0, 0}, nil, "discriminant out of range"},
		{"bad payload in memory", "give-shape", []uint32{at}, []uint32{2, memoryBytes, 1}, "invalid range"},
		{"bad payload in registers", "pass-shape", []uint32{2, memoryBytes, 1}, nil, "invalid range"},
		{"result misaligned", "give-shape", []uint32{at + 1}, nil, "not aligned"},
		{"result misaligned", "give-pair", []uint32{at + 4}, nil, "not aligned to 8"},
		{"result out of bounds", "give-pair", []uint32{memoryBytes - 8}, nil, "the memory has"},
		{"result wraps around", "give-pair", []uint32{0xfffffff8}, nil, "the memory has"},
		{"string out of bounds", "give-string", []uint32{memoryBytes - 1, 2}, nil, "the memory has"},
		{"string wraps around", "give-string", []uint32{0xffffffff, 2}, nil, "the memory has"},
		{"empty string out of bounds", "give-string", []uint32{memoryBytes + 1, 0}, nil, "the memory has"},
		{"string too long", "give-string", []uint32{0, 1 << 28}, nil, "the canonical ABI allows"},
		{"string not UTF-8", "give-string", []uint32{at, 2}, []uint32{0xff}, "not UTF-8"},
		{"string not UTF-8", "pass-string", []uint32{at, 2}, []uint32{0xff}, "not UTF-8"},
		{"string out of bounds", "pass-string", []uint32{at, memoryBytes}, nil, "the memory has"},
		{"list misaligned", "give-words", []uint32{at + 4, 1}, nil, "not aligned to 8"},
		{"empty list misaligned", "give-words", []uint32{at + 4, 0}, nil, "not aligned to 8"},
		{"list out of bounds", "give-words", []uint32{memoryBytes - 8, 2}, nil, "the memory has"},
		{"list's size overflows", "give-words", []uint32{0, 1 << 29}, nil, "the canonical ABI allows"},
		{"list misaligned", "pass-words", []uint32{at + 4, 1}, nil, "not aligned to 8"},
		{"list out of bounds", "pass-words", []uint32{0, 1 << 20}, nil, "the memory has"},
		{"bad element", "give-strings", []uint32{at, 1}, []uint32{memoryBytes, 1}, "the memory has"},
		{"bad element", "pass-strings", []uint32{at, 1}, []uint32{memoryBytes, 1}, "the memory has"},
		{"parameters misaligned", "pass-many", []uint32{4}, nil, "not aligned to 8"},
		{"parameters out of bounds", "pass-many", []uint32{memoryBytes - 8}, nil, "the memory has"},
		{"result pointer misaligned", "pass-pair", []uint32{4}, nil, "not aligned to 8"},
		{"result pointer out of bounds", "pass-pair", []uint32{memoryBytes - 8}, nil, "the memory has"},
		{"post-return traps", "give-cursed", nil, nil, "post-return"},
		{"post-return calls an import", "give-leaver", nil, nil, "only to allocate or free"},
	} {
		t.Run(c.rule+" "+c.name, func(t *testing.T) {
			var saw []Value
			i := fresh(&saw)
			poke(t, i, at, c.memory...)
			args := make([]Value, len(c.args))
			for n, a := range c.args {
				args[n] = U32(a)
			}
			_, err := call(t, i, source, c.name, args...)
			requireTrap(t, i, err)
			require.ErrorContains(t, err, c.message)
			require.Nil(t, saw, "the handler ran")
		})
	}
}

// requireTrap demands that err is a trap and i poisoned by it.
func requireTrap(t *testing.T, i *component.Instance, err error) {
	t.Helper()
	var trap *component.TrapError
	require.ErrorAs(t, err, &trap)
	require.ErrorIs(t, err, component.ErrTrapped)
	require.NotErrorIs(t, err, component.ErrPoisoned)
	require.ErrorIs(t, i.Poisoned(), component.ErrPoisoned)
	require.ErrorIs(t, i.Poisoned(), trap)
	for _, x := range []string{driver, source} {
		for _, name := range []string{"empty", "give-bool"} {
			f, findErr := i.Func(x, name)
			if findErr != nil {
				continue
			}
			call := f.NewCall()
			if name == "give-bool" {
				call.SetU32(0, 1)
			}
			again := call.Invoke(context.Background())
			require.ErrorIs(t, again, component.ErrPoisoned)
			require.ErrorIs(t, again, component.ErrTrapped)
		}
	}
	require.NoError(t, i.Close(context.Background()))
	require.NoError(t, i.Close(context.Background()))
}

func TestReallocThatFails(t *testing.T) {
	fresh := raw(t)
	for mode, message := range map[uint32]string{
		1: "realloc gave null", 2: "not aligned to 8", 3: "the memory has", 4: "only to allocate or free", 5: "unreachable",
	} {
		var saw []Value
		i := fresh(&saw)
		_, err := call(t, i, source, "realloc", U32(mode))
		require.NoError(t, err)
		_, err = call(t, i, source, "accept-words", List(U64(1)))
		requireTrap(t, i, err)
		require.ErrorContains(t, err, message)
	}
	for _, mode := range []uint32{1, 3, 4, 5} {
		var saw []Value
		i := fresh(&saw)
		_, err := call(t, i, source, "realloc", U32(mode))
		require.NoError(t, err)
		_, err = call(t, i, source, "pass-text", U32(memoryBytes-64))
		requireTrap(t, i, err)
	}
}

// TestResultLoweringCantBeHidden has a handler that drops the error of a failed lowering.
func TestResultLoweringCantBeHidden(t *testing.T) {
	compiled := compile(t, "raw")
	var saw []Value
	imports := component.NewImports()
	for _, f := range compiled.Component().Imports() {
		imports.Func(f.Interface, f.Function, "", func(_ context.Context, call *component.HostCall) error {
			if f.Function == "give-text" {
				_ = call.ReturnBytes([]byte("text"))
			}
			return nil
		})
	}
	i, err := compiled.Instantiate(context.Background(), imports, component.Config{})
	require.NoError(t, err)
	_, err = call(t, i, source, "realloc", U32(1))
	require.NoError(t, err)
	_, err = call(t, i, source, "pass-text", U32(memoryBytes-64))
	requireTrap(t, i, err)
	require.Nil(t, saw)
}

// TestOverlappingListsAreBounded has strings that all lie in the same place.
func TestOverlappingListsAreBounded(t *testing.T) {
	var saw []Value
	i := raw(t)(&saw)
	// The length's own bytes are UTF-8 too, since the strings hold the list.
	const at, length, few = 16384, 0xbfc2, 0xf00
	const many = (memoryBytes - at) / 8
	words := make([]uint32, 2*many)
	for n := range many {
		words[2*n+1] = length
	}
	poke(t, i, at, words...)
	ctx := context.Background()
	call := function(t, i, source, "give-strings").NewCall()
	call.SetU32(0, at)
	call.SetU32(1, few)
	require.NoError(t, call.Invoke(ctx))
	require.Equal(t, few, call.Result().Len())
	require.NoError(t, call.Done(ctx))
	call.SetU32(1, many)
	err := call.Invoke(ctx)
	requireTrap(t, i, err)
	require.ErrorContains(t, err, "too large")
}

var errHost = errors.New("host failed")

func TestHostFunctionsThatMisbehave(t *testing.T) {
	compiled := compile(t, "hot")
	for name, c := range map[string]struct {
		handler component.HostFunc
		message string
	}{
		"fails":             {func(context.Context, *component.HostCall) error { return errHost }, "host failed"},
		"panics":            {func(context.Context, *component.HostCall) error { panic("oops") }, "oops"},
		"panics with error": {func(context.Context, *component.HostCall) error { panic(errHost) }, "host failed"},
		"reads another kind": {func(_ context.Context, c *component.HostCall) error {
			return c.ReturnU32(uint32(c.U64(0)))
		}, "u32 read as u64"},
		"reads beyond":  {func(_ context.Context, c *component.HostCall) error { return c.ReturnU32(c.U32(1)) }, "out of range"},
		"gives nothing": {func(context.Context, *component.HostCall) error { return nil }, "gave no result"},
		"gives twice": {func(_ context.Context, c *component.HostCall) error {
			return errors.Join(c.ReturnU32(1), c.ReturnU32(1))
		}, "result twice"},
		"gives another kind":  {func(_ context.Context, c *component.HostCall) error { return c.ReturnU64(1) }, "does not fit"},
		"gives another value": {func(_ context.Context, c *component.HostCall) error { return c.Return(Bool(true)) }, "does not fit"},
		"gives bytes":         {func(_ context.Context, c *component.HostCall) error { return c.ReturnBytes(nil) }, "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			imports := component.NewImports().Func(network, "poke", "func(n: u32) -> u32", c.handler)
			nothing := func(context.Context, *component.HostCall) error { return nil }
			imports.Func(network, "send", "", nothing).Func(network, "give", "", nothing)
			i, err := compiled.Instantiate(context.Background(), imports, component.Config{})
			require.NoError(t, err)
			_, err = call(t, i, driver, "poke", U32(1))
			requireTrap(t, i, err)
			require.ErrorContains(t, err, c.message)
			if c.message == errHost.Error() {
				require.ErrorIs(t, err, errHost)
			}
		})
	}
}
