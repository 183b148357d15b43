package coracle

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Field is one of a hash.
type Field struct{ Name, Value string }

// Scored is a member of a sorted set.
type Scored struct {
	Member string
	Score  float64
}

// errScan is the error of a reply that SCAN and its like don't give.
var errScan = errors.New("coracle: the server did not answer as SCAN does")

// Scan gives the keys that match a pattern, all of them where it is empty. Count is about how many the server looks at
// in one go, its default where that is 0. What is there from beginning to end comes at least once, it may come several
// times, and what comes or goes meanwhile may come or not, as the server says of SCAN. It ends with the first error,
// which comes with an empty key; what follows the context's end is such an error.
//
//	for key, err := range client.Scan(ctx, "user:*", 0) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (c *Client) Scan(ctx context.Context, match string, count int) iter.Seq2[string, error] {
	return scan(ctx, c, []any{"SCAN", ""}, match, count, 1, memberOf)
}

// SScan is [Client.Scan] for the members of a set.
func (c *Client) SScan(ctx context.Context, key, match string, count int) iter.Seq2[string, error] {
	return scan(ctx, c, []any{"SSCAN", key, ""}, match, count, 1, memberOf)
}

// HScan is [Client.Scan] for the fields of a hash, by their names.
func (c *Client) HScan(ctx context.Context, key, match string, count int) iter.Seq2[Field, error] {
	return scan(ctx, c, []any{"HSCAN", key, ""}, match, count, 2, func(v []Value) (f Field, err error) {
		if f.Name, err = v[0].Text(); err == nil {
			f.Value, err = v[1].Text()
		}
		return f, err
	})
}

// ZScan is [Client.Scan] for the members of a sorted set.
func (c *Client) ZScan(ctx context.Context, key, match string, count int) iter.Seq2[Scored, error] {
	return scan(ctx, c, []any{"ZSCAN", key, ""}, match, count, 2, func(v []Value) (s Scored, err error) {
		if s.Member, err = v[0].Text(); err == nil {
			s.Score, err = v[1].Float64()
		}
		return s, err
	})
}

func memberOf(v []Value) (string, error) { return v[0].Text() }

// scan gives what a command finds whose last argument is the cursor: from so many values of a reply each, as itemOf
// says.
func scan[T any](
	ctx context.Context, d Doer, args []any, match string, count, each int, itemOf func([]Value) (T, error),
) iter.Seq2[T, error] {
	at := len(args) - 1
	if match != "" {
		args = append(args, "MATCH", match)
	}
	if count > 0 {
		args = append(args, "COUNT", count)
	}
	return func(yield func(T, error) bool) {
		args := append([]any(nil), args...) // it may be ranged over again, and by several
		for args[at] = "0"; ; {
			cursor, found, err := scanned(d.Do(ctx, args...), each)
			for ; err == nil && len(found) > 0; found = found[each:] {
				var item T
				if item, err = itemOf(found); err == nil && !yield(item, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if cursor == "0" {
				return
			}
			args[at] = cursor
		}
	}
}

// scanned takes a reply apart: a cursor, which means nothing but to the server, and what was found.
func scanned(r Reply, each int) (cursor string, found []Value, err error) {
	whole, err := r.Slice()
	if err != nil {
		return "", nil, err
	}
	if len(whole) != 2 {
		return "", nil, errScan
	}
	if cursor, err = whole[0].Text(); err == nil {
		found, err = whole[1].Slice()
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", errScan, err)
	}
	if len(found)%each != 0 {
		return "", nil, errScan
	}
	return cursor, found, nil
}
