package cli

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/coracle-client/coracle/go-host/eventstore"
)

const queryHint = `A query is all, or type=A|B,tag=key:value,tag=key:value: of any of the types, and with all of the ` +
	`tags; several queries mean events of any. A \ before , | or \ takes it as it is.`

// parseQueries reads the queries of a flag, which mean the events of any of them.
func parseQueries(flag string, texts []string) (eventstore.Query, error) {
	items := make([]eventstore.Item, len(texts))
	for n, text := range texts {
		item, why := parseItem(text)
		if why != "" {
			return eventstore.Query{}, input(flag+" "+quoted(text)+": "+why, queryHint)
		}
		items[n] = item
	}
	return eventstore.NewQuery(items...), nil
}

// parseItem reads a query, or says why it can't be.
func parseItem(text string) (item eventstore.Item, why string) {
	if text == "all" {
		return item, ""
	}
	for _, part := range split(text, ',') {
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok && name == "all":
			return item, "all stands alone"
		case !ok && name == "":
			return item, "a part between commas is empty"
		case !ok:
			return item, quoted(name) + " has no ="
		case name == "type":
			why = addTypes(&item, value)
		case name == "tag":
			why = addTag(&item, value)
		default:
			why = quoted(name) + " is neither type nor tag"
		}
		if why != "" {
			return item, why
		}
	}
	return item, ""
}

func addTypes(item *eventstore.Item, value string) (why string) {
	if len(item.Types) > 0 {
		return "type comes twice; several are written as type=A|B"
	}
	for _, part := range split(value, '|') {
		name, ok := unescape(part)
		switch {
		case !ok:
			return quoted(part) + ` has a \ that is before neither , nor | nor \`
		case name == "":
			return "a type is empty"
		}
		item.Types = append(item.Types, name)
	}
	return ""
}

func addTag(item *eventstore.Item, value string) (why string) {
	tag, ok := unescape(value)
	switch {
	case !ok:
		return quoted(value) + ` has a \ that is before neither , nor | nor \`
	case !strings.Contains(tag, ":"):
		return "the tag " + quoted(tag) + " is not key:value"
	}
	item.Tags = append(item.Tags, tag)
	return ""
}

// split splits at each separator that no \ stands before.
func split(text string, separator byte) []string {
	var parts []string
	begin := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case separator:
			parts = append(parts, text[begin:at])
			begin = at + 1
		}
	}
	return append(parts, text[begin:])
}

func unescape(text string) (plain string, ok bool) {
	var b strings.Builder
	for at := 0; at < len(text); at++ {
		if text[at] == '\\' {
			at++
			if at == len(text) || !strings.ContainsRune(`,|\`, rune(text[at])) {
				return "", false
			}
		}
		b.WriteByte(text[at])
	}
	return b.String(), true
}

const defaultAcknowledgement = 5 * time.Second

// parseDurability reads --durability; what is empty is the store's.
func parseDurability(text string) (eventstore.Durability, error) {
	kind, after, timed := strings.Cut(text, ",")
	timeout := defaultAcknowledgement
	if timed {
		timeout = parseTime(after)
	}
	count, replicas := strings.CutPrefix(kind, "replicas=")
	n, err := strconv.ParseUint(count, 10, 31)
	switch {
	case text == "":
		return eventstore.Durability{}, nil
	case text == "none":
		return eventstore.Executed(), nil
	case kind == "fsync" && timeout > 0:
		return eventstore.Fsynced(true, 0, timeout), nil
	case replicas && err == nil && n > 0 && timeout > 0:
		return eventstore.Replicas(int(n), timeout), nil
	}
	return eventstore.Durability{}, input("--durability "+quoted(text)+": it can't be",
		"it is none, replicas=N,TIME or fsync,TIME, with a time such as 500ms or 5s, which is 5s unless it is said")
}

// parseTime reads a number of ms, s or m; 0 is none.
func parseTime(text string) time.Duration {
	number := strings.TrimRight(text, "ms")
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute}[text[len(number):]]
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0
	}
	if unit == 0 {
		return 0
	}
	return min(time.Duration(n), math.MaxInt64/unit) * unit // what is more than centuries is for ever
}

// parseLimit reads --limit, which is of digits: a flag of an integer would take 010 for 8.
func parseLimit(text string) (uint64, error) {
	limit, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, input("--limit "+quoted(text)+": it can't be", "it is a number, 0 for all")
	}
	return limit, nil
}

// parseSince reads --since; what is empty is the first command.
func parseSince(text string) (eventstore.Since, error) {
	name, value, _ := strings.Cut(text, "=")
	n, notNumber := strconv.ParseUint(value, 10, 64)
	at, notTime := time.Parse("2006-01-02T15:04:05Z", value)
	switch {
	case text == "":
		return eventstore.SinceNumber(1), nil
	case name == "number" && notNumber == nil:
		return eventstore.SinceNumber(n), nil
	case name == "position" && notNumber == nil:
		return eventstore.SincePosition(n), nil
	case name == "time" && notTime == nil && at.Unix() >= 0 && !strings.Contains(value, ","):
		return eventstore.SinceTime(at), nil
	}
	return eventstore.Since{}, input("--since "+quoted(text)+": it can't be",
		"it is number=N, position=N of an event, or time=T, such as time=2026-01-31T12:00:00Z")
}
