//go:build !unix

package driver

import "net"

// tryWriter is not to be had here: the link's own goroutine writes.
type tryWriter struct{}

func newTryWriter(net.Conn) *tryWriter { return nil }

func (*tryWriter) try([]byte) int { return 0 }
