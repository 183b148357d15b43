package coracle

import (
	"context"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/flowport"
)

func init() {
	flowport.Of = func(client any) flowport.Port { return port{client.(*Client)} }
}

// port is the client as the module's other packages see it.
type port struct{ client *Client }

func (p port) Run(ctx context.Context, e *driver.Entry) *driver.Failure { return p.client.run(ctx, e) }

func (p port) Lease(ctx context.Context) (*driver.Session, *driver.Failure) {
	return p.client.lease(ctx)
}

func (p port) Usual() time.Duration { return p.client.timeout }

func (p port) Module() *core.Module { return p.client.lane().Module() }

func (p port) Error(failure *driver.Failure) error { return clientError(failure) }
