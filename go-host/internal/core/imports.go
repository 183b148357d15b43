package core

import (
	"context"

	"github.com/coracle-client/coracle/go-host/component"
)

// imports offers the functions of the contract; each only notes what the core asks for.
func (i *Instance) imports() *component.Imports {
	return component.NewImports().
		Func(ifNetwork, "open", "func(link: u32, role: "+tRole+", endpoint: "+tEndpoint+")", i.noteOpen).
		Func(ifNetwork, "send", "func(link: u32, bytes: list<u8>)", i.noteSend).
		Func(ifNetwork, "send-held", "func(link: u32, request: u64, argument: u32)", i.noteSendHeld).
		Func(ifNetwork, "send-secret", "func(link: u32, generation: u32, password: bool)", i.noteSendSecret).
		Func(ifNetwork, "close", "func(link: u32)", i.noteClose).
		Func(ifLog, "write", "func(level: u8, text: string)", i.noteLog)
}

func (i *Instance) note(e Effect) { i.progress.Effects = append(i.progress.Effects, e) }

func (i *Instance) noteOpen(_ context.Context, call *component.HostCall) error {
	variant := call.Arg(2)
	endpoint := &Endpoint{}
	if variant.Case() == 0 {
		pair := variant.Payload()
		endpoint.Host, endpoint.Port = pair.Field(0).Text(), pair.Field(1).U16()
	} else {
		endpoint.Path = variant.Payload().Text()
	}
	i.note(Effect{Kind: EffectOpen, Link: call.U32(0), Endpoint: endpoint})
	return nil
}

func (i *Instance) noteSend(_ context.Context, call *component.HostCall) error {
	bytes := call.Bytes(1)
	i.note(Effect{Kind: EffectSend, Link: call.U32(0), Data: append(i.buffer(len(bytes)), bytes...)})
	return nil
}

func (i *Instance) noteSendHeld(_ context.Context, call *component.HostCall) error {
	i.note(Effect{Kind: EffectSendHeld, Link: call.U32(0), Request: call.U64(1), Index: call.U32(2)})
	return nil
}

func (i *Instance) noteSendSecret(_ context.Context, call *component.HostCall) error {
	i.note(Effect{Kind: EffectSendSecret, Link: call.U32(0), Index: call.U32(1), Password: call.Bool(2)})
	return nil
}

func (i *Instance) noteClose(_ context.Context, call *component.HostCall) error {
	i.note(Effect{Kind: EffectClose, Link: call.U32(0)})
	return nil
}

// maxLogLines bounds what one call may write to the log.
const maxLogLines = 64

func (i *Instance) noteLog(_ context.Context, call *component.HostCall) error {
	if len(i.progress.Logs) < maxLogLines {
		i.progress.Logs = append(i.progress.Logs, LogLine{Level: call.U8(0), Text: call.String(1)})
	}
	return nil
}
