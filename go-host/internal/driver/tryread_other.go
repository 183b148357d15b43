//go:build !unix

package driver

import "net"

// tryReader is not to be had here: a link's reader waits.
type tryReader struct{}

func newTryReader(net.Conn) *tryReader { return nil }

func (*tryReader) try([]byte) int { return 0 }
