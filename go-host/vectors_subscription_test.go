package coracle

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/coracle-client/coracle/go-host/internal/core"
	"github.com/coracle-client/coracle/go-host/internal/driver"
	"github.com/coracle-client/coracle/go-host/internal/vectors"
)

// subscription does a step of subscriptions.
func (h *vectorHost) subscription(s vectors.Step) error {
	switch s.Key {
	case "subscribe":
		return h.subscribe(s)
	case "unsubscribe":
		h.subs[s.Number].Unsubscribe()
		return nil
	default:
		return h.notice(s)
	}
}

func (h *vectorHost) subscribe(s vectors.Step) error {
	kinds := []string{"channel", "pattern", "shard", "monitor"}
	o := driver.SubscribeOptions{
		Kind: core.SubKind(slices.Index(kinds, s.Kind)), MaxMessages: math.MaxInt, MaxBytes: math.MaxInt,
	}
	for _, name := range s.Names {
		o.Names = append(o.Names, string(name))
	}
	sub, err := h.lane.Subscribe(o)
	h.subs[s.Number] = sub
	return err
}

func (h *vectorHost) notice(s vectors.Step) error {
	ctx, cancel := context.WithTimeout(context.Background(), vectorPatience)
	defer cancel()
	n, err := h.subs[s.Number].Next(ctx)
	if err != nil {
		return err
	}
	kinds := map[string]NoticeKind{
		"subscribed": NoticeSubscribed, "gap": NoticeGap, "message": NoticeMessage, "ended": NoticeEnded,
	}
	if n.Kind != kinds[s.Key] {
		return fmt.Errorf("the notice is %+v", n)
	}
	if n.Kind == NoticeMessage {
		if wanted := driver.MessageOf(*s.Value); n.Message != wanted {
			return fmt.Errorf("the message is %.300q", n.Message)
		}
		return nil
	}
	if n.Kind != NoticeEnded {
		return nil
	}
	delete(h.subs, s.Number)
	return sameEnd(s, n.Err)
}

func sameEnd(s vectors.Step, err error) error {
	f, failed := err.(*driver.Failure)
	switch {
	case !failed && s.Failure == "":
		return nil
	case !failed, f.Failure.String() != s.Failure, f.Cause.String() != s.Cause:
		return fmt.Errorf("the subscription ended with %v", err)
	case s.Value != nil && (f.Err == nil || f.Err.Error() != s.Value.Err().Error()):
		return fmt.Errorf("the subscription ended with %w", f)
	}
	return nil
}
