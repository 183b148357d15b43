package driver

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

func TestTheLastFewSecretsAreKept(t *testing.T) {
	var u secrets
	require.Nil(t, u.lengths(), "nobody")
	u.init(&Secrets{})
	require.Nil(t, u.lengths(), "nobody, too")
	u.init(&Secrets{Username: "u", Password: "password 0"})
	require.Equal(t, &core.Credentials{Generation: 0, Username: 1, Password: 10}, u.lengths())
	for n := 1; n <= keptSecrets; n++ {
		u.add(Secrets{Password: fmt.Sprint("password ", n)})
	}
	require.EqualValues(t, keptSecrets, u.lengths().Generation)
	_, ok := u.get(0)
	require.False(t, ok, "too old")
	for n := 1; n <= keptSecrets; n++ {
		s, ok := u.get(uint32(n))
		require.True(t, ok)
		require.Equal(t, fmt.Sprint("password ", n), s.Password)
	}
	_, ok = u.get(keptSecrets + 1)
	require.False(t, ok)
}

// A link is given the secrets that it was told of, or none at all.
func TestALinkGetsItsOwnSecrets(t *testing.T) {
	l := &Lane{links: make(map[uint32]*link)}
	k := &link{lane: l, id: 1, cancel: func() {}}
	k.out.init(func([]byte) {})
	l.links[1] = k
	l.secrets.init(&Secrets{Password: "old"})
	l.secrets.add(Secrets{Username: "user", Password: "new"})
	ask := func(number uint32, password bool) {
		l.perform([]core.Effect{{Kind: core.EffectSendSecret, Link: 1, Index: number, Password: password}})
	}
	ask(0, true)
	ask(1, false)
	ask(1, true)
	var sent []byte
	for _, s := range k.out.segs.all() {
		sent = append(sent, s.data...)
	}
	require.Equal(t, "oldusernew", string(sent))
	require.False(t, k.closing)
	ask(2, true)
	require.True(t, k.closing)
}

func TestRenewedIsToldToThoseWhoWait(t *testing.T) {
	l := &Lane{}
	first, second := make(chan *Failure, 1), make(chan *Failure, 1)
	l.secrets.waiting = []renewal{{1, first}, {2, second}}
	tell := func(number uint64, detail uint32) {
		t.Helper()
		row := []uint64{uint64(wire.EventRenewed) | uint64(detail)<<8, number, 0}
		require.NoError(t, l.events(&core.Progress{Events: row}))
	}
	tell(1, 0)
	require.Nil(t, <-first)
	require.Empty(t, second)
	tell(2, 1+uint32(wire.FailureRefused)|uint32(wire.CauseDenied)<<8)
	failure := <-second
	require.Equal(t, wire.FailureRefused, failure.Failure)
	require.Equal(t, wire.CauseDenied, failure.Cause)
	require.Empty(t, l.secrets.waiting)
	require.EqualValues(t, 1, l.counters.Renewals)
	require.EqualValues(t, 1, l.counters.RenewalsFailed)
	require.Len(t, l.logs, 2)
}
