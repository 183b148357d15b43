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
	endpoint core.Endpoint
	username string
	password string
	hasUser  bool
	database uint32
	resp2    bool
	name     string
}

// parseURL reads redis://[user[:password]@]host[:port][/db] and unix://[user[:password]@]path[?db=N]. Errors say what is
// wrong, but quote nothing of the part that may hold a password.
func parseURL(text string) (target, error) {
	t, err := readURL(text)
	if err != nil {
		return t, misuse("the URL is wrong: " + err.Error())
	}
	return t, nil
}

func readURL(text string) (t target, err error) {
	scheme, _, found := strings.Cut(text, "://")
	switch {
	case !found:
		return t, errors.New("it has no scheme; redis://host:port is expected")
	case scheme == "rediss":
		return t, errors.New("rediss (TLS) is not supported yet")
	case scheme != "redis" && scheme != "unix":
		return t, fmt.Errorf("the scheme %q is unknown; redis and unix are known", scheme)
	}
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
	if scheme == "unix" {
		t.endpoint.Path = u.Host + u.Path
		if t.endpoint.Path == "" {
			return t, errors.New("it names no socket; unix:///path is expected")
		}
	} else if err := t.readHost(u); err != nil {
		return t, err
	}
	return t, t.readQuery(u.RawQuery)
}

func (t *target) readHost(u *url.URL) error {
	t.endpoint.Host, t.endpoint.Port = u.Hostname(), defaultPort
	if t.endpoint.Host == "" {
		t.endpoint.Host = "localhost"
	}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return errors.New("the port is not a number from 1 to 65535")
		}
		t.endpoint.Port = uint16(port)
	}
	if database := strings.Trim(u.Path, "/"); database != "" {
		return t.readDatabase(database)
	}
	return nil
}

func (t *target) readDatabase(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("the database is not a number")
	}
	t.database = uint32(n)
	return nil
}

func (t *target) readQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the part after ? can't be read")
	}
	for key := range query {
		value := query.Get(key)
		switch key {
		case "db":
			if err := t.readDatabase(value); err != nil {
				return err
			}
		case "protocol":
			if value != "2" && value != "3" {
				return fmt.Errorf("the protocol %q is unknown; 2 and 3 are known", value)
			}
			t.resp2 = value == "2"
		case "client_name":
			t.name = value
		default:
			return fmt.Errorf("the parameter %q is unknown; db, protocol and client_name are known", key)
		}
	}
	return nil
}
