package coracle_test

import (
	"context"
	"fmt"
	"log"
	"slices"
)

func ExampleClient_Scan() {
	ctx := context.Background()
	client, end := connectRedis(ctx)
	defer end()
	for _, user := range []string{"ada", "bob"} {
		if err := client.Do(ctx, "HSET", "user:"+user, "name", user, "visits", 3).Err(); err != nil {
			log.Fatal(err)
		}
	}
	var keys []string // each may come more than once
	for key, err := range client.Scan(ctx, "user:*", 100) {
		if err != nil {
			log.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	fmt.Println(slices.Compact(keys))
	for field, err := range client.HScan(ctx, "user:ada", "v*", 0) {
		fmt.Println(field.Name, field.Value, err)
	}
	// Output:
	// [user:ada user:bob]
	// visits 3 <nil>
}

func ExampleReply_StringMap() {
	ctx := context.Background()
	client, end := connectRedis(ctx)
	defer end()
	if err := client.Do(ctx, "HSET", "user:ada", "name", "Ada", "visits", 3).Err(); err != nil {
		log.Fatal(err)
	}
	user, err := client.Do(ctx, "HGETALL", "user:ada").StringMap()
	fmt.Println(user["name"], user["visits"], err)
	// Output: Ada 3 <nil>
}
