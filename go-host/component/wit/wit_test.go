package wit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/coracle-client/coracle/go-host/component/wit"
)

func TestTextOfTypes(t *testing.T) {
	for _, text := range []string{
		"bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
		"list<u8>", "list<list<string>>", "option<char>", "tuple<u8, string>", "result", "result<u8>", "result<u8, string>",
		"result<_, string>", "record{a: u8, b-c: list<u8>}", "variant{a, b(u8), c(variant{d})}", "enum{a, b}", "flags{a, b}",
	} {
		parsed, err := ParseType(text)
		require.NoError(t, err, text)
		require.Equal(t, text, parsed.String())
		require.True(t, parsed.Equal(MustParseType(text)))
	}
	for _, text := range []string{"func()", "func(a: u8)", "func() -> u8", "func(a: u8, b: string) -> result<u8>"} {
		parsed, err := ParseFunc(text)
		require.NoError(t, err, text)
		require.Equal(t, text, parsed.String())
	}
	short, err := ParseFunc(" ( %list : u8 ,\n\tb:s8, ) ->list< u8 > ")
	require.NoError(t, err)
	require.Equal(t, "func(list: u8, b: s8) -> list<u8>", short.String())
}

func TestTextThatIsNoType(t *testing.T) {
	for _, text := range []string{
		"", "u33", "list", "list<", "list<u8", "list<u8>>", "list<_>", "record", "record{a}", "record{a: u8", "variant{a(}",
		"tuple", "enum{a b}", "u8 u8", "result<u8, string, u8>", strings.Repeat("list<", 200) + "u8" + strings.Repeat(">", 200),
	} {
		_, err := ParseType(text)
		require.ErrorIs(t, err, ErrSyntax, text)
	}
	for _, text := range []string{
		"record{}", "tuple<>", "variant{}", "enum{}", "flags{}", "record{a: u8, a: u8}", "enum{a, a}",
		"flags{" + strings.Repeat("a,", 33) + "}",
	} {
		_, err := ParseType(text)
		require.ErrorIs(t, err, ErrType, text)
	}
	for _, text := range []string{"func", "func(", "func(a)", "func() ->", "func() u8", "func(a: u8) -> u8 x"} {
		_, err := ParseFunc(text)
		require.ErrorIs(t, err, ErrSyntax, text)
	}
	_, err := ParseFunc("func(a: u8, a: u8)")
	require.ErrorIs(t, err, ErrType)
	require.Panics(t, func() { MustParseType("?") })
}

func TestTypesDiffer(t *testing.T) {
	texts := []string{
		"u8", "s8", "list<u8>", "list<s8>", "record{a: u8}", "record{b: u8}", "record{a: s8}", "record{a: u8, b: u8}",
		"tuple<u8>", "tuple<u8, u8>", "variant{a}", "variant{b}", "variant{a(u8)}", "enum{a}", "enum{b}", "option<u8>",
		"option<s8>", "result", "result<u8>", "result<_, u8>", "flags{a}", "flags{b}", "flags{a, b}",
	}
	for i, a := range texts {
		for j, b := range texts {
			require.Equal(t, i == j, MustParseType(a).Equal(MustParseType(b)), "%s and %s", a, b)
		}
	}
	require.False(t, MustParseType("u8").Equal(nil))
}

// TestLayout has sizes and flat types worked out by hand from the canonical ABI.
func TestLayout(t *testing.T) {
	const i32, i64, f32, f64 = CoreI32, CoreI64, CoreF32, CoreF64
	for _, c := range []struct {
		text        string
		size, align uint32
		flat        []CoreType
	}{
		{"bool", 1, 1, []CoreType{i32}},
		{"s16", 2, 2, []CoreType{i32}},
		{"char", 4, 4, []CoreType{i32}},
		{"f32", 4, 4, []CoreType{f32}},
		{"f64", 8, 8, []CoreType{f64}},
		{"u64", 8, 8, []CoreType{i64}},
		{"string", 8, 4, []CoreType{i32, i32}},
		{"list<u64>", 8, 4, []CoreType{i32, i32}},
		{"record{a: u8, b: u64, c: u16}", 24, 8, []CoreType{i32, i64, i32}},
		{"tuple<u8, u16, u8>", 6, 2, []CoreType{i32, i32, i32}},
		{"enum{a}", 1, 1, []CoreType{i32}},
		{"option<u8>", 2, 1, []CoreType{i32, i32}},
		{"option<u64>", 16, 8, []CoreType{i32, i64}},
		{"result", 1, 1, []CoreType{i32}},
		{"result<u32, string>", 12, 4, []CoreType{i32, i32, i32}},
		{"variant{a(f32), b(u32)}", 8, 4, []CoreType{i32, i32}},
		{"variant{a(f32), b(u64)}", 16, 8, []CoreType{i32, i64}},
		{"variant{a(f32), b(f64)}", 16, 8, []CoreType{i32, i64}},
		{"variant{a(f64), b(u64)}", 16, 8, []CoreType{i32, i64}},
		{"variant{a(f32), b}", 8, 4, []CoreType{i32, f32}},
		{"variant{a(tuple<u8, f32>), b(tuple<u64>)}", 16, 8, []CoreType{i32, i64, f32}},
		{"flags{a}", 1, 1, []CoreType{i32}},
		{"flags{a,b,c,d,e,f,g,h,i}", 2, 2, []CoreType{i32}},
		{"flags{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q}", 4, 4, []CoreType{i32}},
		{"option<flags{a,b,c,d,e,f,g,h,i}>", 4, 2, []CoreType{i32, i32}},
	} {
		typ := MustParseType(c.text)
		require.Equal(t, c.size, typ.Size(), c.text)
		require.Equal(t, c.align, typ.Align(), c.text)
		require.Equal(t, c.flat, typ.Flat(), c.text)
	}
	names := make([]string, 257)
	for i := range names {
		names[i] = "c" + strings.Repeat("x", i)
	}
	enum, err := NewEnum(names[:256]...)
	require.NoError(t, err)
	require.Equal(t, uint32(1), enum.Size())
	enum, err = NewEnum(names...)
	require.NoError(t, err)
	require.Equal(t, uint32(2), enum.Size())
	wide := MustParseType("tuple<" + strings.Repeat("u8,", 40) + ">")
	require.Len(t, wide.Flat(), MaxFlat+1)
	require.Len(t, MustParseType("option<"+wide.String()+">").Flat(), MaxFlat+1)
}

func TestTypesAreBounded(t *testing.T) {
	typ := Primitive(KindU8)
	var err error
	depth := 1
	for ; err == nil; depth++ {
		typ, err = NewList(typ)
	}
	require.ErrorIs(t, err, ErrType)
	require.Equal(t, MaxTypeDepth+1, depth)

	typ, err = Primitive(KindU8), nil
	for err == nil {
		typ, err = NewTuple(typ, typ)
	}
	require.ErrorIs(t, err, ErrType)
	require.Nil(t, Primitive(KindList))
	require.Nil(t, Primitive(200))
	for _, build := range []func() (*Type, error){
		func() (*Type, error) { return NewList(nil) }, func() (*Type, error) { return NewOption(nil) },
		func() (*Type, error) { return NewTuple(nil) }, func() (*Type, error) { return NewRecord(Field{Name: "", Type: typ}) },
	} {
		_, err := build()
		require.ErrorIs(t, err, ErrType)
	}
}

func TestPrintedTypesAreBounded(t *testing.T) {
	typ := MustParseType("record{" + func() string {
		var b strings.Builder
		for i := range 3000 {
			b.WriteString(strings.Repeat("x", 1+i%7) + "-" + strings.Repeat("y", i/7+1) + ": u8,")
		}
		return b.String()
	}() + "}")
	require.Less(t, len(typ.String()), 4000)
	require.Contains(t, typ.String(), "…")
}

func TestValues(t *testing.T) {
	require.Equal(t, int64(-1), S8(-1).Int())
	require.Equal(t, 1.5, F32(1.5).Float())
	require.Equal(t, []string{"a"}, Flags("a").Labels())
	require.Equal(t, uint32(5), Flags("c", "a", "none").FlagBits(MustParseType("flags{a, b, c}")))
	require.Equal(t, "x", Some(String("x")).Payload().Text())
	require.Equal(t, KindInvalid, None().Payload().Kind())
	require.Equal(t, uint64(2), Bytes([]byte{1, 2}).Index(1).Uint())
	require.True(t, Bytes([]byte{1}).Equal(List(U8(1))))
	require.False(t, List(U8(1)).Equal(List(U8(2))))
	require.False(t, Ok().Equal(Err()))
	require.True(t, Variant("a", Value{}).Equal(Variant("a")))
	for v, text := range map[string]Value{
		`[1, -1, true, 1.5, 'x', "s", a(_), {f, g}]`: Tuple(U8(1), S8(-1), Bool(true), F64(1.5), Char('x'), String("s"),
			Variant("a", List()), Flags("f", "g")),
		"ok": Ok(), "_": {}, "some([1])": Some(Bytes([]byte{1})),
	} {
		want := strings.ReplaceAll(v, "a(_)", "a([])")
		require.Equal(t, want, text.String())
	}
}

func TestLongNamesAreCut(t *testing.T) {
	long := strings.Repeat("ä", 1_000_000)
	enum, err := NewEnum(long, "b")
	require.NoError(t, err)
	cut := strings.Repeat("ä", 100) + "…"
	require.Equal(t, "enum{"+cut+", b}", enum.String())
	odd, err := NewFlags("x" + long)
	require.NoError(t, err)
	record, err := NewRecord(Field{long, odd})
	require.NoError(t, err)
	variant, err := NewVariant(Case{long, record})
	require.NoError(t, err)
	inner := cut + ": flags{x" + strings.Repeat("ä", 99) + "…}"
	require.Equal(t, "func("+cut+": variant{"+cut+"(record{"+inner+"})})", (&FuncType{Params: []Field{{long, variant}}}).String())
}

func TestFits(t *testing.T) {
	require.NoError(t, Value{}.Fits(nil))
	require.Error(t, U8(1).Fits(nil))
	require.ErrorIs(t, Value{}.Fits(MustParseType("u8")), ErrValue)
	require.ErrorContains(t, List(U8(1), U16(1)).Fits(MustParseType("list<u8>")), "element 1")
	require.ErrorContains(t, Tuple(U8(1), U16(1)).Fits(MustParseType("tuple<u8, u8>")), "field 1")
	require.ErrorIs(t, Variant("a", U8(1), U8(1)).Fits(MustParseType("variant{a(u8)}")), ErrValue)
	require.ErrorIs(t, Variant("a", U8(1)).Fits(MustParseType("variant{a}")), ErrValue)
	require.ErrorIs(t, Variant("a").Fits(MustParseType("variant{a(u8)}")), ErrValue)
	require.ErrorIs(t, FitsLength(1<<28, 1), ErrValue)
	require.ErrorIs(t, FitsLength(1<<26, 8), ErrValue)
	require.NoError(t, FitsLength(1<<28-1, 1))
	require.False(t, errors.Is(ErrValue, ErrType))
}

func FuzzParse(f *testing.F) {
	f.Add("func(a: u8, b: list<record{c: string}>) -> result<_, variant{d(enum{e}), f}>")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParseFunc(text)
		if err != nil || strings.Contains(parsed.String(), "…") {
			return
		}
		again, err := ParseFunc(parsed.String())
		require.NoError(t, err)
		require.True(t, parsed.Equal(again))
	})
}
