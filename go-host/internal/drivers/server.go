package drivers

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// server is the model server: what it executed, by token, and who is subscribed to what.
type server struct {
	knowsRESP3 bool
	executed   map[string]int
	list       []string // the tokens that were pushed, in order
	published  map[string]uint64
	violations []string // what no client may do
}

// session is a connection as the server sees it.
type session struct {
	resp3    bool
	channels map[string]bool
	output   []byte
	input    input
	multi    bool
	queued   [][][]byte
}

func newServer(resp int) server {
	return server{knowsRESP3: resp == 3, executed: map[string]int{}, published: map[string]uint64{}}
}

func (s *server) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// isAt tells whether a push of this token was answered with this place.
func (s *server) isAt(token string, place int64) bool {
	return place >= 1 && place <= int64(len(s.list)) && s.list[place-1] == token
}

// receive takes input: it executes what is whole.
func (k *session) receive(s *server, b []byte) {
	k.input.bytes = append(k.input.bytes, b...)
	for {
		command, err := k.input.command()
		if err != nil {
			s.violate("%v", err)
			k.input = input{}
		}
		if command == nil {
			return
		}
		k.execute(s, command)
	}
}

// message is one that was published, if it is wanted here.
func (k *session) message(channel string, b []byte) {
	if k.channels[channel] {
		k.answer(k.push(bulk([]byte("message")), bulk([]byte(channel)), bulk(b)))
	}
}

func (k *session) execute(s *server, command [][]byte) {
	switch strings.ToUpper(string(command[0])) {
	case "HELLO":
		if !s.knowsRESP3 {
			k.answer(failure("ERR unknown command 'HELLO'"))
			return
		}
		k.resp3 = true
		k.answer(many('%', bulk([]byte("proto")), integer(3)))
	case "CLIENT":
		k.answer(status("OK"))
	case "PING":
		if !k.resp3 && len(k.channels) > 0 {
			k.answer(k.push(bulk([]byte("pong")), bulk(nil)))
			return
		}
		k.answer(status("PONG"))
	case "MULTI":
		k.multi = true
		k.answer(status("OK"))
	case "EXEC":
		var replies [][]byte
		for _, c := range k.queued {
			replies = append(replies, s.run(c))
		}
		k.multi, k.queued = false, nil
		k.answer(many('*', replies...))
	case "SUBSCRIBE", "UNSUBSCRIBE":
		k.subscribe(strings.ToLower(string(command[0])), command[1:])
	default:
		if k.multi {
			k.queued = append(k.queued, command)
			k.answer(status("QUEUED"))
			return
		}
		k.answer(s.run(command))
	}
}

func (k *session) subscribe(word string, names [][]byte) {
	for _, name := range names {
		if k.channels == nil {
			k.channels = map[string]bool{}
		}
		if word == "subscribe" {
			k.channels[string(name)] = true
		} else {
			delete(k.channels, string(name))
		}
		k.answer(k.push(bulk([]byte(word)), bulk(name), integer(len(k.channels))))
	}
}

func (k *session) push(values ...[]byte) []byte {
	if k.resp3 {
		return many('>', values...)
	}
	return many('*', values...)
}

func (k *session) answer(b []byte) { k.output = append(k.output, b...) }

// run executes a command of a call. Each carries a token, and its reply depends on that.
func (s *server) run(command [][]byte) []byte {
	name, last := string(command[0]), command[len(command)-1]
	var token string
	var size, count int
	var ok bool
	switch name {
	case "RPUSH", "ECHO":
		token, ok = tokenOf(last)
	case "GET", "LRANGE", "INCR", "BLPOP":
		token, size, count, ok = ofKey(command[min(1, len(command)-1)])
	}
	if !ok {
		s.violate("the server got what no caller sent: %.200q", bytes.Join(command, []byte{' '}))
		return failure("ERR what is that")
	}
	s.executed[token]++
	switch name {
	case "RPUSH":
		s.list = append(s.list, token)
		return integer(len(s.list))
	case "ECHO":
		return bulk(last)
	case "GET":
		return bulk(payload(token, size))
	case "LRANGE":
		values := make([][]byte, count)
		for i := range values {
			values[i] = bulk(payload(token, size))
		}
		return many('*', values...)
	case "BLPOP":
		return many('*', bulk(command[1]), bulk(payload(token, size)))
	}
	return failure("ERR no number at " + token)
}

// keyOf names a token, a size and a count.
func keyOf(token string, c Command) string { return fmt.Sprintf("%s/%d/%d", token, c.Size, c.Count) }

// ofKey reads them.
func ofKey(key []byte) (token string, size, count int, ok bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 3 {
		return "", 0, 0, false
	}
	size, err1 := strconv.Atoi(parts[1])
	count, err2 := strconv.Atoi(parts[2])
	return parts[0], size, count, err1 == nil && err2 == nil
}

// nextMessage makes the next message of a channel.
func (s *server) nextMessage(channel string, size int) []byte {
	s.published[channel]++
	return payload(fmt.Sprintf("%s#%d", channel, s.published[channel]), size)
}
