package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// school is the example "course subscriptions".
type school struct{ *eventstore.Store }

func (s school) define(t testing.TB, course string, capacity int) {
	t.Helper()
	mustAppend(t, s.Store, eventstore.Event{
		Type: "CourseDefined", Tags: []string{"course:" + course}, Data: []byte(strconv.Itoa(capacity)),
	})
}

func (s school) subscribe(t testing.TB, student, course string) error {
	inCourse, ofStudent := "course:"+course, "student:"+student
	_, err := execute(t, s.Store, "SubscribeStudent", func(ctx context.Context, d decision) (events, error) {
		capacity := &eventstore.Projection[int]{
			Query: eventstore.NewQuery(eventstore.Item{
				Types: []string{"CourseDefined", "CourseCapacityChanged"}, Tags: []string{inCourse},
			}),
			State: -1,
			Apply: func(_ int, e eventstore.Recorded) int {
				n, _ := strconv.Atoi(string(e.Data))
				return n
			},
		}
		inside := eventstore.Count(with("StudentSubscribed", inCourse))
		taken := eventstore.Count(with("StudentSubscribed", ofStudent))
		already := eventstore.Exists(with("StudentSubscribed", inCourse, ofStudent))
		if err := d.Project(ctx, capacity, inside, taken, already); err != nil {
			return nil, err
		}
		switch {
		case capacity.State < 0:
			return nil, errUnknown
		case already.State:
			return nil, errTwice
		case inside.State >= capacity.State:
			return nil, errFull
		case taken.State >= 5:
			return nil, errTooMany
		}
		return events{event("StudentSubscribed", inCourse, ofStudent)}, nil
	})
	return err
}

func TestCourseSubscriptions(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		school := school{s}
		require.ErrorIs(t, school.subscribe(t, "s1", "c1"), errUnknown)
		school.define(t, "c1", 2)
		require.NoError(t, school.subscribe(t, "s1", "c1"))
		require.ErrorIs(t, school.subscribe(t, "s1", "c1"), errTwice)
		require.NoError(t, school.subscribe(t, "s2", "c1"))
		require.ErrorIs(t, school.subscribe(t, "s3", "c1"), errFull)
		mustAppend(t, s, eventstore.Event{Type: "CourseCapacityChanged", Tags: []string{"course:c1"}, Data: []byte("3")})
		require.NoError(t, school.subscribe(t, "s3", "c1"))
		for n := range 5 {
			course := fmt.Sprint("d", n)
			school.define(t, course, 10)
			want := []error{nil, errTooMany}[n/4]
			require.ErrorIs(t, school.subscribe(t, "s1", course), want)
		}
	})
}

// However many come at once, nobody is let in over a limit, and a free place does not stay free.
func TestCourseSubscriptionsAtOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		school := school{s}
		for c := range 8 {
			school.define(t, fmt.Sprint(c), 3)
		}
		var all sync.WaitGroup
		for student := range 6 {
			for course := range 8 {
				all.Go(func() {
					err := school.subscribe(t, fmt.Sprint(student), fmt.Sprint(course))
					if err != nil && !errors.Is(err, errFull) && !errors.Is(err, errTooMany) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		inside, taken := map[string]int{}, map[string]int{}
		for _, e := range collect(t, s, with("StudentSubscribed"), eventstore.ReadOptions{}) {
			inside[e.Tags[0]]++
			taken[e.Tags[1]]++
		}
		for course, n := range inside {
			require.LessOrEqual(t, n, 3, course)
		}
		for student, n := range taken {
			require.LessOrEqual(t, n, 5, student)
		}
		// Who still could has.
		for student := range 6 {
			for course := range 8 {
				require.Error(t, school.subscribe(t, fmt.Sprint(student), fmt.Sprint(course)))
			}
		}
	})
}
