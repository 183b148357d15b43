package core

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/coracle-client/coracle/go-host/component"
)

// handlers are the functions that the contract has a host lend the core.
type handlers struct {
	open, send, sendHeld, sendSecret, report, close, log component.HostFunc
}

// imports offers them.
func (h *handlers) imports() *component.Imports {
	return component.NewImports().
		Func(ifNetwork, "open", "func(link: u32, role: "+tRole+", endpoint: "+tEndpoint+")", h.open).
		Func(ifNetwork, "send", "func(link: u32, bytes: list<u8>)", h.send).
		Func(ifNetwork, "send-held", "func(link: u32, request: u64, argument: u32)", h.sendHeld).
		Func(ifNetwork, "send-secret", "func(link: u32, generation: u32, password: bool)", h.sendSecret).
		Func(ifNetwork, "report", "func(events: list<u64>, nodes: list<u64>, texts: list<u8>)", h.report).
		Func(ifNetwork, "close", "func(link: u32)", h.close).
		Func(ifLog, "write", "func(level: u8, text: string)", h.log)
}

// imports offers functions that only note what the core asks for.
func (i *Instance) imports() *component.Imports {
	h := handlers{
		open: i.noteOpen, send: i.noteSend, sendHeld: i.noteSendHeld, sendSecret: i.noteSendSecret,
		report: i.noteReport, close: i.noteClose, log: i.noteLog,
	}
	return h.imports()
}

// More effects than this in one call, or more bytes, can't come of a sane core.
const (
	maxEffects     = 1 << 18
	maxEffectBytes = 8 << 20
)

var (
	errTooManyEffects = errors.New("the core asks for more effects in one call than a host keeps")
	errReportedTwice  = errors.New("the core reports twice in one call")
)

func (i *Instance) note(e Effect) error {
	if len(i.progress.Effects) >= maxEffects {
		return errTooManyEffects
	}
	i.progress.Effects = append(i.progress.Effects, e)
	return nil
}

// spend counts bytes that an effect is to keep. It comes before they are copied.
func (i *Instance) spend(bytes int) error {
	if i.effectBytes += bytes; i.effectBytes > maxEffectBytes {
		return errTooManyEffects
	}
	return nil
}

func (i *Instance) noteOpen(_ context.Context, call *component.HostCall) error {
	variant := call.Arg(2)
	endpoint := &Endpoint{}
	if variant.Case() == 0 {
		pair := variant.Payload()
		host := pair.Field(0)
		if err := i.spend(len(host.Bytes())); err != nil {
			return err
		}
		endpoint.Host, endpoint.Port = host.Text(), pair.Field(1).U16()
	} else {
		path := variant.Payload()
		if err := i.spend(len(path.Bytes())); err != nil {
			return err
		}
		endpoint.Path = path.Text()
	}
	return i.note(Effect{Kind: EffectOpen, Link: call.U32(0), Endpoint: endpoint})
}

func (i *Instance) noteSend(_ context.Context, call *component.HostCall) error {
	bytes := call.Bytes(1)
	if err := i.spend(len(bytes)); err != nil {
		return err
	}
	return i.note(Effect{Kind: EffectSend, Link: call.U32(0), Data: append(i.buffer(len(bytes)), bytes...)})
}

func (i *Instance) noteSendHeld(_ context.Context, call *component.HostCall) error {
	return i.note(Effect{Kind: EffectSendHeld, Link: call.U32(0), Request: call.U64(1), Index: call.U32(2)})
}

func (i *Instance) noteSendSecret(_ context.Context, call *component.HostCall) error {
	return i.note(Effect{Kind: EffectSendSecret, Link: call.U32(0), Index: call.U32(1), Password: call.Bool(2)})
}

func (i *Instance) noteReport(_ context.Context, call *component.HostCall) error {
	return i.progress.report(call.ListU64(0), call.ListU64(1), call.Bytes(2))
}

// report copies rows out of the instance's memory.
func (p *Progress) report(events, nodes []uint64, texts []byte) error {
	if len(p.Events)+len(p.Nodes)+len(p.Texts) > 0 {
		return errReportedTwice
	}
	p.Events = append(p.Events, events...)
	p.Nodes = append(p.Nodes, nodes...)
	p.Texts = append(p.Texts, texts...)
	return nil
}

func (i *Instance) noteClose(_ context.Context, call *component.HostCall) error {
	return i.note(Effect{Kind: EffectClose, Link: call.U32(0)})
}

// Bounds on what one call may write to the log.
const (
	maxLogLines = 64
	maxLogBytes = 4 << 10 // of a line
)

func (i *Instance) noteLog(_ context.Context, call *component.HostCall) error {
	if len(i.progress.Logs) < maxLogLines {
		text := cut(call.Bytes(1), maxLogBytes)
		i.progress.Logs = append(i.progress.Logs, LogLine{Level: call.U8(0), Text: string(text)})
	}
	return nil
}

// cut gives at most so many bytes of a text, and no part of a letter.
func cut(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
