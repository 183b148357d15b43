package coracle

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// Script is a program that the server executes. Its source is sent once a connection: from then on its hash is, and the
// source only to a server that has forgotten it. It is safe for use by any number of goroutines.
type Script struct {
	source, hash string
}

// NewScript makes a script of its source, in Lua.
func NewScript(source string) *Script {
	sum := sha1.Sum([]byte(source))
	return &Script{source: source, hash: hex.EncodeToString(sum[:])}
}

// Hash is the SHA-1 of the source, in hexadecimal, by which the server knows it.
func (s *Script) Hash() string { return s.hash }

// Run executes the script with keys and further arguments, as [Client.Do] does a command. What is no client, session or
// Tx itself is given EVAL, with the source each time: what a server knows is the client's to find out.
func (s *Script) Run(ctx context.Context, d Doer, keys []string, args ...any) Reply {
	return s.run(ctx, d, "EVALSHA", "EVAL", keys, args)
}

// RunRO is Run for a script that only reads: by EVALSHA_RO, or EVAL_RO.
func (s *Script) RunRO(ctx context.Context, d Doer, keys []string, args ...any) Reply {
	return s.run(ctx, d, "EVALSHA_RO", "EVAL_RO", keys, args)
}

func (s *Script) run(ctx context.Context, d Doer, own, bySource string, keys []string, args []any) Reply {
	all := s.command(own, keys, args)
	switch d := d.(type) { // not what has one of them inside: its Do is to hear of it
	case *Client:
		return d.runScript(ctx, all)
	case *Session:
		return d.runScript(ctx, all)
	case *Tx:
		return d.runScript(ctx, all)
	}
	return d.Do(ctx, append([]any{bySource, s.source}, all[3:]...)...)
}

// Queue adds the script to a pipeline or transaction, as [Pipeline.Do] does a command.
func (s *Script) Queue(p *Pipeline, keys []string, args ...any) *Reply {
	return p.add(s.command("EVALSHA", keys, args), wire.OptionScript)
}

// command is what the contract wants of a script: its source is among the arguments, and only sent when it must be.
func (s *Script) command(name string, keys []string, args []any) []any {
	all := make([]any, 0, 4+len(keys)+len(args))
	all = append(all, name, s.hash, s.source, len(keys))
	for _, key := range keys {
		all = append(all, key)
	}
	return append(all, args...)
}

func (c *Client) runScript(ctx context.Context, args []any) Reply {
	return c.do(ctx, nil, args, wire.OptionScript)
}

func (s *Session) runScript(ctx context.Context, args []any) Reply {
	return s.client.do(ctx, s.inner, args, wire.OptionScript)
}
