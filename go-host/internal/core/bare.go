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
	return component.NewImports().
		Func(ifNetwork, "open", "func(link: u32, role: "+tRole+", endpoint: "+tEndpoint+")", unasked).
		Func(ifNetwork, "send", "func(link: u32, bytes: list<u8>)", unasked).
		Func(ifNetwork, "send-held", "func(link: u32, request: u64, argument: u32)", unasked).
		Func(ifNetwork, "send-secret", "func(link: u32, generation: u32, password: bool)", unasked).
		Func(ifNetwork, "close", "func(link: u32)", unasked).
		Func(ifLog, "write", "func(level: u8, text: string)", func(context.Context, *component.HostCall) error { return nil })
}

func unasked(context.Context, *component.HostCall) error {
	return errors.New("an instance without links asked for one")
}
