package coracle

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What servers say in both protocols is what the accessors for it take.
func TestRecordsOfBothProtocols(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		for _, protocol := range []string{"2", "3"} {
			ctx, c := testContext(t), open(t, url+"?protocol="+protocol)
			require.NoError(t, c.Do(ctx, "FLUSHALL").Err())

			require.NoError(t, c.Do(ctx, "ZADD", "z", 1.5, "a", -2, "b", 3, "c").Err())
			want := []Z{{Score: -2, Member: "b"}, {Score: 1.5, Member: "a"}, {Score: 3, Member: "c"}}
			got, err := c.Do(ctx, "ZRANGE", "z", 0, -1, "WITHSCORES").ZSlice()
			require.NoError(t, err)
			require.Equal(t, want, got)
			for at, pop := range [][]any{{"ZPOPMIN", "z"}, {"ZPOPMIN", "z", 1}, {"ZRANDMEMBER", "z", 1, "WITHSCORES"}} {
				got, err = c.Do(ctx, pop...).ZSlice()
				require.NoError(t, err)
				require.Equal(t, want[at:at+1], got)
			}

			for _, id := range []string{"1-0", "2-0"} {
				require.NoError(t, c.Do(ctx, "XADD", "s", id, "name", "Ada", "of", id).Err())
			}
			messages := []XMessage{
				{ID: "1-0", Values: map[string]string{"name": "Ada", "of": "1-0"}},
				{ID: "2-0", Values: map[string]string{"name": "Ada", "of": "2-0"}},
			}
			entries, err := c.Do(ctx, "XRANGE", "s", "-", "+").XMessages()
			require.NoError(t, err)
			require.Equal(t, messages, entries)
			streams, err := c.Do(ctx, "XREAD", "COUNT", 2, "STREAMS", "s", "none", 0, 0).XStreams()
			require.NoError(t, err)
			require.Equal(t, []XStream{{Stream: "s", Messages: messages}}, streams)
			_, err = c.Do(ctx, "XREAD", "STREAMS", "s", "$").XStreams()
			require.ErrorIs(t, err, Nil)

			require.NoError(t, c.Do(ctx, "XGROUP", "CREATE", "s", "g", 0).Err())
			require.NoError(t, c.Do(ctx, "XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", ">").Err())
			require.NoError(t, c.Do(ctx, "XDEL", "s", "1-0").Err())
			streams, err = c.Do(ctx, "XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", 0).XStreams()
			require.NoError(t, err)
			require.Equal(t, []XStream{{Stream: "s", Messages: []XMessage{{ID: "1-0"}, messages[1]}}}, streams)
			err = c.Do(ctx, "XGROUP", "CREATE", "s", "g", 0).Err()
			var server *ServerError
			require.ErrorAs(t, err, &server)
			require.Equal(t, "BUSYGROUP", server.Code())

			require.NoError(t, c.Do(ctx, "HSET", "h", "name", "Ada", "age", 36).Err())
			var person struct {
				Name string `redis:"name"`
				Age  int    `redis:"age"`
			}
			require.NoError(t, c.Do(ctx, "HGETALL", "h").Scan(&person))
			require.Equal(t, "Ada", person.Name)
			require.Equal(t, 36, person.Age)
			require.ErrorAs(t, c.Do(ctx, "HGETALL", "s").Scan(&person), &server)
		}
	})
}

func TestPipelined(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx, c := testContext(t), open(t, url)
		session, err := c.Session(ctx)
		require.NoError(t, err)
		defer func() { require.NoError(t, session.Close()) }()
		fill := func(p *Pipeline) error {
			p.Do("INCR", "n")
			p.Do("INCR", "n")
			return nil
		}
		for at, pipelined := range []func() ([]*Reply, error){
			func() ([]*Reply, error) { return c.Pipelined(ctx, fill) },
			func() ([]*Reply, error) { return c.TxPipelined(ctx, fill) },
			func() ([]*Reply, error) { return session.Pipelined(ctx, fill) },
			func() ([]*Reply, error) { return session.TxPipelined(ctx, fill) },
		} {
			replies, err := pipelined()
			require.NoError(t, err)
			n, err := replies[1].Int64()
			require.NoError(t, err)
			require.EqualValues(t, 2*at+2, n)
		}
		half := func(p *Pipeline) error {
			p.Do("INCR", "n")
			p.Do("GET") // refused when it is queued, and all with it
			return nil
		}
		_, err = c.TxPipelined(ctx, half)
		require.Error(t, err)
		_, err = session.TxPipelined(ctx, half)
		require.Error(t, err)
		own := errors.New("own")
		_, err = c.TxPipelined(ctx, func(p *Pipeline) error {
			p.Do("INCR", "n")
			return own
		})
		require.ErrorIs(t, err, own)
		n, err := c.Do(ctx, "GET", "n").Int64()
		require.NoError(t, err)
		require.EqualValues(t, 8, n, "nothing was sent")
	})
}
