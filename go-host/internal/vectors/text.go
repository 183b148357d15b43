package vectors

import (
	"encoding/json"
	"fmt"
	"math"
)

func texts(raw json.RawMessage) ([][]byte, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	all := make([][]byte, len(list))
	for i, item := range list {
		var err error
		if all[i], err = text(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// text reads bytes: a string with one character for each, or an array of strings and repeated strings.
func text(raw json.RawMessage) ([]byte, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			if r > math.MaxUint8 {
				return nil, fmt.Errorf("%q is no byte", r)
			}
			b = append(b, byte(r))
		}
		return b, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("no string: %s", raw)
	}
	var all []byte
	for _, part := range parts {
		var pair [2]json.RawMessage
		times := 1
		if part[0] == '[' {
			if err := json.Unmarshal(part, &pair); err != nil {
				return nil, err
			}
			part = pair[0]
			if err := json.Unmarshal(pair[1], &times); err != nil {
				return nil, err
			}
		}
		b, err := text(part)
		if err != nil {
			return nil, err
		}
		for range times {
			all = append(all, b...)
		}
	}
	return all, nil
}
