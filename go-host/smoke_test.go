package coracle

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

func TestSmoke(t *testing.T) {
	s := servertest.Start(t, "redis-server")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := Open(ctx, s.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	require.NoError(t, c.Do(ctx, "SET", "k", 5).Err())
	v, err := c.Do(ctx, "GET", "k").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 5, v)
	p := c.Pipeline()
	for i := range 10000 {
		p.Do("SET", fmt.Sprint("k", i), i)
	}
	start := time.Now()
	_, err = p.Exec(ctx)
	require.NoError(t, err)
	t.Log(time.Since(start))
	sub, err := c.Subscribe(ctx, "news")
	require.NoError(t, err)
	n, err := c.Do(ctx, "PUBLISH", "news", "hello").Int64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	m := <-sub.Channel()
	require.Equal(t, &Message{Channel: "news", Payload: "hello"}, m)
	t.Log(c.Stats())
}
