package component

import (
	"github.com/coracle-client/coracle/go-host/component/internal/memory"
	"github.com/coracle-client/coracle/go-host/component/wit"
)

// plainList is a list in a record. Of its elements any bits are a value, so that only its range needs a check.
type plainList struct{ offset, size, align uint32 }

// plainLists gives the lists of a record in which nothing else needs a check; false for any other type. Results of such
// a type are checked at each call, without a look at the type.
func plainLists(t *wit.Type) (lists []plainList, ok bool) {
	if t == nil || t.Kind() != wit.KindRecord {
		return nil, false
	}
	for i, f := range t.Fields() {
		switch {
		case !f.Type.NeedsCheck():
		case f.Type.Kind() == wit.KindList && !f.Type.Elem().NeedsCheck():
			elem := f.Type.Elem()
			lists = append(lists, plainList{offset: t.FieldOffset(i), size: elem.Size(), align: elem.Align()})
		default:
			return nil, false
		}
	}
	return lists, true
}

// checkPlain checks a record at ptr, whose own range was checked.
func checkPlain(m *memory.Memory, ptr uint32, lists []plainList) error {
	for i := range lists {
		l := &lists[i]
		if err := m.Check(m.U32(ptr+l.offset), m.U32(ptr+l.offset+4), l.size, l.align); err != nil {
			return err
		}
	}
	return nil
}
