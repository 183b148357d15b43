package coracle

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// pattern gives bytes of which no two stretches are the same. It is made of blocks, each with its number, since the
// race detector makes loops over bytes slow.
func pattern(size int) []byte {
	block := make([]byte, 4096)
	for i := range block {
		block[i] = byte(i) ^ byte(i>>8)*31
	}
	b := make([]byte, 0, size+len(block))
	for n := uint32(0); len(b) < size; n++ {
		binary.LittleEndian.PutUint32(block[100:], n)
		b = append(b, block...)
	}
	return b[:size:size]
}

const (
	largeBytes  = 64 << 20
	smallMemory = 4 << 20
)

// A value of 64 MiB goes through an instance that may have 4 MiB, and has much less.
func TestLargeValueThroughASmallInstance(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithMemoryLimit(smallMemory))
		value := pattern(largeBytes)
		require.NoError(t, c.Do(ctx, "SET", "large", value).Err())
		got, err := c.Do(ctx, "GET", "large").Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
		require.LessOrEqual(t, c.Stats().MemoryPeak, uint64(1<<20))
		require.NotZero(t, c.Stats().MemoryPeak)
	})
}

// Each element of a million is told in the call in which its last byte came: none is kept in the instance.
func TestMillionElementsThroughASmallInstance(t *testing.T) {
	const fill = `for i = 0, 999 do
		local values = {}
		for j = 1, 1000 do values[j] = string.format('element %d', i * 1000 + j - 1) end
		redis.call('RPUSH', KEYS[1], unpack(values))
	end
	return 'OK'`
	url := servertest.Start(t, "valkey-server").URL()
	ctx, c := testContext(t), open(t, url, WithMemoryLimit(smallMemory))
	require.NoError(t, c.Do(ctx, "EVAL", fill, 1, "million").Err())
	elements, err := c.Do(ctx, "LRANGE", "million", 0, -1).Strings()
	require.NoError(t, err)
	require.Len(t, elements, 1_000_000)
	for n, element := range elements {
		if element != "element "+strconv.Itoa(n) {
			t.Fatalf("element %d is %q", n, element)
		}
	}
	require.LessOrEqual(t, c.Stats().MemoryPeak, uint64(1<<20))
}

// Of the buffer that Do was given nothing is read once it has returned.
func TestArgumentsAreTheCallersAgain(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		buffer := make([]byte, 1<<20)
		for i := range 50 {
			copy(buffer, bytes.Repeat([]byte{byte(i)}, len(buffer)))
			require.NoError(t, c.Do(ctx, "SET", "k", buffer).Err())
			clear(buffer)
			got, err := c.Do(ctx, "GETRANGE", "k", len(buffer)-1, -1).Bytes()
			require.NoError(t, err)
			require.Equal(t, []byte{byte(i)}, got)
		}
	})
}

func TestHeldArgumentsAmongSmallOnes(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		args := []any{"MSET"}
		values := map[string][]byte{}
		for i, size := range []int{3, 4096, 4097, 0, 1 << 20, 300_000, 5} {
			key := fmt.Sprint("k", i)
			values[key] = pattern(size)
			args = append(args, key, values[key])
		}
		require.NoError(t, c.Do(ctx, args...).Err())
		for key, value := range values {
			got, err := c.Do(ctx, "GET", key).Bytes()
			require.NoError(t, err)
			require.True(t, bytes.Equal(value, got), key)
		}
		p := c.TxPipeline()
		p.Do("SET", "a", values["k4"])
		p.Do("APPEND", "a", values["k5"])
		_, err := p.Exec(ctx)
		require.NoError(t, err)
		got, err := c.Do(ctx, "GET", "a").Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(append(values["k4"], values["k5"]...), got))
	})
}

// A command that takes many calls into the core.
func TestManyArguments(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		const keys = 100_000
		ctx, c := testContext(t), open(t, url)
		args := make([]any, 1, 1+2*keys)
		args[0] = "MSET"
		for i := range keys {
			args = append(args, fmt.Sprint("key:", i), i)
		}
		require.NoError(t, c.Do(ctx, args...).Err())
		n, err := c.Do(ctx, "DBSIZE").Int64()
		require.NoError(t, err)
		require.EqualValues(t, keys, n)
		last, err := c.Do(ctx, "GET", fmt.Sprint("key:", keys-1)).Int64()
		require.NoError(t, err)
		require.EqualValues(t, keys-1, last)
		for i := range args {
			if i%2 == 1 {
				args[(i+1)/2] = args[i]
			}
		}
		args[0] = "MGET"
		values, err := c.Do(ctx, args[:1+keys]...).Slice()
		require.NoError(t, err)
		require.Len(t, values, keys)
	})
}

// shredded gives what it reads in pieces of sizes that change all the time.
type shredded struct {
	net.Conn
	reads int
}

func (s *shredded) Read(b []byte) (int, error) {
	s.reads++
	return s.Conn.Read(b[:min(len(b), 1+s.reads*s.reads%4999)])
}

// Large and small strings in nested arrays, with messages between the replies, however the input is cut.
func TestNestedReplyInPieces(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		publisher, c := open(t, url), open(t, url, WithDialer(shreddingDialer))
		sub, err := c.Subscribe(ctx, "news")
		require.NoError(t, err)
		messages := sub.Channel()
		large := pattern(1 << 20)
		const script = `return {ARGV[1], {'small', {ARGV[1], 5, {}}, ''}, ARGV[2]}`
		for i := range 10 {
			require.NoError(t, publisher.Do(ctx, "PUBLISH", "news", large[i:100_000]).Err())
			v, err := c.Do(ctx, "EVAL", script, 0, large, "end").Slice()
			require.NoError(t, err)
			require.Len(t, v, 3)
			requireBulk(t, large, v[0])
			inner, err := v[1].Slice()
			require.NoError(t, err)
			requireBulk(t, []byte("small"), inner[0])
			innermost, err := inner[1].Slice()
			require.NoError(t, err)
			requireBulk(t, large, innermost[0])
			require.Zero(t, innermost[2].Len())
			requireBulk(t, nil, inner[2])
			requireBulk(t, []byte("end"), v[2])
			require.Equal(t, string(large[i:100_000]), (<-messages).Payload)
		}
	})
}

func requireBulk(t *testing.T, want []byte, v Value) {
	t.Helper()
	got, err := v.Bytes()
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

// Whoever gives up in the middle of a large reply leaves a link that still serves others.
func TestGivingUpInTheMiddleOfALargeReply(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithDialer(shreddingDialer))
		require.NoError(t, c.Do(ctx, "SET", "large", pattern(2<<20)).Err())
		require.NoError(t, c.Do(ctx, "SET", "small", "v").Err())
		gaveUp := 0
		for i := range 10 {
			short, cancel := context.WithTimeout(ctx, time.Duration(i)*time.Millisecond/2)
			if err := c.Do(short, "GET", "large").Err(); err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				gaveUp++
			}
			cancel()
			text, err := c.Do(ctx, "GET", "small").Text()
			require.NoError(t, err)
			require.Equal(t, "v", text)
		}
		require.NotZero(t, gaveUp)
	})
}

// Strings that the core reads whole, up to a size of the caller's choice.
func TestPassAboveManyBytes(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url, WithLimits(Limits{PassAbove: 4 << 20}))
		value := pattern(3 << 20)
		require.NoError(t, c.Do(ctx, "SET", "k", value).Err())
		got, err := c.Do(ctx, "GET", "k").Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
	})
}
