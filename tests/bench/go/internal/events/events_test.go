package events

import (
	"context"
	"testing"
	"time"
)

// open gives each store that needs Redis alone, on a server of its own.
func open(t *testing.T, name string) Store {
	t.Helper()
	var store Store
	var err error
	switch name {
	case "first":
		store, err = OpenFirst(t.Context(), "redis-server", -1)
	case "coracle":
		store, _, err = OpenCoracle(t.Context(), "redis-server", -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// What is compared must do the same.
func TestStoresKeepTheContract(t *testing.T) {
	for _, name := range []string{"first", "coracle"} {
		t.Run(name, func(t *testing.T) {
			store := open(t, name)
			school := NewSchool(500)
			var events []Event
			for place := range 500 {
				events = append(events, school.Event(place))
			}
			if err := store.Fill(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			one, other := session(t, store), session(t, store)
			both := []string{"course:new", "student:new"}
			event := Event{subscribed, both, data(0, "grade", "none yet")}
			for _, c := range []struct {
				what     string
				session  Session
				items    []Item
				conflict bool
			}{
				{"the first with these tags", one, []Item{{[]string{subscribed}, both}}, false},
				{"the same, by one who did not see it", other, []Item{{[]string{subscribed}, both}}, true},
				{"again, as now he has seen it", other, []Item{{[]string{subscribed}, both}}, false},
				{"his own event", other, []Item{{[]string{subscribed}, both[:1]}}, false},
				{"an event of one tag", one, []Item{{[]string{subscribed}, both[:1]}}, true},
				{"an event of another type", one, []Item{{[]string{courseDefined}, both[:1]}}, false},
				{"any type of a tag", other, []Item{{nil, []string{"student:nobody"}}, {nil, both[1:]}}, true},
				{"types without tags", other, []Item{{[]string{courseDefined, studentRegistered}, nil}}, false},
			} {
				conflict, err := c.session.Append(t.Context(), event, c.items)
				if err != nil || conflict != c.conflict {
					t.Fatalf("%s: conflict %t, error %v", c.what, conflict, err)
				}
			}
			// Of two events, each has one of two tags.
			for _, tags := range [][]string{{"course:one", "student:two"}, {"course:two", "student:one"}} {
				if _, err := other.Append(t.Context(), Event{subscribed, tags, nil}, []Item{{nil, tags}}); err != nil {
					t.Fatal(err)
				}
			}
			apart := []Item{{nil, []string{"course:one", "student:one"}}}
			if conflict, err := one.Append(t.Context(), event, apart); err != nil || conflict {
				t.Errorf("tags of two events: conflict %t, error %v", conflict, err)
			}
			for limit, want := range map[int]int{2: 2, 100: 6} {
				if found, err := one.Read(t.Context(), Item{Tags: both[:1]}, limit); err != nil || found != want {
					t.Errorf("at most %d: %d events, error %v", limit, found, err)
				}
			}
			if bytes, err := store.Bytes(t.Context()); err != nil || bytes <= 0 {
				t.Errorf("%d bytes, error %v", bytes, err)
			}
		})
	}
}

func session(t *testing.T, store Store) Session {
	t.Helper()
	s, err := store.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestMeasureEachLoad(t *testing.T) {
	store := open(t, "first")
	school := NewSchool(500)
	events := make([]Event, 500)
	for n := range events {
		events[n] = school.Event(n)
	}
	if err := store.Fill(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for _, load := range Loads() {
		w := workload{store: store, school: school, load: load, callers: 2}
		r, err := w.measure(context.Background(), 0, 10*time.Millisecond)
		if err != nil || r.Ops == 0 || r.ServerCPU <= 0 || r.P99 < r.P50 {
			t.Errorf("%s: %+v, error %v", load.Name, r, err)
		}
	}
}

func TestMarkOfRoundsThatDiffer(t *testing.T) {
	// The machine was slow in the second round, for both.
	store := []Result{{ServerCPU: 20}, {ServerCPU: 60}, {ServerCPU: 21}}
	first := []Result{{ServerCPU: 40}, {ServerCPU: 100}, {ServerCPU: 30}}
	m := MarkOf(Load{Name: "read", Most: 0.5}, store, first)
	if m.Ratio != 0.6 || m.verdict() != "NO" {
		t.Errorf("%v, %s", m.Ratio, m.verdict())
	}
	if middle := Median(store); middle.ServerCPU != 21 {
		t.Errorf("%v", middle.ServerCPU)
	}
}
