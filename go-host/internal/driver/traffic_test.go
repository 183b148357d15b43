package driver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

// The core hears of the links whose counters grew since it last did, and of no others.
func TestTrafficThatGrewIsTold(t *testing.T) {
	l := &Lane{links: make(map[uint32]*link)}
	for id := range uint32(3) {
		k := &link{id: id, told: core.Traffic{Link: id}}
		k.out.init(func([]byte) {})
		l.links[id] = k
	}
	require.Empty(t, l.traffic())
	l.links[1].received = 5
	l.links[2].out.append(make([]byte, 7), 0)
	_, _ = l.links[2].out.next()
	l.links[2].out.wrote(3)
	require.ElementsMatch(t, []core.Traffic{{Link: 1, Received: 5}, {Link: 2, Written: 3}}, l.traffic())
	require.Empty(t, l.traffic(), "nothing new")
	l.links[1].received++
	require.Equal(t, []core.Traffic{{Link: 1, Received: 6}}, l.traffic())
}

// Of a link that is not read the core hears each time, and once more when it is read again.
func TestHeldLinksAreTold(t *testing.T) {
	l := &Lane{links: make(map[uint32]*link)}
	k := &link{lane: l, id: 1, told: core.Traffic{Link: 1}, held: true}
	k.out.init(func([]byte) {})
	l.links[1] = k
	held := []core.Traffic{{Link: 1, Held: true}}
	require.Equal(t, held, l.traffic())
	require.Equal(t, held, l.traffic())
	l.release(k)
	require.Equal(t, []core.Traffic{{Link: 1}}, l.traffic())
	require.Empty(t, l.traffic())
}
