package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

const (
	// breath is taken after a transfer that was not sent, so that an outage is not a busy loop.
	breath = 25 * time.Millisecond
	// hasty transfers, one of so many, have a short deadline.
	hasty    = 3
	hastyFor = 300 * time.Millisecond
	// margin is how much later than its deadline a command may return.
	margin = 2 * time.Second
	// thorough handlers, one of so many, read all that there is of both accounts.
	thorough = 8
)

// transfer is one between two accounts.
type transfer struct{ number, from, to, amount uint64 }

// bank has all workers transfer until together they have had so many answers for sure.
func (a *agent) bank(o order) error {
	var decided atomic.Int64
	var working sync.WaitGroup
	for n := range o.Workers {
		working.Go(func() { a.work(o, &decided, rand.New(rand.NewPCG(o.Seed, uint64(n+o.Base)))) })
	}
	working.Wait()
	say(line{"say": "banked", "decided": decided.Load()})
	return nil
}

func (a *agent) work(o order, decided *atomic.Int64, random *rand.Rand) {
	for decided.Load() < o.Transfers {
		from := random.Uint64N(o.Accounts)
		to := (from + 1 + random.Uint64N(o.Accounts-1)) % o.Accounts
		t := transfer{number: random.Uint64() >> 1, from: from, to: to, amount: 1 + random.Uint64N(300)}
		id := eventstore.NewID()
		how := a.transfer(t, id)
		// One half is left as it is, and one half is sent again under the same id.
		for how == "maybe" && t.number%2 == 0 {
			how = a.transfer(t, id)
		}
		if how == "done" || how == "declined" {
			decided.Add(1)
		} else {
			time.Sleep(breath)
		}
	}
}

// transfer executes one, and says how that ended.
func (a *agent) transfer(t transfer, id eventstore.ID) string {
	deadline := a.deadline
	if t.number%hasty == 0 {
		deadline = hastyFor
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	started := time.Now()
	command := eventstore.Command{
		ID: id, Type: "Transfer", Data: data(line{"from": t.from, "to": t.to, "amount": t.amount}),
	}
	handler := func(ctx context.Context, d *eventstore.Decision) ([]eventstore.Event, error) {
		return decide(ctx, d, t)
	}
	end := ended(a.store.Execute(ctx, command, handler, eventstore.ExecuteOptions{
		Attempts: 50, Backoff: 2 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	}))
	end["say"], end["id"], end["from"], end["to"], end["amount"] = "transfer", id.String(), t.from, t.to, t.amount
	end["late"] = time.Since(started) > deadline+margin
	say(end)
	return end["how"].(string)
}

func decide(ctx context.Context, d *eventstore.Decision, t transfer) ([]eventstore.Event, error) {
	accounts, balances := [2]uint64{t.from, t.to}, [2]uint64{}
	for n, account := range accounts {
		last, err := lastOf(ctx, d, account)
		if err != nil {
			return nil, err
		}
		if balances[n], err = balanceOf(last, account); err != nil {
			return nil, err
		}
	}
	if t.number%thorough == 0 {
		if err := look(ctx, d, accounts, balances); err != nil {
			return nil, err
		}
	}
	if balances[0] < t.amount {
		return nil, errFunds
	}
	text := data(line{
		"from": t.from, "to": t.to, "amount": t.amount, "from_balance": balances[0] - t.amount,
		"to_balance": balances[1] + t.amount,
	})
	tags := []string{tag(t.from), tag(t.to)}
	return []eventstore.Event{{Type: "Transferred", Tags: tags, Data: text}}, nil
}

// lastOf reads the last event of an account.
func lastOf(ctx context.Context, d *eventstore.Decision, account uint64) (eventstore.Recorded, error) {
	opts := eventstore.ReadOptions{Backwards: true, Limit: 1}
	for event, err := range d.Read(ctx, eventstore.NewQuery(eventstore.Item{Tags: []string{tag(account)}}), opts) {
		return event, err
	}
	return eventstore.Recorded{}, fmt.Errorf("%w: account %d is empty", errTorn, account)
}

// look reads all events of both accounts, in one pass, which must come to the same balances: the reads of a decision
// see one log.
func look(ctx context.Context, d *eventstore.Decision, accounts, balances [2]uint64) error {
	var sums [2]int64
	items := []eventstore.Item{{Tags: []string{tag(accounts[0])}}, {Tags: []string{tag(accounts[1])}}}
	for event, err := range d.Read(ctx, eventstore.NewQuery(items...), eventstore.ReadOptions{}) {
		if err != nil {
			return err
		}
		for n, account := range accounts {
			sums[n] += entryOf(event).change(event.Type, account)
		}
	}
	for n, sum := range sums {
		if sum != int64(balances[n]) {
			return fmt.Errorf("%w: account %d has %d and %d in one decision", errTorn, accounts[n], sum, balances[n])
		}
	}
	return nil
}

// entry is what an event says.
type entry struct {
	Account     uint64 `json:"account"`
	Balance     uint64 `json:"balance"`
	From        uint64 `json:"from"`
	To          uint64 `json:"to"`
	Amount      uint64 `json:"amount"`
	FromBalance uint64 `json:"from_balance"`
	ToBalance   uint64 `json:"to_balance"`
}

func entryOf(event eventstore.Recorded) (e entry) {
	_ = json.Unmarshal(event.Data, &e) // what is no entry is of no account
	return e
}

// change is by how much it changes an account.
func (e entry) change(kind string, account uint64) int64 {
	switch {
	case kind == "Opened" && e.Account == account:
		return int64(e.Balance)
	case kind == "Transferred" && e.From == account:
		return -int64(e.Amount)
	case kind == "Transferred" && e.To == account:
		return int64(e.Amount)
	default:
		return 0
	}
}

// balanceOf is what an event leaves on an account that it is of.
func balanceOf(event eventstore.Recorded, account uint64) (uint64, error) {
	e := entryOf(event)
	switch {
	case event.Type == "Opened" && e.Account == account:
		return e.Balance, nil
	case event.Type == "Transferred" && e.From == account:
		return e.FromBalance, nil
	case event.Type == "Transferred" && e.To == account:
		return e.ToBalance, nil
	default:
		return 0, fmt.Errorf("%w: %d has no balance of account %d", errTorn, event.Position, account)
	}
}

func tag(account uint64) string { return eventstore.Tag("account", strconv.FormatUint(account, 10)) }
