package coracle

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

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

// parseURL reads redis://[user[:password]@]host[:port][,host[:port]...][/db] and unix:///path[?db=N&user=...&pass=...],
// and the other names that both have. Errors say what is wrong, but quote nothing of the part that may hold a password.
// Both hosts hold to tests/vectors/urls.json.
func parseURL(text string) (target, error) {
	t, err := readURL(text)
	if err != nil {
		return t, misuse("the URL is wrong: " + err.Error())
	}
	return t, nil
}

func readURL(text string) (t target, err error) {
	p, err := cutURL(text)
	if err != nil {
		return t, err
	}
	if p.isSocket {
		path, err := url.PathUnescape(p.path)
		if err != nil {
			return t, errUnreadable
		}
		t.endpoints = []core.Endpoint{{Path: path}}
	} else {
		if err := t.readUser(p.user); err != nil {
			return t, err
		}
		if database := strings.Trim(p.path, "/"); database != "" {
			if err := t.readDatabase(database); err != nil {
				return t, err
			}
		}
		for _, host := range strings.Split(p.hosts, ",") {
			e, err := readHost(host)
			if err != nil {
				return t, err
			}
			t.endpoints = append(t.endpoints, e)
		}
	}
	if err := t.readQuery(p.query, p.isSocket); err != nil {
		return t, err
	}
	t.hasUser = t.username+t.password != ""
	return t, nil
}

// urlParts are those of a URL as they are written.
type urlParts struct {
	isSocket                 bool
	user, hosts, path, query string
}

var errUnreadable = errors.New("it can't be read; are special characters in the user name or password percent-encoded?")

// cutURL refuses what libraries for URLs pass over, or understand each in its own way.
func cutURL(text string) (p urlParts, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return p, errors.New("it has no scheme; redis://host:port is expected")
	}
	switch scheme {
	case "redis", "valkey":
	case "unix", "redis+unix", "valkey+unix":
		p.isSocket = true
	case "rediss", "valkeys":
		return p, fmt.Errorf("%s is TLS, which is no URL's yet: use redis:// with "+
			"coracle.WithDialer((&tls.Dialer{Config: config}).DialContext)", scheme)
	default:
		return p, fmt.Errorf("the scheme %q is unknown; redis, valkey and unix are known", scheme)
	}
	if strings.Contains(rest, "#") {
		return p, errors.New("it has a part after #, which means nothing here; a # in a password is %23")
	}
	rest, p.query, _ = strings.Cut(rest, "?")
	// A password with a question mark: what is in front of that would be the host, and the rest must not be shown.
	if !p.isSocket && strings.Contains(p.query, "@") {
		return p, errors.New("it has an @ behind its ?; a ? in a password is %3F")
	}
	authority := rest
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, p.path = rest[:slash], rest[slash:]
	}
	at := strings.LastIndexByte(authority, '@')
	p.user, p.hosts = authority[:max(at, 0)], authority[at+1:]
	return p, p.check(text, authority, at >= 0)
}

func (p *urlParts) check(text, authority string, hasUser bool) error {
	switch decoded, err := url.PathUnescape(text); {
	case strings.ContainsFunc(authority, isStrange), strings.ContainsFunc(text, isControl), strings.HasSuffix(text, " "):
		return errors.New("it has a character that must be percent-encoded, such as %20 for a space")
	case err != nil || !utf8.ValidString(decoded):
		return errors.New("it has a % that begins no character; if it is percent-encoded, a % is %25")
	case strings.Contains(p.query, ";"):
		return errors.New("it has a ; after its ?, which is %3B there; parameters are separated by &")
	case p.isSocket && hasUser:
		return errors.New("it names a socket: user and password go behind it, as ?user=NAME&pass=PASSWORD")
	case p.isSocket && (authority != "" || p.path == ""):
		return errors.New("it names no socket; unix:///path is expected")
	}
	return nil
}

// isStrange tells of what can't be in user name, password and hosts.
func isStrange(r rune) bool {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return false
	default:
		return !strings.ContainsRune("-._~!$&'()*+,;=%:@[]", r)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func (t *target) readUser(text string) error {
	name, password, _ := strings.Cut(text, ":")
	var errs [2]error
	t.username, errs[0] = url.PathUnescape(name)
	t.password, errs[1] = url.PathUnescape(password)
	if errors.Join(errs[:]...) != nil { // its text quotes the URL
		return errUnreadable
	}
	return nil
}

// readHost reads host[:port].
func readHost(text string) (e core.Endpoint, err error) {
	var port string
	if rest, found := strings.CutPrefix(text, "["); found {
		if e.Host, port, found = strings.Cut(rest, "]"); !found {
			port = "wrong"
		} else if colon, cut := strings.CutPrefix(port, ":"); cut {
			port = colon
		} else if port != "" {
			port = "wrong"
		}
		address, err := netip.ParseAddr(e.Host)
		if err != nil || !address.Is6() || address.Zone() != "" {
			return e, errors.New("it has something in [] that is no IPv6 address")
		}
		e.Host = address.String()
	} else if e.Host, port, _ = strings.Cut(text, ":"); e.Host == "" || strings.ContainsAny(e.Host, "%[]") {
		return e, errors.New("it names no host, or one of its hosts can't be read; host:port,host:port is expected")
	}
	if address, err := netip.ParseAddr(e.Host); err == nil && address.IsUnspecified() {
		return e, errors.New("it names a wildcard address, which is none to connect to")
	}
	e.Port = defaultPort
	if port != "" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return e, errors.New("the port is not a number from 1 to 65535")
		}
		e.Port = uint16(number)
	}
	return e, nil
}

func (t *target) readDatabase(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || !isNumber(text) {
		return errors.New("the database is not a number from 0 to 2147483647; a / in a password is %2F")
	}
	t.database = uint32(n)
	return nil
}

func (t *target) readQuery(raw string, isSocket bool) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the part after ? can't be read")
	}
	for key, values := range query {
		if err := t.readParameter(key, values[0], isSocket); err != nil {
			return err
		}
		if len(values) > 1 {
			return fmt.Errorf("it has the parameter %s twice", key)
		}
	}
	return nil
}

func (t *target) readParameter(key, value string, isSocket bool) (err error) {
	switch {
	case key == "protocol":
		t.resp2, err = readProtocol(value)
	case key == "client_name":
		t.name = value
	case isSocket && key == "db":
		err = t.readDatabase(value)
	case isSocket && key == "user":
		t.username = value
	case isSocket && key == "pass":
		t.password = value
	case isSocket: // its name may be what is behind an & in a password
		return errors.New("it has a parameter that is unknown; db, protocol, client_name, user and pass are known; " +
			"an & in a password is %26")
	case key == "db":
		return errors.New("it has the parameter db, which is unknown; the database goes behind the host, as /1")
	case key == "user", key == "pass":
		return fmt.Errorf("it has the parameter %s, which is unknown; they go in front, as user:password@host", key)
	default:
		return fmt.Errorf("it has the parameter %s, which is unknown; protocol and client_name are known, and of a unix "+
			"socket db, user and pass", key)
	}
	return err
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
