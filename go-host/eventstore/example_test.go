package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
	"github.com/coracle-client/coracle/go-host/eventstore"
	"github.com/coracle-client/coracle/go-host/internal/servertest"
)

// startServer stands for the server that you have.
func startServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	server, err := servertest.Launch("redis-server", dir)
	if err != nil {
		log.Fatal(err)
	}
	return server.URL(), func() {
		server.Kill()
		_ = os.RemoveAll(dir)
	}
}

// open makes a store there.
func open(ctx context.Context) (store *eventstore.Store, end func()) {
	url, stop := startServer()
	client, err := coracle.Open(ctx, url, testComponent())
	if err != nil {
		log.Fatal(err)
	}
	store, err = eventstore.Open(ctx, client, "school")
	if err != nil {
		log.Fatal(err)
	}
	return store, func() {
		if err := errors.Join(store.Close(), client.Close()); err != nil {
			log.Fatal(err)
		}
		stop()
	}
}

// EnrollStudent is a command, and the data of its event.
type EnrollStudent struct {
	Student string `json:"student"`
	Course  string `json:"course"`
}

var errCourseFull = errors.New("the course is full")

// enroll executes it: a course has two places.
func enroll(ctx context.Context, store *eventstore.Store, c EnrollStudent) (eventstore.Appended, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return eventstore.Appended{}, err
	}
	student, course := eventstore.Tag("student", c.Student), eventstore.Tag("course", c.Course)
	handler := func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		enrolled := eventstore.NewQuery(eventstore.Item{Types: []string{"StudentEnrolled"}, Tags: []string{course}})
		taken := eventstore.Count(enrolled)
		if err := d.Project(ctx, taken); err != nil {
			return nil, err
		}
		if taken.State >= 2 {
			return nil, errCourseFull
		}
		return []eventstore.Event{{Type: "StudentEnrolled", Tags: []string{student, course}, Data: data}}, nil
	}
	return store.Execute(ctx, eventstore.Command{
		Type: "EnrollStudent", Data: data, Metadata: []byte(`{"by":"registrar"}`), Locks: []string{course},
	}, handler, eventstore.ExecuteOptions{})
}

// A command from its call to its record: what may go wrong, what it leads to, and how to find that again.
func Example() {
	ctx := context.Background()
	store, end := open(ctx)
	defer end()

	appended, err := enroll(ctx, store, EnrollStudent{Student: "ada", Course: "algebra"})
	fmt.Println("enrolled at position", appended.First, err)

	// Nothing is sent of what can't be.
	_, err = enroll(ctx, store, EnrollStudent{Student: "", Course: "algebra"})
	var invalid *eventstore.ValidationError
	fmt.Println("invalid:", errors.As(err, &invalid) && invalid.Field == "events[0].tags[0]")

	// The handler says no.
	_, _ = enroll(ctx, store, EnrollStudent{Student: "bob", Course: "algebra"})
	_, err = enroll(ctx, store, EnrollStudent{Student: "eve", Course: "algebra"})
	fmt.Println("refused:", errors.Is(err, errCourseFull))

	// Somebody else has the course's lock.
	lock, err := store.Lock(ctx, "course:logic", eventstore.LockOptions{})
	if err != nil {
		log.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = enroll(short, store, EnrollStudent{Student: "ada", Course: "logic"})
	fmt.Println("locked:", errors.Is(err, eventstore.ErrLockTimeout))
	fmt.Println("unlock:", lock.Unlock(ctx))

	// Two decide on the same; one of them comes too late.
	taken := eventstore.Count(eventstore.NewQuery(eventstore.Item{Tags: []string{"course:algebra"}}))
	condition, err := eventstore.Project(ctx, store, taken)
	if err != nil {
		log.Fatal(err)
	}
	closed := []eventstore.Event{{Type: "CourseClosed", Tags: []string{"course:algebra"}}}
	_, err = store.Append(ctx, closed, eventstore.AppendOptions{Condition: &condition})
	fmt.Println("first:", err)
	_, err = store.Append(ctx, closed, eventstore.AppendOptions{Condition: &condition})
	var conflict *eventstore.ConflictError
	fmt.Println("second:", errors.As(err, &conflict) && conflict.Position == 3)

	// Each event leads to its command, and back.
	for event, err := range store.Read(ctx, eventstore.All(), eventstore.ReadOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Position, event.Type, event.Tags, "of command", event.Command)
	}
	for command, err := range store.Commands(ctx, eventstore.CommandsOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %s %s %s led to %d\n", command.Number, command.Type, command.Data, command.Metadata, command.First)
	}
	// Output:
	// enrolled at position 1 <nil>
	// invalid: true
	// refused: true
	// locked: true
	// unlock: <nil>
	// first: <nil>
	// second: true
	// 1 StudentEnrolled [course:algebra student:ada] of command 1
	// 2 StudentEnrolled [course:algebra student:bob] of command 2
	// 3 CourseClosed [course:algebra] of command 0
	// 1 EnrollStudent {"student":"ada","course":"algebra"} {"by":"registrar"} led to 1
	// 2 EnrollStudent {"student":"bob","course":"algebra"} {"by":"registrar"} led to 2
}

// A consumer goes on where it was when it was last there.
func ExampleStore_Subscribe() {
	ctx := context.Background()
	store, end := open(ctx)
	defer end()
	events := []eventstore.Event{{Type: "StudentEnrolled", Tags: []string{"course:algebra"}}, {Type: "CourseClosed"}}
	if _, err := store.Append(ctx, events, eventstore.AppendOptions{}); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		at, err := store.Checkpoint(ctx, "mailer")
		if err != nil {
			log.Fatal(err)
		}
		subscription, err := store.Subscribe(ctx, eventstore.All(), at)
		if err != nil {
			log.Fatal(err)
		}
		event, err := subscription.Next(ctx)
		fmt.Println(event.Position, event.Type, err)
		fmt.Println(store.Advance(ctx, "mailer", at, subscription.Cursor()))
		_ = subscription.Close()
	}
	// Output:
	// 1 StudentEnrolled <nil>
	// <nil>
	// 2 CourseClosed <nil>
	// <nil>
}

// Several states are built in one pass, and the condition for all that was read comes with them.
func ExampleProject() {
	ctx := context.Background()
	store, end := open(ctx)
	defer end()
	events := []eventstore.Event{
		{Type: "CourseDefined", Tags: []string{"course:algebra"}, Data: []byte("30")},
		{Type: "StudentEnrolled", Tags: []string{"course:algebra", "student:ada"}},
	}
	if _, err := store.Append(ctx, events, eventstore.AppendOptions{}); err != nil {
		log.Fatal(err)
	}
	of := func(kind string) eventstore.Query {
		return eventstore.NewQuery(eventstore.Item{Types: []string{kind}, Tags: []string{"course:algebra"}})
	}
	capacity := &eventstore.Projection[string]{
		Query: of("CourseDefined"),
		Apply: func(_ string, e eventstore.Recorded) string { return string(e.Data) },
	}
	enrolled := eventstore.Count(of("StudentEnrolled"))
	condition, err := eventstore.Project(ctx, store, capacity, enrolled)
	fmt.Println(enrolled.State, "of", capacity.State, err, condition.After.Position)
	// Output: 1 of 30 <nil> 2
}
