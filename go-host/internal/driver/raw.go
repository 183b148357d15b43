package driver

import (
	"fmt"

	"github.com/coracle-client/coracle/go-host/internal/tape"
	"github.com/coracle-client/coracle/go-host/reply"
)

// completeRaw is [Lane.complete] for a reply whose bytes were asked for. They are left in the scene.
func (l *Lane) completeRaw(s *scene, k *link, nodes []uint64, src *tape.Source) (reply.Value, error) {
	if err := k.raw.Append(nodes, src); err != nil {
		return reply.Value{}, err
	}
	v, raw, ok, err := k.raw.Take()
	if err == nil && !ok {
		err = fmt.Errorf("the value is not complete")
	}
	s.raw = raw
	return v, err
}
