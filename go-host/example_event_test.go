package coracle_test

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	coracle "github.com/coracle-client/coracle/go-host"
)

// meters stand for the counters of a metrics library.
type meters struct {
	states, linksLost, reconnects, dropped, traps atomic.Uint64
}

func (m *meters) count(e coracle.Event) {
	switch e.Kind {
	case coracle.EventState:
		m.states.Add(1)
	case coracle.EventLinkLost:
		m.linksLost.Add(1)
	case coracle.EventReconnected:
		m.reconnects.Add(1)
	case coracle.EventDropped:
		m.dropped.Add(e.Count)
	case coracle.EventTrap:
		m.traps.Add(1)
	}
}

// Events feed counters as they happen. What is only added up is in Stats, too.
func ExampleWithOnEvent() {
	ctx := context.Background()
	url, stop := startServer()
	var m meters
	client, err := coracle.Open(ctx, url, coracle.WithOnEvent(m.count))
	if err != nil {
		log.Fatal(err)
	}
	stop() // the connection breaks
	for m.linksLost.Load() == 0 {
		_ = client.Do(ctx, "PING").Err()
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.linksLost.Load() >= 1, m.states.Load() >= 2, m.traps.Load())
	// Output: true true 0
}
