package coracle

import "context"

// Doer does commands: a [*Client], a [*Session], a [*Tx], what is wrapped around one of them, or what stands for one in
// a test, whose replies [NewReply] makes.
type Doer interface {
	// Do sends a command and waits for its reply, see [Client.Do].
	Do(ctx context.Context, args ...any) Reply
}
