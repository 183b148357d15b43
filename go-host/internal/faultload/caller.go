package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	coracle "github.com/coracle-client/coracle/go-host"
)

const (
	// maxMaybes bounds the values that may have been set and were not confirmed; older ones are taken to be over.
	maxMaybes = 4096
	// repeats is how often a tag stands in a large value: far above what enters the sandbox.
	repeats = 4096
)

// shared is what all callers of a run have in common.
type shared struct {
	client   *coracle.Client
	tally    *tally
	deadline time.Duration
	stop     atomic.Bool
}

// counter is how often something was done for sure, and how often perhaps.
type counter struct{ sure, maybe int64 }

// allowsNext says whether the count can be n right after one more was done.
func (c *counter) allowsNext(n int64) bool { return n > c.sure && n <= c.sure+c.maybe+1 }

func (c *counter) note(how ended) {
	switch how {
	case fine:
		c.sure++
	case maybe:
		c.maybe++
	}
}

// caller does unique work on keys of its own, one call after the other, and holds each reply against what it can be.
type caller struct {
	*shared
	number   int64
	rounds   int64
	appends  int64
	appended counter
	counted  counter
	atomic   counter
	value    int64 // the last that was set for sure; 0 before
	maybeSet []int64
}

// run works until it is told to stop. It gives what the runner needs to look at the keys.
func (c *caller) run() line {
	work := [...]func() ended{c.append, c.set, c.get, c.count, c.transact, c.echo, c.large}
	for !c.stop.Load() {
		c.rounds++
		if work[c.rounds%int64(len(work))]() != fine {
			time.Sleep(breath)
		}
	}
	l := line{
		"c": c.number, "appends": c.appends, "count": []int64{c.counted.sure, c.counted.maybe},
		"transact": []int64{c.atomic.sure, c.atomic.maybe}, "maybe_set": append([]int64{}, c.maybeSet...),
	}
	if c.value > 0 {
		l["set"] = c.value
	}
	return l
}

// append appends a token that no other append has. Tokens are as long as nobody else's, so that lengths can't be
// confused.
func (c *caller) append() ended {
	token, width := c.appends, 8+c.number
	c.appends++
	started := time.Now()
	reply, how := c.call("APPEND", c.key("append"), fmt.Sprintf("%0*d;", int(width-1), token))
	if how != fine {
		say(line{"say": "append", "c": c.number, "n": token, "how": how})
	} else {
		c.tally.wrote(started)
		n, err := reply.Int64()
		c.expect(err == nil && n%width == 0 && c.appended.allowsNext(n/width), "APPEND", n)
	}
	c.appended.note(how)
	return how
}

func (c *caller) set() ended {
	value := c.rounds
	reply, how := c.call("SET", c.key("set"), c.tag(value))
	switch how {
	case fine:
		text, err := reply.Text()
		c.expect(err == nil && text == "OK", "SET", text)
		c.value = value
	case maybe:
		c.maybeSet = append(c.maybeSet, value)
		c.maybeSet = c.maybeSet[max(0, len(c.maybeSet)-maxMaybes):]
	}
	return how
}

func (c *caller) get() ended {
	reply, how := c.call("GET", c.key("set"))
	if how != fine {
		return how
	}
	if reply.IsNil() {
		if c.value > 0 {
			c.tally.complain("lost", "caller %d set %d and got nil", c.number, c.value)
		}
		return fine
	}
	text, err := reply.Text()
	rest, own := strings.CutPrefix(text, c.prefix())
	value, err2 := strconv.ParseInt(rest, 10, 64)
	switch {
	case err != nil || !own || err2 != nil:
		c.expect(false, "GET", text)
	case value == c.value || slices.Contains(c.maybeSet, value):
	case value < c.value:
		c.tally.complain("lost", "caller %d got %d, and %d was set", c.number, value, c.value)
	default:
		c.tally.complain("phantom", "caller %d got %d, and %d was set", c.number, value, c.value)
	}
	return fine
}

// count counts in steps that are nobody else's.
func (c *caller) count() ended {
	reply, how := c.call("INCRBY", c.key("count"), c.step())
	if how == fine {
		n, err := reply.Int64()
		c.expect(err == nil && n%c.step() == 0 && c.counted.allowsNext(n/c.step()), "INCRBY", n)
	}
	c.counted.note(how)
	return how
}

// transact changes two counters that are only ever changed together.
func (c *caller) transact() ended {
	ctx, cancel := c.context()
	defer cancel()
	tx := c.client.TxPipeline()
	one, other := tx.Do("INCRBY", c.key("one"), c.step()), tx.Do("INCRBY", c.key("other"), c.step())
	started := time.Now()
	_, err := tx.Exec(ctx)
	how := c.tally.end(started, c.deadline, err)
	if how == fine {
		m, err := one.Int64()
		n, err2 := other.Int64()
		own := err == nil && err2 == nil && m == n && n%c.step() == 0
		c.expect(own && c.atomic.allowsNext(n/c.step()), "EXEC", []int64{m, n})
	}
	c.atomic.note(how)
	return how
}

// echo asks for a reply that can be nobody else's.
func (c *caller) echo() ended {
	tag := c.tag(c.rounds)
	reply, how := c.call("ECHO", tag)
	if how == fine {
		text, err := reply.Text()
		c.expect(err == nil && text == tag, "ECHO", text)
	}
	return how
}

// large has a value go by the sandbox in both directions; now and then, as it is most of the bytes.
func (c *caller) large() ended {
	if c.rounds%35 != 6 {
		return fine
	}
	ctx, cancel := c.context()
	defer cancel()
	pipeline := c.client.Pipeline()
	set := pipeline.Do("SET", c.key("large"), strings.Repeat(c.tag(c.rounds)+";", repeats))
	get := pipeline.Do("GET", c.key("large"))
	started := time.Now()
	// The replies have the errors too.
	_, _ = pipeline.Exec(ctx)
	first := c.tally.end(started, c.deadline, set.Err())
	second := c.tally.end(started, c.deadline, get.Err())
	if second == fine && !get.IsNil() {
		text, err := get.Text()
		tag, _, _ := strings.Cut(text, ";")
		own := strings.HasPrefix(tag, c.prefix()) && text == strings.Repeat(tag+";", repeats)
		c.expect(err == nil && own, "a large GET", tag)
	}
	return max(first, second)
}

func (c *caller) call(args ...any) (coracle.Reply, ended) {
	ctx, cancel := c.context()
	defer cancel()
	started := time.Now()
	reply := c.client.Do(ctx, args...)
	return reply, c.tally.end(started, c.deadline, reply.Err())
}

func (c *caller) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), c.deadline)
}

func (c *caller) expect(so bool, command string, got any) {
	if !so {
		c.tally.complain("crossed", "caller %d got %v for %s (appended %d, perhaps %d more)",
			c.number, got, command, c.appended.sure, c.appended.maybe)
	}
}

func (c *caller) key(what string) string { return fmt.Sprintf("f:%d:%s", c.number, what) }

func (c *caller) tag(value int64) string { return c.prefix() + strconv.FormatInt(value, 10) }

func (c *caller) prefix() string { return fmt.Sprintf("c%d:", c.number) }

func (c *caller) step() int64 { return 1000 + c.number }
