package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheFingerprintIsTheBeginningOfASHA256(t *testing.T) {
	// By hand: 8 bytes of length before each, and of count before the tags.
	text := "\x00\x00\x00\x00\x00\x00\x00\x01T\x00\x00\x00\x00\x00\x00\x00\x01d\x00\x00\x00\x00\x00\x00\x00\x01m" +
		"\x00\x00\x00\x00\x00\x00\x00\x01E\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03a:1\x00\x00\x00\x00\x00\x00\x00\x03b:2" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01y"
	sum := sha256.Sum256([]byte(text))
	want := [2]uint64{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])}
	c := &Command{ID: NewID(), Type: "T", Data: []byte("d"), Metadata: []byte("m")}
	for _, tags := range [][]string{{"a:1", "b:2"}, {"b:2", "a:1"}} {
		require.Equal(t, want, fingerprint(c, []Event{{ID: NewID(), Type: "E", Tags: tags, Metadata: []byte("y")}}))
		require.NotEqual(t, want, fingerprint(c, []Event{{Type: "E", Tags: tags, Data: []byte("y")}}))
	}
}

func TestTheFingerprintTellsTagsFromData(t *testing.T) {
	tagged := Event{Type: "E", Tags: []string{"a:1", "b:2", "c:3"}, Data: []byte("x"), Metadata: []byte("y")}
	untagged := []Event{
		{Type: "E", Data: []byte("a:1"), Metadata: []byte("b:2")},
		{Type: "c:3", Data: []byte("x"), Metadata: []byte("y")},
	}
	c := &Command{Type: "T"}
	require.NotEqual(t, fingerprint(c, []Event{tagged}), fingerprint(c, untagged))
}

func TestIDs(t *testing.T) {
	id, err := ParseID("01890a5d-ac96-774b-bcce-b302099a8057")
	require.NoError(t, err)
	require.Equal(t, "01890a5d-ac96-774b-bcce-b302099a8057", id.String())
	require.Equal(t, [2]uint64{0x01890a5dac96774b, 0xbcceb302099a8057}, id.halves())
	require.Equal(t, id, idOf(id.halves()))
	for _, bad := range []string{"", "01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a805x"} {
		_, err := ParseID(bad)
		require.Error(t, err, bad)
	}
	before := time.Now().UnixMilli()
	fresh := NewID()
	at := int64(fresh.halves()[0] >> 16)
	require.True(t, before <= at && at <= time.Now().UnixMilli(), fresh)
	require.Equal(t, [2]byte{7, 2}, [2]byte{fresh[6] >> 4, fresh[8] >> 6})
	require.NotEqual(t, fresh, NewID())
	require.Equal(t, fresh, fresh.orNew())
	require.False(t, ID{}.orNew().IsZero())
}

func TestCursorsAsText(t *testing.T) {
	c, err := ParseCursor("12@01890a5d-ac96-774b-bcce-b302099a8057")
	require.NoError(t, err)
	require.EqualValues(t, 12, c.Position)
	require.Equal(t, "12@01890a5d-ac96-774b-bcce-b302099a8057", c.String())
	zero, err := ParseCursor("0")
	require.NoError(t, err)
	require.Equal(t, Cursor{}, zero)
	require.Equal(t, "0", zero.String())
	for _, bad := range []string{
		"", "12", "00", "@", "12@", "-1@01890a5d-ac96-774b-bcce-b302099a8057", "12@x", "+1@x",
		"0@01890a5d-ac96-774b-bcce-b302099a8057", "01@01890a5d-ac96-774b-bcce-b302099a8057",
	} {
		_, err := ParseCursor(bad)
		require.Error(t, err, bad)
	}
	text, err := json.Marshal(map[string]Cursor{"at": c})
	require.NoError(t, err)
	require.JSONEq(t, `{"at":"12@01890a5d-ac96-774b-bcce-b302099a8057"}`, string(text))
	var back map[string]Cursor
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back["at"])
}

func TestJSONIsWhatEveryReaderTakesForTheSame(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	for _, good := range []string{
		"0", `"\\\"\u00e9\ud83d\ude00"`, `"\\ud800"`, `{"a[[{":["\u0000",{}]}`, `"\ufffd�"`, nested(maxJSONDepth),
		"-0", "1e-999", `[1,-2.5E+3,{"1e999":12345678901234567890123}]`,
		`[` + strings.Repeat(`[],{},`, 1000) + `"]]]"]`,
	} {
		require.NoError(t, checkStrict([]byte(good)), good)
	}
	for want, all := range map[error][]string{
		errNotJSON: {"", "{", `{"a":}`, `"\x"`, "1 2"},
		errNotText: {"\"\xff\"", `"\ud800"`, `"\ud800\u0041"`, `"\udc00"`, `"\ude00\ud83d"`, `{"\ud83d ":1}`, `"\ud800\\"`},
		errTooDeep: {nested(maxJSONDepth + 1), strings.Repeat(`{"a":[`, 64) + strings.Repeat("]}", 64)},
		errTooMuch: {"1e999", "[1,-1e400]", `{"a":1e309}`},
	} {
		for _, bad := range all {
			require.ErrorIs(t, checkStrict([]byte(bad)), want, bad)
		}
	}
	_, err := parseLine([]byte("{\"type\":\"A\",\"data\":\"\xff\"}"))
	require.ErrorIs(t, err, errNotText)
}

func TestALineOfAnotherWriter(t *testing.T) {
	event, err := parseLine([]byte(`{"type":"T","data_base64":"/w==","data":null,"tags":null,"id":null,"Type":1,"more":{"x":[1]}}`))
	require.NoError(t, err)
	require.Equal(t, Event{Type: "T", Data: []byte{0xff}}, event)
	for text, want := range map[string]string{
		"[]": "it is no object", "{}": "type is missing", `{"type":null}`: "type is missing", `{"Type":"T"}`: "type is missing",
		`{"type":"T"} x`: "it is not JSON", `{"type":"T","id":"7"}`: "id: an id is 32 hexadecimal",
		`{"type":7}`: "type: a JSON number can't stand there", `{"type":"T","type":"T"}`: "type is there twice",
		`{"type":"T","tags":["a:1",7]}`:       "tags: a JSON number can't stand there",
		`{"type":"T","id":7}`:                 "id: a JSON number can't stand there",
		`{"type":"T","data_base64":"/w=\n="}`: "data_base64: illegal base64", `{"type":"T","data_base64":"/x=="}`: "data_base64: illegal base64",
		`[null,"T",null,"x",null,null,null]`: "it is no object", `{"type":"T","data_base64":"é"}`: "data_base64: illegal base64",
		`{"type":"T","more":["\ud800"]}`: "half of a surrogate pair",
	} {
		_, err := parseLine([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestOnlyWhatIsSpaceInJSONIsPassedOver(t *testing.T) {
	var events int
	for _, err := range parsed(strings.NewReader(" \t\r\n\t{\"type\":\"T\"}\r\n"), 100) {
		require.NoError(t, err)
		events++
	}
	require.Equal(t, 1, events)
	for _, other := range []string{"\v", "\f", "\u0085", "\u00a0"} {
		for _, err := range parsed(strings.NewReader(other+"{\"type\":\"T\"}"), 100) {
			require.ErrorIs(t, err, ErrInvalid, "%q", other)
		}
		for _, err := range parsed(strings.NewReader(other+"\n"), 100) {
			require.ErrorIs(t, err, ErrInvalid, "%q", other)
		}
	}
}

func TestALineIsNoLongerThanAnEventNeeds(t *testing.T) {
	line := `{"type":"T"}`
	var events int
	for _, err := range parsed(strings.NewReader(line+"\n\n"+line), len(line)+1) {
		require.NoError(t, err)
		events++
	}
	require.Equal(t, 2, events)
	for _, err := range parsed(strings.NewReader("\n"+line+strings.Repeat(" ", 9)), len(line)) {
		require.ErrorContains(t, err, "line 2: it is longer than 12 bytes")
	}
	require.Equal(t, 6000+256<<10, (&Store{bytes: 1000}).longestLine())
}

func TestATimeBetweenTwoMillisecondsIsTheLaterOne(t *testing.T) {
	for want, at := range map[uint64]time.Time{
		5: time.UnixMilli(5), 6: time.UnixMilli(5).Add(time.Nanosecond), 0: time.UnixMilli(-5).Add(time.Nanosecond),
	} {
		require.Equal(t, want, SinceTime(at).flow.At)
	}
}

func TestMemoryLimitsThatCantBe(t *testing.T) {
	for limit, fine := range map[uint64]bool{
		0: false, minMemoryLimit - 1: false, minMemoryLimit: true, maxMemoryLimit: true, maxMemoryLimit + 1: false,
	} {
		err := gather("n", []Option{WithMemoryLimit(limit)}).check()
		require.Equal(t, fine, err == nil, "%d", limit)
		require.Equal(t, !fine, errors.Is(err, ErrInvalid))
	}
}
