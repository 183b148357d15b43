package eventstore

// Provoke has the store's instance trap.
func Provoke(s *Store) error { return s.engine.Provoke() }

// Follow runs a subscription to its end, and looks only then whether it said that it had begun.
func Follow(s *Store, query Query, after Cursor) (begun, ended error) {
	run, sub := s.subscription(query, after)
	defer sub.stop()
	said := make(chan error, 1)
	sub.follow(run, said)
	return <-said, sub.err
}
