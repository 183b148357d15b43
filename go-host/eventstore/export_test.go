package eventstore

// Provoke has the store's instance trap.
func Provoke(s *Store) error { return s.engine.Provoke() }
