package coracle

import (
	"encoding/json"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/internal/core"
)

// urlVectors are URLs and what all hosts make of them; the README beside the file says what its fields mean.
type urlVectors struct {
	Taken []struct {
		URL       string   `json:"url"`
		Endpoints []string `json:"endpoints"`
		Database  uint32   `json:"database"`
		Username  string   `json:"username"`
		Password  string   `json:"password"`
		RESP2     bool     `json:"resp2"`
		Name      string   `json:"name"`
	} `json:"taken"`
	Refused []struct {
		URL  string `json:"url"`
		Says string `json:"says"`
	} `json:"refused"`
}

func readURLVectors(t *testing.T) (v urlVectors) {
	file, err := os.Open("../tests/vectors/urls.json")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&v))
	require.NotEmpty(t, v.Taken)
	require.NotEmpty(t, v.Refused)
	return v
}

func shownEndpoint(e core.Endpoint) string {
	if e.Path != "" {
		return e.Path
	}
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

func TestURLsMeanTheSameInAllHosts(t *testing.T) {
	for _, want := range readURLVectors(t).Taken {
		got, err := parseURL(want.URL)
		require.NoError(t, err, want.URL)
		var endpoints []string
		for _, e := range got.endpoints {
			endpoints = append(endpoints, shownEndpoint(e))
		}
		require.Equal(t, want.Endpoints, endpoints, want.URL)
		got.endpoints = nil
		require.Equal(t, target{
			database: want.Database, username: want.Username, password: want.Password, resp2: want.RESP2, name: want.Name,
			hasUser: want.Username+want.Password != "",
		}, got, want.URL)
	}
}

func TestWrongURLsAreRefusedInAllHosts(t *testing.T) {
	for _, wrong := range readURLVectors(t).Refused {
		_, err := parseURL(wrong.URL)
		require.ErrorIs(t, err, ErrMisuse, wrong.URL)
		require.ErrorContains(t, err, wrong.Says, wrong.URL)
		require.False(t, strings.Contains(err.Error(), "hidden"), wrong.URL)
	}
}
