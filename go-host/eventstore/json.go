package eventstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how many arrays and objects may be in each other: as in the Rust host, which has to bound it.
const maxJSONDepth = 127

var (
	errNotJSON = errors.New("it is not JSON")
	errNotText = errors.New("it is not UTF-8, or has half of a surrogate pair")
	errTooDeep = errors.New("it is more than " + strconv.Itoa(maxJSONDepth) + " deep")
	errTooMuch = errors.New("a number of it is too large for a float of 64 bits")
)

// checkStrict refuses what is no JSON that every reader takes for the same: [encoding/json] puts another letter in the
// place of what is no text.
func checkStrict(text []byte) error {
	if !utf8.Valid(text) {
		return errNotText
	}
	if !json.Valid(text) {
		return errNotJSON
	}
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '[', '{':
			if depth++; depth > maxJSONDepth {
				return errTooDeep
			}
		case ']', '}':
			depth--
		case '"':
			end, whole := skipString(text, at+1)
			if !whole {
				return errNotText
			}
			at = end
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			end := skipNumber(text, at)
			if _, err := strconv.ParseFloat(string(text[at:end]), 64); err != nil {
				return errTooMuch
			}
			at = end - 1
		}
	}
	return nil
}

// skipNumber gives the end of a number of valid JSON.
func skipNumber(text []byte, at int) int {
	for at < len(text) && bytes.IndexByte([]byte("+-.eE0123456789"), text[at]) >= 0 {
		at++
	}
	return at
}

// skipString gives the place of the quote that ends a string of valid JSON, and whether all its escapes are letters.
func skipString(text []byte, at int) (end int, whole bool) {
	for ; text[at] != '"'; at++ {
		if text[at] != '\\' {
			continue
		}
		at++
		if text[at] != 'u' {
			continue
		}
		first := unit(text[at+1:])
		at += 4
		if !utf16.IsSurrogate(first) {
			continue
		}
		if text[at+1] != '\\' || text[at+2] != 'u' || utf16.DecodeRune(first, unit(text[at+3:])) == utf8.RuneError {
			return at, false
		}
		at += 6
	}
	return at, true
}

// unit is what four hexadecimal digits say.
func unit(text []byte) rune {
	value, _ := strconv.ParseUint(string(text[:4]), 16, 16) // it is valid JSON
	return rune(value)
}
