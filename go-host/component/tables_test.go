package component_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// growing is a component with one table of this type, which its function f lets grow. It gives back what table.grow
// does: -1 where that is refused.
func growing(table ...byte) []byte {
	return bin(coreModule(
		vec(1, []byte{0x60, 1, 0x7f, 1, 0x7f}),
		vec(3, []byte{0}),
		vec(4, table),
		vec(7, join(text("f"), []byte{0, 0}), join(text("t"), []byte{1, 0})),
		vec(10, []byte{9, 0, 0xd0, 0x70, 0x20, 0, 0xfc, 15, 0, 0x0b}),
	), instantiated, vec(6, join([]byte{0, 0, 1, 0}, text("f"))), vec(7, u32ToU32), lift(0, 0, 0),
		vec(11, join(extern("f"), []byte{1, 0, 0})))
}

func TestTablesGrowWithinBounds(t *testing.T) {
	ctx := context.Background()
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	for what, c := range map[string]struct {
		table []byte
		most  uint32
	}{
		"without a maximum":   {[]byte{0x70, 0, 3}, 20_000},
		"with a larger one":   {[]byte{0x70, 1, 3, 0xff, 0xff, 0xff, 0xff, 0x0f}, 20_000},
		"with a smaller one":  {[]byte{0x70, 1, 3, 7}, 7},
		"as large as allowed": {[]byte{0x70, 0, 0xa0, 0x9c, 1}, 20_000},
	} {
		t.Run(what, func(t *testing.T) {
			decoded, err := component.Decode(growing(c.table...))
			require.NoError(t, err)
			compiled, err := rt.Compile(ctx, decoded)
			require.NoError(t, err)
			i, err := compiled.Instantiate(ctx, nil, component.Config{})
			require.NoError(t, err)
			was, err := call(t, i, "", "f", wit.U32(0))
			require.NoError(t, err)
			room := c.most - uint32(was.Uint())
			refused, err := call(t, i, "", "f", wit.U32(room+1))
			require.NoError(t, err)
			require.Equal(t, ^uint32(0), uint32(refused.Uint()))
			_, err = call(t, i, "", "f", wit.U32(room))
			require.NoError(t, err)
			now, err := call(t, i, "", "f", wit.U32(0))
			require.NoError(t, err)
			require.Equal(t, c.most, uint32(now.Uint()))
		})
	}
}

func TestTablesAreFew(t *testing.T) {
	tables := make([][]byte, 51)
	for n := range tables {
		tables[n] = []byte{0x70, 0, 0}
	}
	one := bin(coreModule(vec2(4, tables...)), instantiated)
	_, err := component.Decode(one)
	require.NoError(t, err)
	nested := bin(section2(4, one), vec(5, []byte{0, 0, 0}))
	_, err = component.Decode(nested)
	require.NoError(t, err, "to validate is not to instantiate")
	two := join(one, instantiated)
	_, err = component.Decode(two)
	requireRefused(t, err, len(two))
	require.ErrorContains(t, err, "more than 100 core tables")
}
