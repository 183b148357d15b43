// Package driver runs one instance of the core: it owns the sockets, the requests and their arguments, the queues, and
// the clock. What goes over the wire, and what it means, is the core's alone.
//
// An instance with all that is a [Lane], under one lock, the instance lock. Its methods are in these files:
//
//   - lane.go, close.go, trap.go, handover.go: its beginning, its end, an instance that is lost, another component;
//   - entry.go, queue.go, fifo.go, crowd.go, submit.go, batch.go, cursor.go, table.go: what callers ask, from the queue
//     into the core;
//   - effects.go, link.go, closed.go, output.go, trywrite_*.go, secrets.go: what the core wants done, what goes out;
//   - link.go, watch.go, looks.go, tryread_*.go, input.go, feed.go, await_*.go: what comes in, and long strings that
//     pass by the core;
//   - events.go, quick.go, small.go, raw.go, cached.go: replies, from the core to callers;
//   - subscriptions.go, subscription.go, subscription_queue.go, message.go: messages;
//   - session.go: links for one caller; deadline.go, timer.go: time; news.go, status.go, stats.go: what is told of it.
package driver
