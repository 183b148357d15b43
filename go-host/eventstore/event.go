package eventstore

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/coracle-client/coracle/go-host/internal/flow"
)

// Event is what happened, before it is appended.
type Event struct {
	// ID is chosen by the store if it is zero.
	ID ID
	// Type says what kind of thing happened, in 1 to 64 bytes.
	Type string
	// Tags say to what it happened: key:value each, at most 32 of at most 255 bytes, 3000 bytes together. None may
	// come twice. See [Tag]. A tag lock:NAME is not stored: [Store.Append] takes the lock of that name, see
	// [Store.Lock], and gives it back; a handler may name its command's locks alone.
	Tags []string
	// Data is for the caller to understand, and so is Metadata.
	Data, Metadata []byte
}

// Tag makes a tag.
func Tag(key, value string) string { return key + ":" + value }

// Recorded is an event in the log. Data and Metadata of events that came together may share memory.
type Recorded struct {
	// Position counts from 1, without gaps.
	Position uint64
	// Time is when it was appended, by the server's clock; it never goes back from one position to the next.
	Time time.Time
	// Command is the number of the command that it came from, 0 for none.
	Command uint64
	ID      ID
	Type    string
	// Tags are sorted.
	Tags           []string
	Data, Metadata []byte
	// Matches tells which of several queries the event matches, bit i for query i.
	Matches uint64
}

// Cursor is the place right behind the event.
func (r *Recorded) Cursor() Cursor { return Cursor{Position: r.Position, ID: r.ID} }

func recordedOf(row *flow.Row) Recorded {
	return Recorded{
		Position: row.Position, Time: timeOf(row.Time), Command: row.Command, ID: idOf(row.ID), Type: row.Type,
		Tags: row.Tags, Data: row.Data, Metadata: row.Metadata, Matches: row.Matches,
	}
}

// timeOf turns milliseconds since 1970 into a time.
func timeOf(milliseconds uint64) time.Time { return time.UnixMilli(int64(milliseconds)).UTC() }

// Cursor is a place in the log: right behind the event at a position. With that event's id, of which the last 40 bits
// are enough, it proves that the log is still the same: after a fail-over that lost events, others may come to stand at
// their positions. The zero Cursor is before the first event.
type Cursor struct {
	Position uint64
	ID       ID
}

var errCursor = errors.New("eventstore: a cursor is a position, @ and an id, or 0")

// ParseCursor reads what [Cursor.String] writes.
func ParseCursor(text string) (Cursor, error) {
	position, id, full := strings.Cut(text, "@")
	at, err := strconv.ParseUint(position, 10, 64)
	if err != nil || full != (at > 0) || position[0] == '0' && text != "0" {
		return Cursor{}, errCursor
	}
	c := Cursor{Position: at}
	if full {
		if c.ID, err = ParseID(id); err != nil {
			return Cursor{}, errCursor
		}
	}
	return c, nil
}

// String writes the cursor as 7@0192f0c1-2b1f-7c3d-8a4e-5b6c7d8e9f00, the zero one as 0.
func (c Cursor) String() string {
	if c.Position == 0 {
		return "0"
	}
	return strconv.FormatUint(c.Position, 10) + "@" + c.ID.String()
}

// MarshalText is [Cursor.String].
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is [ParseCursor].
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

func (c Cursor) flow() flow.Cursor { return flow.Cursor{Position: c.Position, ID: c.ID.halves()} }

func cursorOf(c flow.Cursor) Cursor {
	if c.Position == 0 {
		return Cursor{}
	}
	return Cursor{Position: c.Position, ID: idOf(c.ID)}
}
