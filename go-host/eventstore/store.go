package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/internal/flow"
	"github.com/coracle-client/coracle/go-host/internal/flowport"
)

// Store is an event store. It is safe for use by any number of goroutines. Make it with [Open], and close it.
type Store struct {
	engine   *flow.Engine
	logger   *slog.Logger
	jsonData bool
	batch    int // events of one append
	bytes    int // of their data and metadata
	owned    belongings
}

// Open makes a store of what begins with namespace in braces, which is there from the first append on. The namespace
// has 1 to 64 of A–Z, a–z, 0–9, dot, underscore and hyphen; all its keys are in one slot, so that stores scale out
// over a cluster by namespace. Stores of one namespace may be open in any number of programs.
//
// The store goes through the client, which is to be closed after it.
func Open(ctx context.Context, client *coracle.Client, namespace string, opts ...Option) (*Store, error) {
	if err := checkText("namespace", namespace); err != nil {
		return nil, err
	}
	o := gather(namespace, opts)
	if err := o.check(); err != nil {
		return nil, err
	}
	port := flowport.Of(client)
	module := port.Module()
	if err := flow.Check(module); err != nil {
		return nil, fmt.Errorf("eventstore: the client's component has no event store that fits: %w", err)
	}
	s := &Store{
		logger: o.logger, jsonData: o.jsonData, batch: int(o.settings.MaxBatchEvents),
		bytes: int(o.settings.MaxBatchBytes),
	}
	engine, err := flow.NewEngine(ctx, flow.Config{
		Port: port, Settings: o.settings, OnTrap: s.trapped,
		Make: func(ctx context.Context) (flow.Core, error) { return flow.Instantiate(ctx, module, o.memoryLimit) },
	})
	var refused *flow.SettingsError
	if errors.As(err, &refused) {
		return nil, &ValidationError{Field: refused.Field, Why: refused.Why}
	}
	if err != nil {
		return nil, fmt.Errorf("eventstore: %w", err)
	}
	s.engine = engine
	s.warn(ctx)
	return s, nil
}

// Close ends what is under way, which fails, subscriptions and locks among it, and frees the store's memory. The locks
// are given back. The client stays open.
func (s *Store) Close() error {
	s.closeBelongings()
	if err := s.engine.Close(context.Background()); err != nil {
		return fmt.Errorf("eventstore: close: %w", err)
	}
	return nil
}

// run runs a task, and gives an error as its caller wants it.
func (s *Store) run(ctx context.Context, what string, task *flow.Task) (any, error) {
	outcome, err := s.engine.Run(ctx, task)
	if err != nil {
		return nil, during(what, s.outcomeError(err))
	}
	return outcome, nil
}

func (s *Store) trapped(err error) {
	if s.logger != nil {
		s.logger.Error("the event store's instance was lost", "error", err)
	}
}

// warn logs what of the server's settings could lose events.
func (s *Store) warn(ctx context.Context) {
	if s.logger == nil {
		return
	}
	warnings, err := s.Inspect(ctx)
	if err != nil {
		s.logger.Warn("the server's settings can't be looked at", "error", err)
	}
	for _, w := range warnings {
		s.logger.Warn(w.Text, "setting", w.About)
	}
}
