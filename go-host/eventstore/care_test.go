package eventstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

func TestStats(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		ctx := testContext(t)
		stats, err := s.Stats(ctx)
		require.NoError(t, err)
		require.Zero(t, stats.Head)
		mustAppend(t, s, event("A"), event("B"), event("A"))
		_, err = s.Execute(ctx, eventstore.Command{Type: "Do"}, decide(event("C")), eventstore.ExecuteOptions{})
		require.NoError(t, err)
		stats, err = s.Stats(ctx)
		require.NoError(t, err)
		require.Equal(t, [4]uint64{4, 1, 3, 1},
			[4]uint64{stats.Head, stats.Commands, uint64(stats.Types), uint64(stats.Segments)})
		require.NotZero(t, stats.SegmentBytes)
	})
}

func TestTheServersSettingsAreLogged(t *testing.T) {
	onRealServers(t, func(t *testing.T, url string) {
		c := connect(t, url)
		require.NoError(t, c.Do(testContext(t), "CONFIG", "SET", "maxmemory-policy", "allkeys-lru").Err())
		var log bytes.Buffer
		s := openStore(t, c, eventstore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		require.Contains(t, log.String(), "maxmemory-policy")
		warnings, err := s.Inspect(testContext(t))
		require.NoError(t, err)
		for _, w := range warnings {
			require.NotEmpty(t, w.Text)
			require.Contains(t, log.String(), w.About)
		}
	})
}

func TestSettingsThatCantBeAreNamed(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		c := connect(t, url)
		for field, opt := range map[string]eventstore.Option{
			"max-batch-events": eventstore.WithMaxBatch(-1, 1000),
			"page-events":      eventstore.WithPageEvents(1001),
			"scan-budget":      eventstore.WithScanBudget(0),
		} {
			_, err := eventstore.Open(testContext(t), c, "test", opt)
			var invalid *eventstore.ValidationError
			require.ErrorAs(t, err, &invalid, field)
			require.Equal(t, field, invalid.Field)
		}
		_, err := eventstore.Open(testContext(t), c, "two words")
		require.ErrorIs(t, err, eventstore.ErrInvalid)
	})
}

func TestAStoreGoesOutAndComesIn(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		from := openStore(t, c)
		for n := range 20 {
			mustAppend(t, from,
				eventstore.Event{
					Type: "A", Tags: []string{"x:1", "n:<é>"}, Data: []byte("{\"n\":\"<&>\"}\n"), Metadata: []byte{0xff, byte(n)},
				}, event("B"))
		}
		var file bytes.Buffer
		var told []uint64
		count, err := from.Export(ctx, &file, eventstore.All(), func(done, total uint64) { told = append(told, done, total) })
		require.NoError(t, err)
		require.EqualValues(t, 40, count)
		require.Equal(t, []uint64{40, 40}, told[len(told)-2:])

		to, err := eventstore.Open(ctx, c, "other", eventstore.WithMaxBatch(7, 1<<20))
		require.NoError(t, err)
		defer func() { require.NoError(t, to.Close()) }()
		half := strings.Join(strings.SplitAfter(file.String(), "\n")[:14], "")
		done, err := to.Import(ctx, strings.NewReader(half), nil)
		require.NoError(t, err)
		require.Equal(t, eventstore.Imported{Events: 14}, done)
		done, err = to.Import(ctx, &file, nil)
		require.NoError(t, err)
		require.Equal(t, eventstore.Imported{Events: 26, Repeated: 14}, done)
		want := collect(t, from, eventstore.All(), eventstore.ReadOptions{})
		got := collect(t, to, eventstore.All(), eventstore.ReadOptions{})
		require.Len(t, got, len(want))
		for n := range want {
			want[n].Time = got[n].Time
			require.Equal(t, want[n], got[n])
		}
	})
}

func TestLinesThatCantBeReadAreNamed(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		for _, bad := range []string{`{}`, `x`, `{"type":7}`, `{"type":"A","id":"7"}`, `{"type":"A","data_base64":"é"}`} {
			_, err := s.Import(testContext(t), strings.NewReader("{\"type\":\"A\"}\n\n"+bad), nil)
			var invalid *eventstore.ValidationError
			require.ErrorAs(t, err, &invalid, bad)
			require.Equal(t, "line 3", invalid.Field, bad)
		}
		foreign := `{"more":{"x":[1]},"type":"A","time":"2023-11-14T22:13:20Z"}`
		done, err := s.Import(testContext(t), strings.NewReader(foreign), nil)
		require.NoError(t, err)
		require.Equal(t, eventstore.Imported{Events: 1}, done)
	})
}

func TestVerifyAndRebuild(t *testing.T) {
	onEachServer(t, func(t *testing.T, url string) {
		ctx := testContext(t)
		c := connect(t, url)
		s := openStore(t, c)
		for range 50 {
			mustAppend(t, s, event("A", "x:1"), event("B", "x:2", "y:1"))
		}
		v, err := s.Verify(ctx, func(done, total uint64) { require.LessOrEqual(t, done, total) })
		require.NoError(t, err)
		require.Equal(t, eventstore.Verified{Events: 100, Texts: []string{}}, v)
		require.NoError(t, c.Do(ctx, "DEL", "{test}:g:x:1").Err())
		v, err = s.Verify(ctx, nil)
		require.NoError(t, err)
		require.NotZero(t, v.Faults)
		require.NotEmpty(t, v.Texts)
		_, err = s.Rebuild(ctx, nil)
		require.NoError(t, err)
		v, err = s.Verify(ctx, nil)
		require.NoError(t, err)
		require.Zero(t, v.Faults, v.Texts)
		require.Len(t, collect(t, s, tagged("x:1"), eventstore.ReadOptions{}), 50)
	})
}
