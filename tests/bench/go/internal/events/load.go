package events

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Load is one kind of operation that callers do.
type Load struct {
	Name string
	// Most is the mark: how much of the first layout's processor time of the server it may take. 0 where none is set.
	Most float64
	// reads says that it finds events.
	reads bool
	// do gives how many events were read, and whether there was a conflict.
	do func(ctx context.Context, session Session, school School, rng *rand.Rand) (found int, conflict bool, err error)
}

// Loads are all that is measured; reads first, as they change nothing.
func Loads() []Load {
	return []Load{
		read("10 events", 0.5, 10, func(s School, rng *rand.Rand) Item { return Item{Tags: []string{s.student(rng)}} }),
		read("100 events", 0, 100, func(s School, rng *rand.Rand) Item { return Item{Tags: []string{s.course(rng)}} }),
		appending("1 tag", oneTag),
		appending("3 tags", threeTags),
		appending("3-item OR", threeItems),
		appending("course", course),
	}
}

func read(name string, most float64, limit int, item func(s School, rng *rand.Rand) Item) Load {
	return Load{"read, " + name, most, true,
		func(ctx context.Context, session Session, school School, rng *rand.Rand) (int, bool, error) {
			found, err := session.Read(ctx, item(school, rng), limit)
			return found, false, err
		}}
}

func appending(name string, event func(s School, rng *rand.Rand) (Event, []Item)) Load {
	return Load{"append, " + name, 1, false,
		func(ctx context.Context, session Session, school School, rng *rand.Rand) (int, bool, error) {
			event, items := event(school, rng)
			conflict, err := session.Append(ctx, event, items)
			return 0, conflict, err
		}}
}

// The events that are appended, and the items of their conditions.

func oneTag(s School, rng *rand.Rand) (Event, []Item) {
	student := s.student(rng)
	return Event{studentRegistered, []string{student}, data(0, "name", "somebody")},
		[]Item{{[]string{studentRegistered}, []string{student}}}
}

func threeTags(s School, rng *rand.Rand) (Event, []Item) {
	tags := []string{s.course(rng), s.student(rng), fmt.Sprintf("term:t%d", rng.IntN(100))}
	return Event{subscribed, tags, data(0, "grade", "none yet")}, []Item{{[]string{subscribed}, tags}}
}

func threeItems(s School, rng *rand.Rand) (Event, []Item) {
	course, student := s.course(rng), s.student(rng)
	return Event{subscribed, []string{course, student}, data(0, "grade", "none yet")}, []Item{
		{[]string{courseDefined}, []string{course}},
		{[]string{studentRegistered}, []string{student}},
		{[]string{subscribed}, []string{student}},
	}
}

func course(s School, rng *rand.Rand) (Event, []Item) {
	course, student := s.course(rng), s.student(rng)
	return Event{subscribed, []string{course, student}, data(0, "grade", "none yet")}, []Item{
		{[]string{courseDefined}, []string{course}},
		{[]string{subscribed}, []string{course}},
		{[]string{subscribed}, []string{course, student}},
	}
}
