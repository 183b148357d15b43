package coracle_test

import (
	"context"
	"fmt"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/reply"
)

// greeter is code to be tested. In the program its store is a [*coracle.Client].
type greeter struct{ store coracle.Doer }

func (g greeter) greet(ctx context.Context, id string) (string, error) {
	name, err := g.store.Do(ctx, "GET", "name:"+id).Text()
	return "Hello, " + name, err
}

// fakeStore answers GET from a map.
type fakeStore map[string]string

func (f fakeStore) Do(_ context.Context, args ...any) coracle.Reply {
	value, ok := f[args[1].(string)]
	if !ok {
		return coracle.NewReply(reply.Value{}, nil) // nil
	}
	return coracle.NewReply(reply.Bulk([]byte(value)), nil)
}

// Code that takes a Doer can be tested without a server.
func ExampleDoer() {
	g := greeter{store: fakeStore{"name:1": "Ada"}}
	fmt.Println(g.greet(context.Background(), "1"))
	_, err := g.greet(context.Background(), "2")
	fmt.Println(err == coracle.Nil)
	// Output:
	// Hello, Ada <nil>
	// true
}
