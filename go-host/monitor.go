package coracle

import "context"

// Monitor subscribes to all that the server executes, of all clients: each message's payload is a line such as
//
//	1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
//
// It has a connection of its own, and costs the server a good part of what it can do. A line of more than 64 KiB, as a
// large value makes it, is cut there. The context bounds only the beginning. For another queue, or another policy when
// it is full, see [SubscribeOptions].
func (c *Client) Monitor(ctx context.Context) (*Subscription, error) {
	return c.SubscribeWith(ctx, SubscribeOptions{Monitor: true})
}
