// Package vectors reads the transcripts in tests/vectors, whose README says what they hold.
package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Vector is one transcript.
type Vector struct {
	Name     string
	Settings Settings
	Steps    []Step
}

// Settings are how the client of a vector is to be.
type Settings struct {
	RESP2    bool    `json:"resp2"`
	Database uint32  `json:"database"`
	Name     string  `json:"name"`
	Username *string `json:"username"`
	Password *string `json:"password"`
	// Endpoints counts the servers that the client is given.
	Endpoints int               `json:"endpoints"`
	Tracking  *Tracking         `json:"tracking"`
	Limits    map[string]uint64 `json:"limits"`
}

// Tracking is how the server is to tell of keys that change; nil for not at all.
type Tracking struct {
	// Broadcast is of all keys that begin with one of the prefixes, or all if there are none.
	Broadcast bool
	Prefixes  []string
}

// UnmarshalJSON reads "opt-in", or what the keys begin with.
func (t *Tracking) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"opt-in"` {
		return nil
	}
	t.Broadcast = true
	prefixes, err := texts(raw)
	for _, prefix := range prefixes {
		t.Prefixes = append(t.Prefixes, string(prefix))
	}
	return err
}

// file is a vector as it is written.
type file struct {
	Name     string            `json:"name"`
	Settings Settings          `json:"settings"`
	Steps    []json.RawMessage `json:"steps"`
}

// ServerBytes counts what the server says in all.
func (v *Vector) ServerBytes() (total int) {
	for i := range v.Steps {
		if v.Steps[i].Key == "server" {
			total += len(v.Steps[i].Bytes)
		}
	}
	return total
}

// Read reads all vectors of a folder.
func Read(dir string) ([]Vector, error) {
	var handshakes map[string]map[string]json.RawMessage
	if err := readJSON(filepath.Join(dir, "handshake.json"), &handshakes); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, path := range paths {
		if name := filepath.Base(path); name == "handshake.json" || name == "urls.json" {
			continue
		}
		var files []file
		if err := readJSON(path, &files); err != nil {
			return nil, err
		}
		for _, f := range files {
			v, err := f.vector(strings.TrimSuffix(filepath.Base(path), ".json"), handshakes)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	return all, nil
}

func (f *file) vector(of string, handshakes map[string]map[string]json.RawMessage) (v Vector, err error) {
	v = Vector{Name: of + "/" + f.Name, Settings: f.Settings}
	v.Settings.Endpoints = max(1, v.Settings.Endpoints)
	for i, raw := range f.Steps {
		if v.Steps, err = appendStep(v.Steps, raw, handshakes); err != nil {
			return v, fmt.Errorf("%s: step %d: %w", v.Name, i+1, err)
		}
	}
	return v, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
