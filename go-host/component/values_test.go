package component_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
	. "github.com/coracle-client/coracle/go-host/component/wit"
)

const roundtrip = "fixture:values/roundtrip@1.0.0"

func point(x, y int32) Value { return Record(S32(x), S32(y)) }

func nested(id uint64, state Value) Value {
	return Record(
		U64(id),
		List(String("a"), String(""), String("žluťoučký")),
		List(Variant("none"), Variant("circle", F32(1.5)), Variant("polygon", List(point(1, 2), point(-3, 4))),
			Variant("named", Tuple(String("n"), U64(math.MaxUint64))), Variant("far", F64(-2.25)), Variant("small", U8(7)),
			Variant("s", S16(-2))),
		Some(point(9, -9)), state, Flags("read", "exec"),
	)
}

// roundtrips lists values for each function of the fixture.
var roundtrips = map[string][]Value{
	"r-bool":    {Bool(true), Bool(false)},
	"r-s8":      {S8(0), S8(-1), S8(math.MinInt8), S8(math.MaxInt8)},
	"r-u8":      {U8(0), U8(math.MaxUint8)},
	"r-s16":     {S16(-1), S16(math.MinInt16), S16(math.MaxInt16)},
	"r-u16":     {U16(0), U16(math.MaxUint16)},
	"r-s32":     {S32(-1), S32(math.MinInt32), S32(math.MaxInt32)},
	"r-u32":     {U32(0), U32(math.MaxUint32)},
	"r-s64":     {S64(-1), S64(math.MinInt64), S64(math.MaxInt64)},
	"r-u64":     {U64(0), U64(math.MaxUint64)},
	"r-f32":     {F32(0), F32(-1.5), F32(float32(math.Inf(1))), F32(math.MaxFloat32)},
	"r-f64":     {F64(0), F64(-1.5), F64(math.Inf(-1)), F64(math.MaxFloat64)},
	"r-char":    {Char('a'), Char(0), Char(0x10ffff), Char(0xd7ff), Char(0xe000)},
	"r-string":  {String(""), String("plain"), String("čočka 🥣")},
	"r-bytes":   {Bytes(nil), Bytes([]byte{0, 255, 1})},
	"r-u32s":    {List(), List(U32(1), U32(math.MaxUint32))},
	"r-u64s":    {List(), List(U64(1), U64(math.MaxUint64))},
	"r-chars":   {List(), List(Char('x'), Char('🥣'))},
	"r-strings": {List(), List(String("")), List(String("a"), String("bc"), String("def"))},
	"r-points":  {List(), List(point(1, -1), point(math.MaxInt32, math.MinInt32))},
	"r-mix":     {Record(U8(255), U64(1<<63), U16(65535), F64(0.5), Bool(true), S8(-128))},
	"r-single":  {Record(F32(2.5))},
	"r-tuple":   {Tuple(U8(1), U64(2), String("three"))},
	"r-shape": {
		Variant("none"), Variant("circle", F32(-0.5)), Variant("polygon", List()), Variant("polygon", List(point(5, 6))),
		Variant("named", Tuple(String("x"), U64(1<<40))), Variant("far", F64(1e300)), Variant("small", U8(200)),
		Variant("s", S16(-300)),
	},
	"r-shapes":        {List(), List(Variant("far", F64(1)), Variant("none"), Variant("named", Tuple(String("q"), U64(3))))},
	"r-color":         {Enum("red"), Enum("green"), Enum("blue")},
	"r-few":           {Flags(), Flags("write"), Flags("read", "write", "exec")},
	"r-mid":           {Flags(), Flags("m0", "m8")},
	"r-wide":          {Flags(), Flags("w0", "w15", "w31")},
	"r-option":        {None(), Some(U32(0)), Some(U32(math.MaxUint32))},
	"r-option-string": {None(), Some(String("")), Some(String("s"))},
	"r-option-option": {None(), Some(None()), Some(Some(U8(9)))},
	"r-result":        {Ok(U32(4)), Err(String("no"))},
	"r-result-unit":   {Ok(), Err()},
	"r-result-ok":     {Ok(U64(1 << 50)), Err()},
	"r-result-err":    {Ok(), Err(Enum("blue"))},
	"r-nested":        {List(), List(nested(1, Ok(String("fine"))), nested(2, Err(Enum("green"))))},
}

// echo offers every import of the fixture with the type the binary states; each gives its argument back. What it saw is
// kept.
func echo(c *component.Component, saw *[]Value) *component.Imports {
	imports := component.NewImports()
	for _, f := range c.Imports() {
		imports.Func(f.Interface, f.Function, "", func(_ context.Context, call *component.HostCall) error {
			args := make([]Value, call.Len())
			for n := range args {
				args[n] = call.Value(n)
			}
			*saw = args
			switch {
			case f.Function == "host-add":
				return call.ReturnU32(call.U32(0) + call.U32(1))
			case f.Function == "sixteen":
				return call.Return(args[3])
			case f.Function == "seventeen":
				return call.Return(args[12])
			case len(args) == 0:
				return nil
			default:
				return call.Return(args[0])
			}
		})
	}
	return imports
}

func values(t testing.TB, fixture string, saw *[]Value) *component.Instance {
	compiled := compile(t, fixture)
	i, err := compiled.Instantiate(context.Background(), echo(compiled.Component(), saw), component.Config{})
	require.NoError(t, err)
	return i
}

func TestEachTypeGoesInAndOutOnBothSides(t *testing.T) {
	for _, fixture := range []string{"values", "values-wasip2"} {
		t.Run(fixture, func(t *testing.T) {
			var saw []Value
			i := values(t, fixture, &saw)
			tried := 0
			for name, samples := range roundtrips {
				f := function(t, i, roundtrip, name)
				for _, v := range samples {
					saw = nil
					got, err := f.Call(context.Background(), v)
					require.NoError(t, err, "%s(%s)", name, v)
					require.Len(t, saw, 1)
					require.True(t, v.Equal(saw[0]), "%s: host saw %s for %s", name, saw[0], v)
					require.True(t, v.Equal(got), "%s: got %s for %s", name, got, v)
					require.NoError(t, got.Fits(f.Type().Result))
					require.True(t, f.Type().Result.Equal(got.Type()))
					tried++
				}
			}
			require.Greater(t, tried, 80)
			exports := 0
			for _, x := range compile(t, fixture).Component().Exports() {
				if x.Interface == roundtrip {
					exports++
				}
			}
			require.Equal(t, len(roundtrips)+3, exports, "a function of the fixture isn't tested")
		})
	}
}

func TestManyParameters(t *testing.T) {
	for _, fixture := range []string{"values", "values-wasip2"} {
		t.Run(fixture, func(t *testing.T) {
			var saw []Value
			i := values(t, fixture, &saw)
			args := []Value{
				U32(1), U64(2), F32(3), F64(4.5), U32(5), U32(6), U32(7), U32(8), U32(9), U32(10), U32(11), U32(12),
				String("thirteen"), U8(14), S8(-15),
			}
			got, err := call(t, i, roundtrip, "sixteen", args...)
			require.NoError(t, err)
			require.Equal(t, 4.5, got.Float())
			require.True(t, Tuple(args...).Equal(Tuple(saw...)), "%s", saw)

			args = append(args, Bool(true))
			got, err = call(t, i, roundtrip, "seventeen", args...)
			require.NoError(t, err)
			require.Equal(t, "thirteen", got.Text())
			require.True(t, Tuple(args...).Equal(Tuple(saw...)), "%s", saw)
		})
	}
}

func TestFunctionsOfTheWorldAndWithoutParameters(t *testing.T) {
	var saw []Value
	i := values(t, "values", &saw)
	got, err := call(t, i, "", "add", U32(3), U32(4))
	require.NoError(t, err)
	require.Equal(t, uint64(7), got.Uint())
	got, err = call(t, i, roundtrip, "nothing")
	require.NoError(t, err)
	require.Equal(t, KindInvalid, got.Kind())
}

func TestFieldsByName(t *testing.T) {
	var saw []Value
	i := values(t, "values", &saw)
	got, err := call(t, i, roundtrip, "r-mix", Record(U8(1), U64(2), U16(3), F64(4), Bool(true), S8(-6)))
	require.NoError(t, err)
	require.Equal(t, uint64(2), got.Field("b").Uint())
	require.Equal(t, int64(-6), got.Field("f").Int())
	require.Equal(t, KindInvalid, got.Field("none").Kind())
}

func TestUnfitArgumentsAreRefusedBeforeTheCall(t *testing.T) {
	var saw []Value
	i := values(t, "values", &saw)
	for name, v := range map[string]Value{
		"r-bool":       U8(1),
		"r-u8":         U16(1),
		"r-char":       Char(0xd800),
		"r-string":     String("\xff"),
		"r-bytes":      List(U16(1)),
		"r-u32s":       Bytes([]byte{1}),
		"r-strings":    List(String("\xff")),
		"r-points":     List(Record(S32(1))),
		"r-mix":        Record(U8(1)),
		"r-tuple":      Record(U8(1), U64(2), String("")),
		"r-shape":      Variant("square"),
		"r-color":      Enum("yellow"),
		"r-few":        Flags("sing"),
		"r-option":     Some(U64(1)),
		"r-result":     Ok(String("")),
		"r-result-err": Ok(U8(1)),
	} {
		_, err := call(t, i, roundtrip, name, v)
		require.ErrorIs(t, err, component.ErrArgument, name)
		require.NotErrorIs(t, err, component.ErrTrapped)
	}
	require.NoError(t, i.Poisoned())
	require.Nil(t, saw)
	f := function(t, i, roundtrip, "r-bool")
	_, err := f.Call(context.Background(), Bool(true))
	require.NoError(t, err)
	for _, args := range [][]Value{{}, {Bool(true), Bool(true)}} {
		_, err := f.Call(context.Background(), args...)
		require.ErrorIs(t, err, component.ErrArgument)
	}
}

func TestFastPathOfScalarsAndStrings(t *testing.T) {
	var saw []Value
	i := values(t, "values", &saw)
	ctx := context.Background()
	invoke := func(name string, set func(*component.Call), see func(component.View)) {
		c := function(t, i, roundtrip, name).NewCall()
		set(c)
		require.NoError(t, c.Invoke(ctx), name)
		see(c.Result())
		require.NoError(t, c.Done(ctx))
	}
	type C = *component.Call
	type V = component.View
	invoke("r-bool", func(c C) { c.SetBool(0, true) }, func(v V) { require.True(t, v.Bool()) })
	invoke("r-u8", func(c C) { c.SetU8(0, 200) }, func(v V) { require.Equal(t, uint8(200), v.U8()) })
	invoke("r-u16", func(c C) { c.SetU16(0, 60000) }, func(v V) { require.Equal(t, uint16(60000), v.U16()) })
	invoke("r-u32", func(c C) { c.SetU32(0, 1<<31) }, func(v V) { require.Equal(t, uint32(1<<31), v.U32()) })
	invoke("r-u64", func(c C) { c.SetU64(0, 1<<63) }, func(v V) { require.Equal(t, uint64(1<<63), v.U64()) })
	invoke("r-s32", func(c C) { c.SetS32(0, -5) }, func(v V) { require.Equal(t, int32(-5), v.S32()) })
	invoke("r-s64", func(c C) { c.SetS64(0, -6) }, func(v V) { require.Equal(t, int64(-6), v.S64()) })
	invoke("r-s8", func(c C) { c.SetValue(0, S8(-7)) }, func(v V) { require.Equal(t, int8(-7), v.S8()) })
	invoke("r-s16", func(c C) { c.SetValue(0, S16(-8)) }, func(v V) { require.Equal(t, int16(-8), v.S16()) })
	invoke("r-f32", func(c C) { c.SetValue(0, F32(1.5)) }, func(v V) { require.Equal(t, float32(1.5), v.F32()) })
	invoke("r-f64", func(c C) { c.SetValue(0, F64(2.5)) }, func(v V) { require.Equal(t, 2.5, v.F64()) })
	invoke("r-char", func(c C) { c.SetValue(0, Char('🥣')) }, func(v V) { require.Equal(t, '🥣', v.Char()) })
	invoke("r-color", func(c C) { c.SetEnum(0, 2) }, func(v V) {
		require.Equal(t, uint32(2), v.Case())
		require.Nil(t, v.Payload().Type())
	})
	invoke("r-few", func(c C) { c.SetFlags(0, 5) }, func(v V) { require.Equal(t, uint32(5), v.Flags()) })
	invoke("r-wide", func(c C) { c.SetFlags(0, 1<<31|1) }, func(v V) { require.Equal(t, uint32(1<<31|1), v.Flags()) })
	invoke("r-string", func(c C) { c.SetString(0, "ž") }, func(v V) {
		require.Equal(t, "ž", v.Text())
		require.Equal(t, []byte("ž"), v.Bytes())
	})
	invoke("r-u32s", func(c C) { c.SetListU32(0, []uint32{1, 2}) }, func(v V) {
		require.Equal(t, []uint32{1, 2}, v.ListU32())
		require.Equal(t, 2, v.Len())
		require.Equal(t, uint32(2), v.Index(1).U32())
	})
	invoke("r-option-string", func(c C) { c.SetValue(0, Some(String("x"))) }, func(v V) {
		require.Equal(t, uint32(1), v.Case())
		require.Equal(t, "x", v.Payload().Text())
	})
	invoke("r-points", func(c C) { c.SetValue(0, List(point(1, 2), point(3, 4))) }, func(v V) {
		require.Equal(t, int32(4), v.Index(1).Field(1).S32())
		require.Panics(t, func() { v.Index(2) })
	})
}

func TestFastPathRefusesOtherKinds(t *testing.T) {
	var saw []Value
	i := values(t, "values", &saw)
	ctx := context.Background()
	for name, sets := range map[string][]func(*component.Call){
		"r-u32":    {func(*component.Call) {}, func(c *component.Call) { c.SetU64(0, 1) }, func(c *component.Call) { c.SetBytes(0, nil) }},
		"r-color":  {func(c *component.Call) { c.SetEnum(0, 3) }},
		"r-few":    {func(c *component.Call) { c.SetFlags(0, 8) }},
		"r-string": {func(c *component.Call) { c.SetString(0, "\xff") }, func(c *component.Call) { c.SetBytes(0, []byte("a")) }},
		"r-bytes":  {func(c *component.Call) { c.SetString(0, "") }, func(c *component.Call) { c.SetListU32(0, nil) }},
		"r-u64s":   {func(c *component.Call) { c.SetListU32(0, nil) }, func(c *component.Call) { c.SetBytesParts(0, nil) }},
	} {
		for _, set := range sets {
			c := function(t, i, roundtrip, name).NewCall()
			set(c)
			require.ErrorIs(t, c.Invoke(ctx), component.ErrArgument, name)
			require.NoError(t, c.Done(ctx))
		}
	}
	c := function(t, i, roundtrip, "r-u32").NewCall()
	c.SetU32(0, 1)
	require.Panics(t, func() { c.Result() })
	require.NoError(t, c.Invoke(ctx))
	v := c.Result()
	for _, read := range []func(){
		func() { v.U64() }, func() { v.Bytes() }, func() { v.ListU64() }, func() { v.Field(0) }, func() { v.Case() },
		func() { v.Flags() }, func() { v.Text() }, func() { v.Len() }, func() { v.Payload() },
	} {
		require.Panics(t, read)
	}
	require.NoError(t, c.Done(ctx))
	require.Panics(t, func() { c.Result() })
	require.NoError(t, i.Poisoned())
}
