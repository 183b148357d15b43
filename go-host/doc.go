// Package coracle is a client for Redis and Valkey whose whole protocol logic is one WebAssembly component, the same
// that other languages' hosts load. This package owns the sockets, the clock, and the memory of requests and replies;
// the component, in a sandbox of a few MiB, decides what goes over the wire. It runs on wazero, without cgo.
//
//	client, err := coracle.Open(ctx, "redis://localhost:6379")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	name, err := client.Do(ctx, "GET", "name").Text()
//	if errors.Is(err, coracle.Nil) {
//		// no such key
//	}
//
// A [Client] is safe for use by any number of goroutines, which share one connection: what they send at the same time
// is sent together. Each request ends exactly once, with the server's reply, with the server's error ([*ServerError]),
// or with a [*ClientError] that says whether the server may have executed it.
package coracle
