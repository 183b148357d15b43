package coracle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

func TestURLs(t *testing.T) {
	tcp := func(host string, port uint16) core.Endpoint { return core.Endpoint{Host: host, Port: port} }
	for url, want := range map[string]target{
		"redis://localhost":                      {endpoint: tcp("localhost", 6379)},
		"redis://":                               {endpoint: tcp("localhost", 6379)},
		"redis://h:1":                            {endpoint: tcp("h", 1)},
		"redis://[::1]:7/2":                      {endpoint: tcp("::1", 7), database: 2},
		"redis://:p%40ss@h/0":                    {endpoint: tcp("h", 6379), hasUser: true, password: "p@ss"},
		"redis://u:p@h?db=4&protocol=2":          {endpoint: tcp("h", 6379), hasUser: true, username: "u", password: "p", database: 4, resp2: true},
		"redis://h?client_name=me&protocol=3":    {endpoint: tcp("h", 6379), name: "me"},
		"unix:///run/s.sock?db=1":                {endpoint: core.Endpoint{Path: "/run/s.sock"}, database: 1},
		"unix://s.sock":                          {endpoint: core.Endpoint{Path: "s.sock"}},
		"unix://u:p@/run/redis/redis.sock?db=15": {endpoint: core.Endpoint{Path: "/run/redis/redis.sock"}, hasUser: true, username: "u", password: "p", database: 15},
	} {
		got, err := parseURL(url)
		require.NoError(t, err, url)
		require.Equal(t, want, got, url)
	}
}

func TestWrongURLs(t *testing.T) {
	for url, says := range map[string]string{
		"localhost:6379":             "no scheme",
		"rediss://:secret@h":         "TLS",
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
		"redis://u:secret@h?a;b":     "after ?",
		"redis://u:sec#secret@h":     "",
		"unix://":                    "socket",
		"redis://u:secret@h/1#hello": "#",
	} {
		_, err := parseURL(url)
		require.ErrorIs(t, err, ErrMisuse, url)
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "secret", url)
	}
}
