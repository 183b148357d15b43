package coracle_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

// span is what a tracing library makes of a call.
type span struct {
	name    string
	outcome string
	took    time.Duration
}

// A hook makes a span of each call. With a tracing library, the span begins as a child of what the context holds.
func ExampleWithHook() {
	ctx := context.Background()
	spans := make(chan span, 10)
	hook := func(ctx context.Context, call coracle.Call) func(error) {
		name, begun := call.Command, time.Now()
		if call.Commands > 1 {
			name = fmt.Sprintf("%s and %d more", call.Command, call.Commands-1)
		}
		return func(err error) {
			outcome := "ok"
			var refused *coracle.ServerError
			switch {
			case errors.As(err, &refused):
				outcome = "refused by the server"
			case errors.Is(err, coracle.ErrMaybeExecuted):
				outcome = "maybe executed"
			case err != nil:
				outcome = "not executed"
			}
			spans <- span{name, outcome, time.Since(begun)}
		}
	}
	client, end := connectRedis(ctx, coracle.WithHook(hook))
	defer end()
	if err := client.Do(ctx, "SET", "name", "Ada").Err(); err != nil {
		log.Fatal(err)
	}
	_ = client.Do(ctx, "INCR", "name").Err() // it is no number
	p := client.Pipeline()
	p.Do("GET", "name")
	p.Do("STRLEN", "name")
	if _, err := p.Exec(ctx); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		s := <-spans
		fmt.Println(s.name+":", s.outcome, s.took > 0)
	}
	// Output:
	// SET: ok true
	// INCR: refused by the server true
	// GET and 1 more: ok true
}
