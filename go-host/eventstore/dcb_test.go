package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

// The examples of dcb.events, as its readers would write them here. In each, a rule spans what no single aggregate has.

var (
	errFull       = errors.New("the course is full")
	errTwice      = errors.New("already")
	errTooMany    = errors.New("five courses are enough")
	errUnknown    = errors.New("there is no such course")
	errTaken      = errors.New("the name is taken")
	errWrongPrice = errors.New("the price is another")
	errNoToken    = errors.New("no such token is pending")
)

// execute executes a command that decides by a handler.
func execute(t testing.TB, s *eventstore.Store, kind string, handler eventstore.Handler) (eventstore.Appended, error) {
	t.Helper()
	// So many attempts that a conflict is never what a test sees.
	return s.Execute(testContext(t), eventstore.Command{Type: kind}, handler, eventstore.ExecuteOptions{Attempts: 1000})
}

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
	_, err := execute(t, s.Store, "SubscribeStudent", func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
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
		return []eventstore.Event{event("StudentSubscribed", inCourse, ofStudent)}, nil
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

func register(t testing.TB, s *eventstore.Store, name string) error {
	_, err := execute(t, s, "RegisterAccount", func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		taken := &eventstore.Projection[bool]{
			Query: eventstore.NewQuery(eventstore.Item{
				Types: []string{"AccountRegistered", "AccountClosed", "UsernameReleased"}, Tags: []string{"username:" + name},
			}),
			Apply: func(_ bool, e eventstore.Recorded) bool { return e.Type == "AccountRegistered" },
		}
		if err := d.Project(ctx, taken); err != nil {
			return nil, err
		}
		if taken.State {
			return nil, errTaken
		}
		return []eventstore.Event{event("AccountRegistered", "username:"+name)}, nil
	})
	return err
}

func TestUniqueUsernames(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		require.NoError(t, register(t, s, "ada"))
		require.ErrorIs(t, register(t, s, "ada"), errTaken)
		require.NoError(t, register(t, s, "eve"))
		mustAppend(t, s, event("AccountClosed", "username:ada"))
		require.NoError(t, register(t, s, "ada"))

		var won, lost int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				err := register(t, s, "bob")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if errors.Is(err, errTaken) {
					lost++
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, [2]int{1, 63}, [2]int{won, lost})
	})
}

// prices are those at which a product may be bought: the last one, and the one before for a while.
type prices struct {
	now    int
	before []int
}

func purchase(t testing.TB, s *eventstore.Store, product string, shown int, grace time.Duration, now func() time.Time) error {
	_, err := execute(t, s, "PurchaseProduct", func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		valid := &eventstore.Projection[prices]{
			Query: eventstore.NewQuery(eventstore.Item{
				Types: []string{"ProductDefined", "ProductPriceChanged"}, Tags: []string{"product:" + product},
			}),
			Apply: func(p prices, e eventstore.Recorded) prices {
				if now().Sub(e.Time) < grace {
					p.before = append(p.before, p.now)
				} else {
					p.before = nil
				}
				_ = json.Unmarshal(e.Data, &p.now)
				return p
			},
		}
		if err := d.Project(ctx, valid); err != nil {
			return nil, err
		}
		for _, price := range append(valid.State.before, valid.State.now) {
			if price == shown && price != 0 {
				return []eventstore.Event{event("ProductPurchased", "product:"+product)}, nil
			}
		}
		return nil, errWrongPrice
	})
	return err
}

func TestDynamicPrices(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		price := func(kind string, n int) {
			mustAppend(t, s, eventstore.Event{Type: kind, Tags: []string{"product:p"}, Data: []byte(strconv.Itoa(n))})
		}
		later := time.Duration(0)
		now := func() time.Time { return time.Now().Add(later) }
		buy := func(shown int) error { return purchase(t, s, "p", shown, time.Hour, now) }
		require.ErrorIs(t, buy(10), errWrongPrice)
		price("ProductDefined", 10)
		require.NoError(t, buy(10))
		require.ErrorIs(t, buy(11), errWrongPrice)
		price("ProductPriceChanged", 12)
		require.NoError(t, buy(10), "the one that was shown a moment ago")
		require.NoError(t, buy(12))
		later = 2 * time.Hour
		require.ErrorIs(t, buy(10), errWrongPrice)
		require.NoError(t, buy(12))
	})
}

func TestOptInTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		confirm := func(email, token string) error {
			_, err := execute(t, s, "ConfirmSignUp", func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				tags := []string{"email:" + email, "otp:" + token}
				pending, used := eventstore.Exists(with("SignUpInitiated", tags...)), eventstore.Exists(with("SignUpConfirmed", tags...))
				if err := d.Project(ctx, pending, used); err != nil {
					return nil, err
				}
				if used.State {
					return nil, errTwice
				}
				if !pending.State {
					return nil, errNoToken
				}
				return []eventstore.Event{event("SignUpConfirmed", tags...)}, nil
			})
			return err
		}
		mustAppend(t, s, event("SignUpInitiated", "email:a@b", "otp:1"), event("SignUpInitiated", "email:c@d", "otp:2"))
		require.ErrorIs(t, confirm("a@b", "2"), errNoToken)
		require.NoError(t, confirm("a@b", "1"))
		require.ErrorIs(t, confirm("a@b", "1"), errTwice)
		require.NoError(t, confirm("c@d", "2"))
	})
}

func TestInvoiceNumbersHaveNoGaps(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		const invoices = 64
		create := func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
			number := 1
			for last, err := range d.Read(ctx, with("InvoiceCreated"), eventstore.ReadOptions{Backwards: true, Limit: 1}) {
				if err != nil {
					return nil, err
				}
				n, _ := strconv.Atoi(string(last.Data))
				number = n + 1
			}
			return []eventstore.Event{{
				Type: "InvoiceCreated", Tags: []string{"invoice:" + strconv.Itoa(number)}, Data: []byte(strconv.Itoa(number)),
			}}, nil
		}
		var all sync.WaitGroup
		for range invoices {
			all.Go(func() {
				if _, err := execute(t, s, "CreateInvoice", create); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		numbers := collect(t, s, with("InvoiceCreated"), eventstore.ReadOptions{})
		require.Len(t, numbers, invoices)
		for n, e := range numbers {
			require.Equal(t, strconv.Itoa(n+1), string(e.Data))
		}
	})
}

func TestIdempotencyTokens(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		order := func(token string) error {
			_, err := execute(t, s, "PlaceOrder", func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
				used := eventstore.Exists(with("OrderPlaced", "token:"+token))
				if err := d.Project(ctx, used); err != nil {
					return nil, err
				}
				if used.State {
					return nil, errTwice
				}
				return []eventstore.Event{event("OrderPlaced", "token:"+token)}, nil
			})
			return err
		}
		require.NoError(t, order("1"))
		require.ErrorIs(t, order("1"), errTwice)
		require.NoError(t, order("2"))
	})
}

// What is appended at once is seen at once, in one piece, and nothing comes before what was seen.
func TestReadersSeeAConsistentLog(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *eventstore.Store) {
		const writers, appends, each = 8, 20, 3
		done := make(chan struct{})
		var all, readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				seen := 0
				for last := false; !last; {
					select {
					case <-done:
						last = true
					default:
					}
					var at time.Time
					n := 0
					for e, err := range s.Read(testContext(t), eventstore.All(), eventstore.ReadOptions{}) {
						if err != nil {
							t.Error(err)
							return
						}
						n++
						if e.Position != uint64(n) || e.Time.Before(at) {
							t.Errorf("position %d at %s after %d at %s", e.Position, e.Time, n-1, at)
							return
						}
						at = e.Time
					}
					if n%each != 0 || n < seen {
						t.Errorf("%d events after %d", n, seen)
						return
					}
					seen = n
				}
				if seen != writers*appends*each {
					t.Errorf("%d events", seen)
				}
			})
		}
		for w := range writers {
			all.Go(func() {
				var last uint64
				for range appends {
					tag := fmt.Sprint("w:", w)
					a, err := s.Append(testContext(t), []eventstore.Event{event("A", tag), event("B", tag), event("C", tag)}, eventstore.AppendOptions{})
					if err != nil || a.First <= last || a.Last != a.First+2 {
						t.Error(a, err)
						return
					}
					last = a.Last
				}
			})
		}
		all.Wait()
		close(done)
		readers.Wait()
		for w := range writers {
			require.Len(t, collect(t, s, tagged(fmt.Sprint("w:", w)), eventstore.ReadOptions{}), appends*each)
		}
	}, eventstore.WithPageEvents(50))
}
