package coracle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

func TestURLs(t *testing.T) {
	tcp := func(host string, port uint16) core.Endpoint { return core.Endpoint{Host: host, Port: port} }
	at := func(e ...core.Endpoint) []core.Endpoint { return e }
	for url, want := range map[string]target{
		"redis://localhost":                      {endpoints: at(tcp("localhost", 6379))},
		"redis://":                               {endpoints: at(tcp("localhost", 6379))},
		"redis://h:1":                            {endpoints: at(tcp("h", 1))},
		"redis://[::1]:7/2":                      {endpoints: at(tcp("::1", 7)), database: 2},
		"redis://:p%40ss@h/0":                    {endpoints: at(tcp("h", 6379)), hasUser: true, password: "p@ss"},
		"redis://u:p@h?db=4&protocol=2":          {endpoints: at(tcp("h", 6379)), hasUser: true, username: "u", password: "p", database: 4, resp2: true},
		"redis://h?client_name=me&protocol=3":    {endpoints: at(tcp("h", 6379)), name: "me"},
		"redis://u:p,q@a:1,b,[::1]:3/4":          {endpoints: at(tcp("a", 1), tcp("b", 6379), tcp("::1", 3)), hasUser: true, username: "u", password: "p,q", database: 4},
		"valkey://u:p@h:7000/3?protocol=resp2":   {endpoints: at(tcp("h", 7000)), hasUser: true, username: "u", password: "p", database: 3, resp2: true},
		"valkey://a,b:2?protocol=resp3":          {endpoints: at(tcp("a", 6379), tcp("b", 2))},
		"unix:///s?db=2&user=u%40&pass=p%2B":     {endpoints: at(core.Endpoint{Path: "/s"}), hasUser: true, username: "u@", password: "p+", database: 2},
		"redis+unix:///s?pass=p&client_name=me":  {endpoints: at(core.Endpoint{Path: "/s"}), hasUser: true, password: "p", name: "me"},
		"valkey+unix:///s?protocol=2":            {endpoints: at(core.Endpoint{Path: "/s"}), resp2: true},
		"unix:///run/s,2.sock":                   {endpoints: at(core.Endpoint{Path: "/run/s,2.sock"})},
		"unix:///run/s.sock?db=1":                {endpoints: at(core.Endpoint{Path: "/run/s.sock"}), database: 1},
		"unix://s.sock":                          {endpoints: at(core.Endpoint{Path: "s.sock"})},
		"unix://u:p@/run/redis/redis.sock?db=15": {endpoints: at(core.Endpoint{Path: "/run/redis/redis.sock"}), hasUser: true, username: "u", password: "p", database: 15},
	} {
		got, err := parseURL(url)
		require.NoError(t, err, url)
		require.Equal(t, want, got, url)
	}
}

func TestWrongURLs(t *testing.T) {
	for url, says := range map[string]string{
		"localhost:6379":             "no scheme",
		"rediss://:secret@h":         "rediss (TLS)",
		"valkeys://:secret@h":        "valkeys (TLS)",
		"keydb://:secret@h":          "redis, valkey and unix",
		"redis://h?pass=secret":      "user:password@host",
		"unix://u@/s?pass=secret":    "twice",
		"unix:///s?pw=secret":        "user and pass",
		"http://:secret@h":           "http",
		"redis://u:secret@h:0":       "port",
		"redis://u:secret@h:99999":   "port",
		"redis://u:secret@h/secret":  "database",
		"redis://u:12/secret@h":      "database",
		"redis://u:se/secret@h":      "percent-encoded",
		"redis://u:%zzsecret@h":      "percent-encoded",
		"redis://u:secret@h?what=1":  "what",
		"redis://u:secret@h?db=x":    "database",
		"redis://h?protocol=4":       "protocol",
		"redis://h?protocol=RESP2":   "resp2 and resp3",
		"redis://u:secret@h?a;b":     "after ?",
		"redis://u:sec#secret@h":     "",
		"redis://u:12?secret@h":      "%3F",
		"unix:///s?pass=se&secret":   "%26",
		"redis://u:secret@a,b:0":     "port",
		"redis://u:secret@a,":        "host:port,host:port",
		"redis://a,b:secret/":        "host:port,host:port",
		"unix://a,b":                 "socket",
		"unix://":                    "socket",
		"redis://u:secret@h/1#hello": "#",
	} {
		_, err := parseURL(url)
		require.ErrorIs(t, err, ErrMisuse, url)
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "secret", url)
	}
}
