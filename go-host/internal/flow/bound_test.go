package flow

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// usual is the client's time for a request in these tests.
const usual = 30 * time.Second

// took runs a lock that nobody gives back, and gives how long it was waited for.
func took(t *testing.T, ctx context.Context, f *fake, operation Operation) time.Duration {
	t.Helper()
	f.answer = func(call string) (Step, error) {
		if call == "elapsed" {
			return late, nil
		}
		return never, nil
	}
	begun := time.Now()
	_, err := engine(t, f).Run(ctx, &Task{Operation: operation})
	require.Equal(t, FaultDeadline, fault(t, err))
	return time.Since(begun)
}

func TestAnOperationHasTheClientsUsualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{usual: usual}
		require.Equal(t, usual, took(t, t.Context(), f, Lock{}))
		require.EqualValues(t, usual.Microseconds(), f.deadline)

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Equal(t, time.Second, took(t, short, f, Lock{}), "the context's own is the one")

		long, cancel := context.WithTimeout(t.Context(), 2*usual)
		defer cancel()
		require.Equal(t, 2*usual, took(t, long, f, Lock{}), "even where it is later")

		unhurried, cancel := Unhurried(t.Context())
		defer cancel()
		require.Equal(t, 7*24*time.Hour, took(t, unhurried, f, Verify))
	})
}

// What goes on until it is ended is not bounded by it, and nothing is where the client has none.
func TestWhatHasNoUsualTime(t *testing.T) {
	for name, test := range map[string]struct {
		usual     time.Duration
		operation Operation
	}{
		"subscribe": {usual, Subscribe{}}, "keep": {usual, Keep{}}, "a client without": {0, Lock{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{usual: test.usual, answer: func(call string) (Step, error) {
					if call == "elapsed" {
						return Done{}, nil
					}
					return Wait((3 * usual).Microseconds()), nil
				}}
				begun := time.Now()
				_, err := engine(t, f).Run(t.Context(), &Task{Operation: test.operation})
				require.NoError(t, err)
				require.Equal(t, 3*usual, time.Since(begun))
			})
		})
	}
}
