package component_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
)

// decodeBytes bounds what Decode may allocate for a binary, whatever is in it: what small ones unfold to, and then so
// much a byte. FuzzDecode demands the same.
func decodeBytes(size int) uint64 { return 128<<20 + 1000*uint64(size) }

// leb writes a number.
func leb(n int) (b []byte) {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// counted is a vector of n times the same.
func counted(n int, entry func(i int) []byte) []byte {
	all := leb(n)
	for i := range n {
		all = append(all, entry(i)...)
	}
	return all
}

// large is a section of any size.
func large(id byte, body []byte) []byte { return join([]byte{id}, leb(len(body)), body) }

func numbered(i int) []byte { return text(fmt.Sprintf("l%d", i)) }

// often instantiates a component a million times, as far as that is allowed.
func often(inner []byte) []byte {
	for range 3 {
		inner = bin(large(4, inner), large(5, counted(100, func(int) []byte { return []byte{0, 0, 0} })))
	}
	return inner
}

func TestWhatSmallBinariesUnfoldToIsBounded(t *testing.T) {
	many := func(head []byte, entry func(i int) []byte) []byte { return join(head, counted(4000, entry)) }
	plain := func(i int) []byte { return join(numbered(i), []byte{0x79}) }
	for what, inner := range map[string][]byte{
		"nothing": bin(),
		"an enum": bin(large(7, many([]byte{1, 0x6d}, numbered))),
		"labels":  bin(large(7, join([]byte{1, 0x6d, 1}, long(1000)))),
		"records": bin(large(7, many([]byte{1, 0x72}, plain))),
		"tuples":  bin(large(7, many([]byte{1, 0x6f}, func(int) []byte { return []byte{0x79} }))),
		"variants": bin(large(7, many([]byte{1, 0x71}, func(i int) []byte {
			return join(numbered(i), []byte{1, 0x79, 0})
		}))),
		"flags":      bin(vec(7, join([]byte{0x6e, 32}, manyLabels(32)))),
		"parameters": bin(large(7, join(many([]byte{1, 0x40}, plain), []byte{1, 0}))),
		"types":      bin(large(7, many(nil, func(int) []byte { return []byte{0x79} }))),
		"instance types": bin(large(7, many([]byte{2, 0x79, 0x42}, func(i int) []byte {
			if i == 0 {
				return []byte{2, 3, 2, 1, 0}
			}
			return join([]byte{4, 0}, numbered(i), []byte{3, 0, 0})
		}))),
		"items":       bin(vec(7, []byte{0x79}), large(5, many([]byte{1, 1}, func(i int) []byte { return join([]byte{0}, numbered(i), []byte{3, 0}) }))),
		"core items":  bin(linked, large(2, many([]byte{1, 1}, func(i int) []byte { return join(numbered(i), []byte{0, 0}) }))),
		"core values": bin(identity, instantiated, large(2, many([]byte{1, 0, 0}, func(i int) []byte { return join(numbered(i), []byte{0x12, 0}) }))),
	} {
		t.Run(what, func(t *testing.T) {
			before := allocated()
			_, err := component.Decode(often(inner))
			t.Logf("%d MiB", (allocated()-before)>>20)
			require.Less(t, allocated()-before, decodeBytes(len(inner)))
			requireRefused(t, err, 1<<20)
			require.ErrorContains(t, err, "too much work")
		})
	}
}

// inOneAnother is a row of instance types, each of which exports the one before twice, as what sort says: 3 is a type,
// 5 an instance. The first of them exports a type by its index.
func inOneAnother(depth, first, typ int, sort byte, name string) (types [][]byte) {
	exported := func(name string, sort byte) []byte {
		return join([]byte{4, 0}, leb(len(name)), []byte(name), []byte{sort})
	}
	for n := range depth {
		index, sort := typ, sort
		if n > 0 {
			index = first + n - 1
		} else {
			sort = 3
		}
		bound := []byte{}
		if sort == 3 {
			bound = []byte{0}
		}
		types = append(types, join([]byte{0x42, 3, 2, 3, 2, 1}, leb(index),
			exported(name+"-a", sort), bound, []byte{0}, exported(name+"-b", sort), bound, []byte{0}))
	}
	return types
}

func TestInstancesAreNotNestedWithoutEnd(t *testing.T) {
	for _, sort := range []byte{3, 5} {
		fine := bin(large(7, join(leb(102), []byte{0x79}, join(inOneAnother(101, 1, 0, sort, "x")...))))
		_, err := component.Decode(fine)
		require.NoError(t, err)
		deep := bin(large(7, join(leb(103), []byte{0x79}, join(inOneAnother(102, 1, 0, sort, "x")...))))
		_, err = component.Decode(deep)
		requireRefused(t, err, len(deep))
		require.ErrorContains(t, err, "nested deeper than 100")
	}
}

// TestTypesThatDifferDeepInside has types that differ in the innermost of what they export, each level twice.
func TestTypesThatDifferDeepInside(t *testing.T) {
	name := strings.Repeat("n", 1000)
	for _, sort := range []byte{3, 5} {
		types := join([]byte{0x79, 0x7a}, join(inOneAnother(80, 2, 0, sort, name)...), join(inOneAnother(80, 82, 1, sort, name)...))
		binary := bin(large(7, join(leb(162), types)), vec(11, join(extern("e"), []byte{3}, leb(81), []byte{1, 3, 0}, leb(161))))
		before := allocated()
		_, err := component.Decode(binary)
		requireRefused(t, err, len(binary))
		require.Less(t, allocated()-before, uint64(16<<20))
		require.ErrorContains(t, err, `export "e": export "`+name+`-a": type s32 is wanted, given is u32`)
		require.Less(t, len(err.Error()), 2000)
	}
}

func TestImportErrorsAreFew(t *testing.T) {
	const n = 2000
	iface := strings.Repeat("i", 1000)
	functions := counted(2*n, func(i int) []byte {
		if i%2 == 0 {
			return []byte{1, 0x40, 0, 1, 0}
		}
		return join([]byte{4, 0}, numbered(i), []byte{1}, leb(i/2))
	})
	binary := bin(large(7, join([]byte{1, 0x42}, functions)), large(10, join([]byte{1, 0}, leb(len(iface)), []byte(iface), []byte{5, 0})))
	c, err := component.Decode(binary)
	require.NoError(t, err)
	ctx := context.Background()
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{Interpreter: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	compiled, err := rt.Compile(ctx, c)
	require.NoError(t, err)
	_, err = compiled.Instantiate(ctx, nil, component.Config{})
	var missing *component.ImportError
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, err, "and 1990 more imports")
	require.Less(t, len(err.Error()), 12_000)
}
