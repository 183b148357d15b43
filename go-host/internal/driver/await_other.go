//go:build !linux

package driver

import "net"

// awaiter does nothing: here, sockets are readable with the first byte.
type awaiter struct{}

func newAwaiter(net.Conn) *awaiter { return nil }

func (*awaiter) await(uint64) {}

func (*awaiter) waiting() uint64 { return 0 }
