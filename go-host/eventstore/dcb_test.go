package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
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

type (
	decision = *eventstore.Decision
	events   = []eventstore.Event
)

// execute executes a command that decides by a handler.
func execute(t testing.TB, s *eventstore.Store, kind string, handler eventstore.Handler) (eventstore.Appended, error) {
	t.Helper()
	// So many attempts that a conflict is never what a test sees.
	return s.Execute(testContext(t), eventstore.Command{Type: kind}, handler, eventstore.ExecuteOptions{Attempts: 1000})
}

func register(t testing.TB, s *eventstore.Store, name string) error {
	_, err := execute(t, s, "RegisterAccount", func(ctx context.Context, d decision) (events, error) {
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
		return events{event("AccountRegistered", "username:"+name)}, nil
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

func purchase(
	t testing.TB, s *eventstore.Store, product string, shown int, grace time.Duration, now func() time.Time,
) error {
	_, err := execute(t, s, "PurchaseProduct", func(ctx context.Context, d decision) (events, error) {
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
				return events{event("ProductPurchased", "product:"+product)}, nil
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
			_, err := execute(t, s, "ConfirmSignUp", func(ctx context.Context, d decision) (events, error) {
				tags := []string{"email:" + email, "otp:" + token}
				pending := eventstore.Exists(with("SignUpInitiated", tags...))
				used := eventstore.Exists(with("SignUpConfirmed", tags...))
				if err := d.Project(ctx, pending, used); err != nil {
					return nil, err
				}
				if used.State {
					return nil, errTwice
				}
				if !pending.State {
					return nil, errNoToken
				}
				return events{event("SignUpConfirmed", tags...)}, nil
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
		create := func(ctx context.Context, d decision) (events, error) {
			number := 1
			for last, err := range d.Read(ctx, with("InvoiceCreated"), eventstore.ReadOptions{Backwards: true, Limit: 1}) {
				if err != nil {
					return nil, err
				}
				n, _ := strconv.Atoi(string(last.Data))
				number = n + 1
			}
			return events{{
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
			_, err := execute(t, s, "PlaceOrder", func(ctx context.Context, d decision) (events, error) {
				used := eventstore.Exists(with("OrderPlaced", "token:"+token))
				if err := d.Project(ctx, used); err != nil {
					return nil, err
				}
				if used.State {
					return nil, errTwice
				}
				return events{event("OrderPlaced", "token:"+token)}, nil
			})
			return err
		}
		require.NoError(t, order("1"))
		require.ErrorIs(t, order("1"), errTwice)
		require.NoError(t, order("2"))
	})
}
