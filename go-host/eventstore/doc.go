// Package eventstore keeps events in Redis or Valkey, and appends to them on conditions that each decision draws for
// itself: Dynamic Consistency Boundaries, as https://dcb.events describes them. Over that it executes commands: a
// handler reads and decides, and what it decided is written only if nothing has changed of what it read.
//
//	store, err := eventstore.Open(ctx, client, "school")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	_, err = store.Execute(ctx, eventstore.Command{Type: "EnrollStudent"},
//		func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
//			enrolled := eventstore.Count(eventstore.NewQuery(eventstore.Item{
//				Types: []string{"StudentEnrolled"}, Tags: []string{"course:c1"},
//			}))
//			if err := d.Project(ctx, enrolled); err != nil {
//				return nil, err
//			}
//			if enrolled.State >= 30 {
//				return nil, errCourseIsFull
//			}
//			return []eventstore.Event{{Type: "StudentEnrolled", Tags: []string{"course:c1", "student:s1"}}}, nil
//		}, eventstore.ExecuteOptions{})
//
// An [Event] has a type, tags and data. A [Query] is a list of items, of which an event has to match one: to be of any
// of its types, and have all of its tags. A [Condition] is a query and a [Cursor]: an append fails with [ErrConflict]
// if an event behind the cursor matches the query.
//
// A [Store] goes through a client, whose connections it shares. It runs in an instance of the component of its own; all
// keys of a namespace are in one slot. What the store does is decided in the component, so that all hosts of it do the
// same, and may use one namespace together.
//
// # Time
//
// What has no deadline by its context has that of the client's requests, see [coracle.WithTimeout], which is for all of
// an operation: a read to its last event, a command with its locks and handler. A subscription and a lock that is held
// go on until they are closed; [Store.Export], [Store.Verify] and [Store.Rebuild] take as long as there are events.
//
// # Outcomes
//
// An error says what happened, by [errors.Is] and [errors.As]. Where a request was not answered it matches
// [coracle.ErrNotSent] or [coracle.ErrMaybeExecuted], as those of a client do. A command's id makes its events be
// appended once: who gets [coracle.ErrMaybeExecuted] may execute the command again under the same id.
package eventstore
