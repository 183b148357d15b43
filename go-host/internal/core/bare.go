package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-client/coracle/go-host/component"
)

// Check says whether the component exports a function of this type.
func (m *Module) Check(iface, function, signature string) error {
	return m.compiled.CheckExport(iface, function, signature)
}

// Bare makes an instance for an interface whose functions ask for nothing by the component's imports: one that does so
// all the same traps.
func (m *Module) Bare(ctx context.Context, memoryLimit uint64) (*component.Instance, error) {
	inner, err := m.compiled.Instantiate(ctx, bareImports(), component.Config{MemoryLimitBytes: memoryLimit})
	if err != nil {
		return nil, fmt.Errorf("instantiate the component: %w", err)
	}
	return inner, nil
}

func bareImports() *component.Imports {
	h := handlers{
		open: unasked, send: unasked, sendHeld: unasked, sendSecret: unasked, report: unasked, close: unasked,
		log: func(context.Context, *component.HostCall) error { return nil },
	}
	return h.imports()
}

func unasked(context.Context, *component.HostCall) error {
	return errors.New("an instance without links asked for one")
}
