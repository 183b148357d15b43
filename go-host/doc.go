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
//
// # Commands
//
// [Client.Do] sends any command, and a [Reply] has accessors for what is expected: Text, Int64, StringMap and so on.
// [Client.DoStrings] and [Client.DoInto] need less memory. [Client.Scan] and its like are iterators over keys, members
// and fields. A [Pipeline] sends many commands at once ([Client.Pipeline]), or as a transaction ([Client.TxPipeline]);
// [Client.Watch] is for transactions that depend on what was read. A [Script] is sent once, and by its hash from then
// on. What needs a connection for itself, as SELECT does, takes a [Session]; commands that block get one by themselves.
//
// [Client.Subscribe], [Client.PSubscribe] and [Client.SSubscribe] bring messages in order, [Client.Monitor] all that
// the server executes; a [Notice] tells where messages may be missing. [Client.DoCached] keeps replies until the server
// says that they have changed, see [WithCache].
//
// # Errors and time
//
// By [errors.Is] a [*ClientError] matches [ErrNotSent], [ErrMaybeExecuted], [ErrRefused], [ErrLimit] or [ErrMisuse]:
// what happened to the request. Nothing that may have been executed is repeated, unless [WithRepeat] allows it. A
// request ends at its context's deadline, or, where that has none, after [WithTimeout], which is 30 seconds. Who calls
// more than [Limits] allow waits for room until then.
//
// A connection from which nothing came for 15 seconds is asked for a PING, and given up if nothing comes for as long
// again; connections for blocking commands and sessions that nobody used for 60 seconds are closed. What was lost is
// made anew, after pauses that grow, and subscriptions are back then.
//
// # TLS
//
// TLS is a dialer's. The URL stays redis://, and client certificates are in the configuration, see the example of
// [WithDialer]:
//
//	coracle.WithDialer((&tls.Dialer{Config: config}).DialContext)
//
// # Tests and metrics
//
// Code that takes a [Doer] can be tested by a fake, whose replies [NewReply] makes. [Client.Stats] and [Client.State]
// tell how a client is, [WithOnEvent] what happens to it, [WithHook] of each call, and [WithLogger] logs.
package coracle
