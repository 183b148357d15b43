package component_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
)

// requireRefused demands an error that says where: malformed or unsupported, at an offset within the bytes.
func requireRefused(t testing.TB, err error, size int) {
	var decode *component.DecodeError
	var unsupported *component.UnsupportedError
	offset, said := -1, ""
	switch {
	case errors.As(err, &decode):
		offset, said = decode.Offset, decode.Message
	case errors.As(err, &unsupported):
		offset, said = unsupported.Offset, unsupported.Feature
	}
	// Plain comparisons: this runs for each byte of each fixture.
	if offset < 0 || offset > size || said == "" || !strings.Contains(err.Error(), "offset 0x") {
		t.Fatalf("an error that does not say where or what: %v", err)
	}
}

// sectionEnds gives where the sections of a component end: cut there it may still be one.
func sectionEnds(t testing.TB, binary []byte) []int {
	ends := []int{8}
	for at := 8; at < len(binary); {
		size, shift := 0, 0
		for at++; ; at++ {
			size |= int(binary[at]&0x7f) << shift
			shift += 7
			if binary[at]&0x80 == 0 {
				break
			}
		}
		at += 1 + size
		ends = append(ends, at)
	}
	require.Equal(t, len(binary), ends[len(ends)-1])
	return ends
}

func TestTruncatedAtEveryByte(t *testing.T) {
	for _, fixture := range fixtures {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			whole := read(t, fixture)
			ends := sectionEnds(t, whole)
			full, err := component.Decode(whole)
			require.NoError(t, err)
			for n := range whole {
				c, err := component.Decode(whole[:n:n])
				if err != nil {
					requireRefused(t, err, n)
					continue
				}
				require.True(t, slices.Contains(ends, n), "cut at %#x was taken", n)
				require.LessOrEqual(t, len(c.Exports()), len(full.Exports()))
			}
		})
	}
}

// flips is how many mutants of each fixture are tried.
const flips = 1000

func TestFlippedBytes(t *testing.T) {
	for n, fixture := range fixtures {
		t.Run(fixture, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			rt, err := component.NewRuntime(ctx, component.RuntimeConfig{Interpreter: true})
			require.NoError(t, err)
			defer func() { require.NoError(t, rt.Close(ctx)) }()
			random := rand.New(rand.NewPCG(1, uint64(n)))
			whole := read(t, fixture)
			refused := 0
			for range flips {
				mutant := mutate(random, whole)
				c, err := component.Decode(mutant)
				if err != nil {
					requireRefused(t, err, len(mutant))
					refused++
				} else if random.IntN(10) == 0 {
					// Code in core modules is wazero's to refuse.
					if compiled, err := rt.Compile(ctx, c); err == nil {
						require.NoError(t, compiled.Close(ctx))
					}
				}
			}
			require.NotZero(t, refused)
		})
	}
}

func mutate(random *rand.Rand, whole []byte) []byte {
	mutant := slices.Clone(whole)
	for range 1 + random.IntN(3) {
		mutant[random.IntN(len(mutant))] ^= byte(1 + random.IntN(255))
	}
	return mutant
}

func FuzzDecode(f *testing.F) {
	for _, fixture := range fixtures {
		f.Add(read(f, fixture))
	}
	for _, c := range refusedComponents {
		f.Add(c.binary)
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		before := allocated()
		c, err := component.Decode(binary)
		if used := allocated() - before; used > decodeBytes(len(binary)) {
			t.Fatalf("%d bytes were allocated for a component of %d", used, len(binary))
		}
		if err != nil {
			requireRefused(t, err, len(binary))
			return
		}
		for _, x := range append(c.Imports(), c.Exports()...) {
			_ = x.String()
		}
	})
}
