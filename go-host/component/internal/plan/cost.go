package plan

import (
	"errors"

	"github.com/coracle-client/coracle/go-host/component/internal/binary"
)

// maxWork bounds what a small binary may unfold to, in units of about 64 bytes: what is only looked at costs one too.
// The components that tools emit take some ten thousand.
const maxWork = 1 << 20

// What things cost that are made anew each time a component is instantiated.
const (
	costDefinition = 8 // with the item that it gives
	costScope      = 8 // of a component or type
	costEntry      = 4 // in a table of names
	costParameter  = 5 // with its places in a signature
	costPart       = 2 // of a type
	labelBytes     = 16
)

// charge bounds the work that a binary can cause. It comes before the work.
func (s *shared) charge(n int) error {
	if s.work += n; s.work > maxWork {
		return errors.New("component unfolds to too much work")
	}
	return nil
}

// cost is that of a definition.
func cost(d *binary.Def) int {
	switch {
	case d.Type != nil:
		return costDefinition + typeCost(d.Type)
	case d.CoreInstance != nil:
		return costDefinition + costEntry*(len(d.CoreInstance.Args)+len(d.CoreInstance.Exports))
	case d.Instance != nil:
		return costDefinition + costEntry*len(d.Instance.Items)
	default:
		return costDefinition
	}
}

func declCost(d *binary.Decl) int {
	if d.Type != nil {
		return costDefinition + typeCost(d.Type)
	}
	return costDefinition
}

// typeCost leaves the declarations of an instance type or component type to be charged one by one.
func typeCost(t *binary.Type) (n int) {
	switch {
	case t.Value != nil:
		n = costPart * (len(t.Value.Parts) + len(t.Value.Labels))
		for _, label := range t.Value.Labels {
			n += len(label) / labelBytes
		}
	case t.Func != nil:
		n = costParameter * len(t.Func.Params)
		for _, name := range t.Func.Names {
			n += len(name) / labelBytes
		}
	default:
		n = costScope
	}
	return n
}
