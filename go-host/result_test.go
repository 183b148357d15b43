package coracle

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/reply"
)

// What fmt prints of a reply, and of what a subscription tells, is for people.
func TestPrinting(t *testing.T) {
	answer := NewReply(reply.Array(reply.Int(1), reply.Bulk([]byte("a"))), nil)
	for _, x := range []struct {
		printed any
		text    string
	}{
		{answer, `array[1 "a"]`}, {&answer, `array[1 "a"]`}, {Reply{}, "nil"}, {NewReply(Value{}, errors.New("own")), "own"},
		{NewReply(reply.Error(ClassOther, []byte("ERR no")), nil), "ERR no"},
		{NoticeMessage, "message"}, {NoticeEnded, "ended"}, {NoticeKind(99), "unknown"},
	} {
		require.Equal(t, x.text, fmt.Sprint(x.printed))
	}
}
