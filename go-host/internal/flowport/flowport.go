// Package flowport is how packages of this module do things through a client that its callers can't.
package flowport

import (
	"context"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
)

// Port is a client, seen from inside of the module.
type Port interface {
	// Run does an entry, on any lane or that of its session. A failure means that nothing of it was sent.
	Run(ctx context.Context, e *driver.Entry) *driver.Failure
	// Lease waits for a link for one caller alone.
	Lease(ctx context.Context) (*driver.Session, *driver.Failure)
	// Usual is how long a request may take whose context has no deadline; 0 for as long as it takes.
	Usual() time.Duration
	// Module is the component that the client runs.
	Module() *core.Module
	// Error is the client's error for a failure.
	Error(failure *driver.Failure) error
}

// Of gives the port of a *coracle.Client. Package coracle sets it.
var Of func(client any) Port
