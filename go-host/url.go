package coracle

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

const defaultPort = 6379

// target is what a URL says.
type target struct {
	endpoints []core.Endpoint
	username  string
	password  string
	hasUser   bool
	database  uint32
	resp2     bool
	name      string
}

// parseURL reads redis://[user[:password]@]host[:port][,host[:port]...][/db] and unix://[user[:password]@]path[?db=N],
// and the other names that both have. Errors say what is wrong, but quote nothing of the part that may hold a password.
func parseURL(text string) (target, error) {
	t, err := readURL(text)
	if err != nil {
		return t, misuse("the URL is wrong: " + err.Error())
	}
	return t, nil
}

func readURL(text string) (t target, err error) {
	scheme, _, found := strings.Cut(text, "://")
	if !found {
		return t, errors.New("it has no scheme; redis://host:port is expected")
	}
	isSocket := false
	switch scheme {
	case "redis", "valkey":
	case "unix", "redis+unix", "valkey+unix":
		isSocket = true
	case "rediss", "valkeys":
		return t, fmt.Errorf("%s (TLS) is not supported yet", scheme)
	default:
		return t, fmt.Errorf("the scheme %q is unknown; redis, valkey and unix are known", scheme)
	}
	text, others := cutHosts(text)
	u, err := url.Parse(text)
	if err != nil { // its text quotes the URL
		return t, errors.New("it can't be read; are special characters in the user name or password percent-encoded?")
	}
	if u.User != nil {
		t.hasUser = true
		t.username = u.User.Username()
		t.password, _ = u.User.Password()
	}
	if u.Fragment != "" {
		return t, errors.New("it has a part after #, which means nothing here")
	}
	if isSocket {
		if u.Host+u.Path == "" || len(others) > 0 {
			return t, errors.New("it names no socket, or more than one; unix:///path is expected")
		}
		t.endpoints = []core.Endpoint{{Path: u.Host + u.Path}}
	} else if err := t.readHosts(u, others); err != nil {
		return t, err
	}
	return t, t.readQuery(u.RawQuery, isSocket)
}

// cutHosts takes all hosts but the first out of a URL.
func cutHosts(text string) (rest string, others []string) {
	from := strings.Index(text, "://") + len("://")
	to := len(text)
	if end := strings.IndexAny(text[from:], "/?#"); end >= 0 {
		to = from + end
	}
	from += strings.LastIndexByte(text[from:to], '@') + 1
	hosts := strings.Split(text[from:to], ",")
	return text[:from] + hosts[0] + text[to:], hosts[1:]
}

func (t *target) readHosts(u *url.URL, others []string) error {
	urls := []*url.URL{u}
	for _, host := range others {
		other, err := url.Parse("redis://" + host)
		if err != nil || host == "" {
			return errors.New("one of its hosts can't be read; host:port,host:port is expected")
		}
		urls = append(urls, other)
	}
	for _, u := range urls {
		e, err := endpointOf(u)
		if err != nil {
			return err
		}
		t.endpoints = append(t.endpoints, e)
	}
	if database := strings.Trim(u.Path, "/"); database != "" {
		return t.readDatabase(database)
	}
	return nil
}

func endpointOf(u *url.URL) (core.Endpoint, error) {
	e := core.Endpoint{Host: u.Hostname(), Port: defaultPort}
	if e.Host == "" {
		e.Host = "localhost"
	}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return e, errors.New("the port is not a number from 1 to 65535")
		}
		e.Port = uint16(port)
	}
	return e, nil
}

func (t *target) readDatabase(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("the database is not a number")
	}
	t.database = uint32(n)
	return nil
}

func (t *target) readQuery(raw string, isSocket bool) error {
	// A password with a question mark: what is in front of that would be the host, and the rest must not be shown.
	if !isSocket && strings.Contains(raw, "@") {
		return errors.New("it has an @ behind its ?; a ? in a password is %3F")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the part after ? can't be read")
	}
	if isSocket && (query.Has("user") || query.Has("pass")) {
		if t.hasUser {
			return errors.New("it says twice who the user is: before @, and after ?")
		}
		t.hasUser, t.username, t.password = true, query.Get("user"), query.Get("pass")
		query.Del("user")
		query.Del("pass")
	}
	for key := range query {
		value := query.Get(key)
		switch key {
		case "db":
			if err := t.readDatabase(value); err != nil {
				return err
			}
		case "protocol":
			if t.resp2, err = readProtocol(value); err != nil {
				return err
			}
		case "client_name":
			t.name = value
		case "user", "pass":
			return fmt.Errorf("the parameter %q is for unix sockets; write user:password@host", key)
		default:
			if isSocket { // its name may be what is behind an & in a password
				return errors.New("it has a parameter that is unknown; db, protocol, client_name, user and pass are known; " +
					"an & in a password is %26")
			}
			return fmt.Errorf("the parameter %q is unknown; db, protocol and client_name are known, and of a unix socket "+
				"user and pass", key)
		}
	}
	return nil
}

func readProtocol(text string) (resp2 bool, err error) {
	switch text {
	case "2", "resp2":
		return true, nil
	case "3", "resp3":
		return false, nil
	}
	return false, fmt.Errorf("the protocol %q is unknown; 2 and 3, or resp2 and resp3, are known", text)
}
