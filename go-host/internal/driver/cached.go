package driver

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/cache"
	"github.com/coracle-client/coracle/go-host/internal/wire"
)

// mayStore is the bit in a reply row's detail that says so.
const mayStore = 1

// Cache is where the lane's stored replies are; nil where none are stored.
func (l *Lane) Cache() *cache.Cache { return l.cache }

// invalidate forgets what the server says has changed, or all.
func (l *Lane) invalidate(s *scene, e wire.Event, nodes []uint64) error {
	if e.Link() == 0 { // the core says by itself that all is to be forgotten
		l.forget()
		return nil
	}
	v, err := l.complete(s, e, nodes)
	if err != nil {
		return err
	}
	if v.IsNil() {
		l.forget()
		return nil
	}
	keys, err := v.Slice()
	if err != nil {
		return fmt.Errorf("keys that changed: %w", err)
	}
	for _, key := range keys {
		b, err := key.Bytes()
		if err != nil {
			return fmt.Errorf("a key that changed: %w", err)
		}
		if l.cache != nil {
			l.cache.Invalidate(b)
		}
	}
	return nil
}

// forget drops what is stored, as changes of it may not be heard of.
func (l *Lane) forget() {
	if l.cache != nil {
		l.cache.Flush()
		l.config.News.tell(Event{Kind: EventCacheFlushed})
	}
}

// endCache stores nothing any more: the lane takes no more commands.
func (l *Lane) endCache() {
	if l.cache != nil {
		l.cache.Close()
	}
}
