package vectors

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/coracle-client/coracle/go-host/internal/wire"
	"github.com/coracle-client/coracle/go-host/reply"
)

// value reads a value.
func value(raw json.RawMessage) (v reply.Value, err error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return v, err
	}
	for key, inner := range object {
		switch key {
		case "nil":
			return reply.Value{}, nil
		case "ok":
			return reply.Status("OK"), nil
		case "bool":
			var b bool
			err = json.Unmarshal(inner, &b)
			return reply.Bool(b), err
		case "int":
			var n int64
			err = json.Unmarshal(inner, &n)
			return reply.Int(n), err
		case "double":
			return double(inner)
		case "error":
			return serverError(inner, object["class"])
		case "status", "bulk", "big":
			return stringOf(key, inner)
		case "verbatim":
			return verbatim(inner)
		case "array", "set":
			return list(key, inner)
		case "map":
			pairs, err := pairs(inner)
			return reply.Map(pairs...), err
		case "attribute":
			attributes, err := pairs(inner)
			if err != nil {
				return v, err
			}
			of, err := value(object["of"])
			return of.WithAttribute(reply.Map(attributes...)), err
		}
	}
	return v, fmt.Errorf("no such value: %s", raw)
}

func double(raw json.RawMessage) (v reply.Value, err error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return v, err
	}
	f, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8000000000000)
	}
	return reply.Double(f), err
}

func serverError(raw, class json.RawMessage) (v reply.Value, err error) {
	line, err := text(raw)
	if err != nil {
		return v, err
	}
	var name string
	if err := json.Unmarshal(class, &name); err != nil {
		return v, err
	}
	c, err := classOf(name)
	return reply.Error(c, line), err
}

func stringOf(key string, raw json.RawMessage) (v reply.Value, err error) {
	b, err := text(raw)
	switch key {
	case "status":
		return reply.Status(string(b)), err
	case "big":
		return reply.BigNumber(b), err
	default:
		return reply.Bulk(b), err
	}
}

func verbatim(raw json.RawMessage) (v reply.Value, err error) {
	parts, err := texts(raw)
	if err != nil {
		return v, err
	}
	if len(parts) != 2 || len(parts[0]) != 3 {
		return v, fmt.Errorf("a verbatim string is a format of three characters, and a string")
	}
	return reply.Verbatim([3]byte(parts[0]), parts[1]), nil
}

func list(key string, raw json.RawMessage) (v reply.Value, err error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return v, err
	}
	elems := make([]reply.Value, len(items))
	for i, item := range items {
		if elems[i], err = value(item); err != nil {
			return v, err
		}
	}
	if key == "set" {
		return reply.Set(elems...), nil
	}
	return reply.Array(elems...), nil
}

func pairs(raw json.RawMessage) ([]reply.Value, error) {
	var items [][2]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	var all []reply.Value
	for _, pair := range items {
		for _, half := range pair {
			v, err := value(half)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// classOf finds an error class by its name.
func classOf(name string) (wire.ErrorClass, error) {
	for c := wire.ErrorClass(0); c.String() != "unknown"; c++ {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("no such class of errors: %s", name)
}
