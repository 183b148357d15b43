package coracle

import "context"

// Tx is a [Session] whose keys are watched, for the time of a [Client.Watch].
type Tx struct{ *Session }

// Watch watches keys and calls fn, which reads what it needs by tx and then writes by [Session.TxPipelined]: if one of
// the keys was changed meanwhile nothing is written, and Watch gives [ErrTxFailed]; the caller decides whether to try
// again. All else that fn returns is given as it is. The watch ends with fn, whatever it did.
func (c *Client) Watch(ctx context.Context, fn func(tx *Tx) error, keys ...string) error {
	session, err := c.Session(ctx)
	if err != nil {
		return err
	}
	defer session.inner.Close()
	tx := &Tx{session}
	if len(keys) > 0 {
		if err := tx.Watch(ctx, keys...); err != nil {
			return err
		}
	}
	return fn(tx)
}

// Watch watches more keys.
func (tx *Tx) Watch(ctx context.Context, keys ...string) error {
	args := make([]any, 0, len(keys)+1)
	args = append(args, "WATCH")
	for _, key := range keys {
		args = append(args, key)
	}
	return tx.Do(ctx, args...).Err()
}
