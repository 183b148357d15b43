package component_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-client/coracle/go-host/component"
)

// refusedComponents are wrong or use what isn't supported.
var refusedComponents = []struct {
	name, message string
	binary        []byte
}{
	{"nothing", "unexpected end", nil},
	{"a core module", "this is a core module", []byte{0, 'a', 's', 'm', 1, 0, 0, 0}},
	{"another version", "not a component of version", []byte{0, 'a', 's', 'm', 0x0e, 0, 1, 0}},
	{"unknown section", "unknown section 13", bin(section(13, nil))},
	{"bytes left over", "1 bytes are left over in type section", bin(section(7, []byte{1, 0x79, 0}))},
	{"count beyond the bytes", "elements announced", bin(section(7, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}))},
	{"count too long", "longer than 32 bits", bin(section(7, []byte{0xff, 0xff, 0xff, 0xff, 0x1f}))},
	{"length beyond the bytes", "bytes announced", bin([]byte{7, 0x7f})},
	{"name not UTF-8", "name is not UTF-8", bin(vec(7, []byte{0x6d, 1, 1, 0xff}))},
	{"label not kebab", "not in kebab case", bin(vec(7, []byte{0x6d, 1, 1, '_'}))},
	{"long label", "a name of 1025 bytes, allowed are 1024", bin(large(7, join([]byte{1, 0x6d, 1}, long(1025))))},
	{"long name", "a name of 1025 bytes, allowed are 1024", bin(large(10, join([]byte{1, 0}, long(1025), []byte{3, 0, 0})))},
	{"name just not too long", "type 0 of 0", bin(large(10, join([]byte{1, 0}, long(1024), []byte{3, 0, 0})))},
	{"name of nothing", `name "" is neither`, bin(vec(10, join(extern(""), []byte{1, 0})))},
	{"name not kebab", `name "a_b" is neither in kebab case nor that of an interface`, bin(vec(10, join(extern("a_b"), []byte{1, 0})))},
	{"name of no interface", "each in kebab case", bin(vec(10, join(extern("a:b"), []byte{5, 0})))},
	{"namespace in capitals", "each in kebab case", bin(vec(10, join(extern("A:b/c"), []byte{5, 0})))},
	{"interface in an interface", "each in kebab case", bin(vec(10, join(extern("a:b/c/d"), []byte{5, 0})))},
	{"version of one number too few", `has "1.2" for a version`, bin(vec(10, join(extern("a:b/c@1.2"), []byte{5, 0})))},
	{"version with a zero before", `has "1.02.0" for a version`, bin(vec(10, join(extern("a:b/c@1.02.0"), []byte{5, 0})))},
	{"version with an empty word", `has "1.2.0-a." for a version`, bin(vec(10, join(extern("a:b/c@1.2.0-a."), []byte{5, 0})))},
	{"version of zeros", `has "0.0" for a version`, bin(vec(10, join(extern("a:b/c@0.0"), []byte{5, 0})))},
	{"version", "type 0 of 0", bin(vec(10, join(extern("a:b/C@1.2.0-rc.1+x.01"), []byte{5, 0})))},
	{"shared version", "type 0 of 0", bin(vec(10, join(extern("a:b/c@0.2"), []byte{5, 0})))},
	{"dependency", "imports of components by url are not supported", bin(vec(10, join(extern("url=<a>"), []byte{4, 0})))},
	{"label in other letters twice", `name "A" twice`, bin(vec(7, []byte{0x6d, 2, 1, 'a', 1, 'A'}))},
	{"export in other letters twice", `export "A" twice`, bin(vec(7, []byte{0x42, 3, 1, 0x79, 4, 0, 1, 'a', 3, 0, 0, 4, 0, 1, 'A', 3, 0, 0}))},
	{"label twice", `name "a" twice`, bin(vec(7, []byte{0x6d, 2, 1, 'a', 1, 'a'}))},
	{"unknown type code", "unknown type code 0x62", bin(vec(7, []byte{0x62}))},
	{"empty record", "a record without fields", bin(vec(7, []byte{0x72, 0}))},
	{"empty variant", "a variant without cases", bin(vec(7, []byte{0x71, 0}))},
	{"too many flags", "flags with 33 labels", bin(vec(7, join([]byte{0x6e, 33}, manyLabels(33))))},
	{"type index", "type 5 of 0", bin(vec(7, []byte{0x70, 5}))},
	{"function as value", "not a value type", bin(vec(7, []byte{0x40, 0, 1, 0}, []byte{0x70, 0}))},
	{"parameter twice", `parameter "a" twice`, bin(vec(7, []byte{0x40, 2, 1, 'a', 0x79, 1, 'a', 0x79, 1, 0}))},

	{"resource", "resource types are not supported", bin(vec(7, []byte{0x3f, 0x7f, 0}))},
	{"own", "resource types are not supported", bin(vec(7, []byte{0x69, 0}))},
	{"borrow", "resource types are not supported", bin(vec(7, []byte{0x68, 0}))},
	{"imported resource", "resource types are not supported", bin(vec(10, join(extern("r"), []byte{3, 1})))},
	{"method", "resource types are not supported", bin(vec(10, join(extern("[method]r.a"), []byte{1, 0})))},
	{"resource.drop", "resource types are not supported", bin(vec(8, []byte{3, 0}))},
	{"stream", "async types (stream) are not supported", bin(vec(7, []byte{0x66, 0}))},
	{"future", "async types (future) are not supported", bin(vec(7, []byte{0x65, 0}))},
	{"error-context", "error-context types are not supported", bin(vec(7, []byte{0x70, 0x64}))},
	{"async function", "async functions are not supported", bin(vec(7, []byte{0x43, 0, 1, 0}))},
	{"async built-in", "async built-ins are not supported", bin(vec(8, []byte{0x0d}))},
	{"async option", "async functions are not supported", bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 6))},
	{"thread built-in", "thread built-ins are not supported", bin(vec(8, []byte{0x26}))},
	{"fixed-length list", "fixed-length lists are not supported", bin(vec(7, []byte{0x67, 0x79, 3}))},
	{"map", "map types are not supported", bin(vec(7, []byte{0x63, 0x79, 0x79}))},
	{"start", "component start functions are not supported", bin(section(9, []byte{0, 0, 0}))},
	{"values", "component values are not supported", bin(section(12, []byte{0}))},
	{"core types", "core type definitions are not supported", bin(section(3, []byte{0}))},
	{"UTF-16", "strings in UTF-16 are not supported", bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 1))},
	{"latin1", "strings in latin1+utf16 are not supported", bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 2))},
	{"named results", "named results are not supported", bin(vec(7, []byte{0x40, 0, 1, 1, 1, 'a', 0x79}))},
	{"name attributes", "attributes of import and export names are not supported", bin(vec(10, join([]byte{2}, text("a"), []byte{0, 1, 0})))},
	{"imported component", "components as imports and exports are not supported", bin(vec(7, []byte{0x41, 0}), vec(10, join(extern("c"), []byte{4, 0})))},
	{"imported core module", "core modules as imports and exports are not supported", bin(vec(10, join(extern("c"), []byte{0, 0x11, 0})))},
	{"exported core module", "core modules as imports and exports are not supported", bin(identity, vec(11, join(extern("c"), []byte{0, 0x11, 0, 0})))},
	{"exported component", "exported components are not supported", bin(section(4, bin()), vec(11, join(extern("c"), []byte{4, 0, 0})))},
	{"re-exported import", "imported functions that are exported again are not supported", bin(
		vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0})), vec(11, join(extern("g"), []byte{1, 0, 0})))},
	{"lowered lift", "functions of one component lowered into another are not supported", bin(
		linked, vec(7, u32ToU32), lift(0, 0, 0), vec(8, []byte{1, 0, 0, 0}))},

	{"core function index", "core function 9 of 3", bin(linked, vec(7, u32ToU32), lift(9, 0, 0))},
	{"core function type", `core function "v" has type () -> ()`, bin(linked, vec(7, u32ToU32), lift(1, 0, 0))},
	{"not a function type", "type 0 is not a function type", bin(linked, vec(7, []byte{0x79}), lift(0, 0, 0))},
	{"no memory", "needs the memory option", bin(linked, vec(7, []byte{0x40, 1, 1, 'a', 0x79, 0, 0x73}), lift(0, 0, 0))},
	{"no realloc", "needs the realloc option", bin(
		coreModule(vec(1, []byte{0x60, 2, 0x7f, 0x7f, 0}), vec(3, []byte{0}), vec(5, []byte{0, 1}),
			vec(7, join(text("f"), []byte{0, 0}), join(text("mem"), []byte{2, 0})), vec(10, []byte{2, 0, 0x0b})),
		instantiated, vec(6, join([]byte{0, 0, 1, 0}, text("f")), join([]byte{0, 2, 1, 0}, text("mem"))),
		vec(7, []byte{0x40, 1, 1, 'a', 0x73, 1, 0}), lift(0, 0, 1, 3, 0))},
	{"realloc type", `realloc function "f" has type`, bin(linked, vec(7, u32ToU32), lift(0, 0, 2, 3, 0, 4, 0))},
	{"realloc without memory", "realloc without a memory", bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 4, 2))},
	{"post-return type", `post-return function "f" has type`, bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 5, 0))},
	{"option twice", "memory given twice", bin(linked, vec(7, u32ToU32), lift(0, 0, 2, 3, 0, 3, 0))},
	{"unknown option", "unknown canonical option 0x9", bin(linked, vec(7, u32ToU32), lift(0, 0, 1, 9))},
	{"core export missing", `core instance has no export "x"`, bin(identity, instantiated, vec(6, join([]byte{0, 0, 1, 0}, text("x"))))},
	{"core export of another sort", `core export "f" is a function, not a memory`, bin(
		identity, instantiated, vec(6, join([]byte{0, 2, 1, 0}, text("f"))))},
	{"core bundle's export of another sort", `core export "g" is a function, not a memory`, bin(
		linked, vec(2, join([]byte{1, 1}, text("g"), []byte{0, 0})), vec(6, join([]byte{0, 2, 1, 1}, text("g"))))},
	{"core bundle's export twice", `core export "g" twice`, bin(
		linked, vec(2, join([]byte{1, 2}, text("g"), []byte{0, 0}, text("g"), []byte{0, 0})))},
	{"core export twice", `core export "a" twice`, bin(
		coreModule(vec(5, []byte{0, 1}), vec(7, join(text("a"), []byte{2, 0}), join(text("a"), []byte{2, 0}))))},
	{"core imports twice", "a second core import section", bin(
		coreModule(vec(2, join(text("m"), text("a"), []byte{2, 0, 1})), vec(2, join(text("m"), text("b"), []byte{2, 0, 1}))))},
	{"core export of no function", `core export "a" is function 0 of 0`, bin(coreModule(vec(7, join(text("a"), []byte{0, 0}))))},
	{"core module index", "core module 0 of 0", bin(instantiated)},
	{"core import not given", `core module imports from "m", which isn't given`, bin(
		coreModule(vec(1, []byte{0x60, 0, 0}), vec(2, join(text("m"), text("f"), []byte{0, 0}))), instantiated)},
	{"core import of another type", `core import "f" of "m": the module wants () -> (), given is (i32) -> (i32)`, bin(
		identity, instantiated,
		coreModule(vec(1, []byte{0x60, 0, 0}), vec(2, join(text("m"), text("f"), []byte{0, 0}))),
		vec(2, join([]byte{0, 1, 1}, text("m"), []byte{0x12, 0})))},
	{"argument twice", `argument "m" twice`, bin(identity, instantiated,
		vec(2, join([]byte{0, 0, 2}, text("m"), []byte{0x12, 0}, text("m"), []byte{0x12, 0})))},
	{"core type index", "core type 4 of 0", bin(coreModule(vec(3, []byte{4})), instantiated)},
	{"GC types", "core types of form 0x5f are not supported", bin(coreModule(vec(1, []byte{0x5f, 0})), instantiated)},
	{"core tables twice", "a second core table section", bin(coreModule(vec(4, []byte{0x70, 0, 1}), vec(4, []byte{0x70, 0, 1})))},
	{"core imports after tables", "or one after the tables", bin(
		coreModule(vec(4, []byte{0x70, 0, 1}), vec(2, join(text("m"), text("a"), []byte{2, 0, 1}))))},
	{"large table", "a core table of 20001 elements, allowed are 20000", bin(coreModule(vec(4, []byte{0x70, 0, 0xa1, 0x9c, 1})))},
	{"shared table", "shared core tables are not supported", bin(coreModule(vec(4, []byte{0x70, 3, 1, 1})))},
	{"table with values", "core tables with initial values are not supported", bin(
		coreModule(vec(4, []byte{0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b})))},
	{"typed table", "typed references in core modules", bin(coreModule(vec(4, []byte{0x63, 0, 0, 1})))},
	{"memory of 4 GiB", "core memories that start with 65536 pages are not supported", bin(
		coreModule(vec(5, []byte{0, 0x80, 0x80, 4})))},
	{"64-bit memory", "64-bit memories", bin(coreModule(vec(5, []byte{4, 1})), instantiated)},

	{"import twice", `import "f" twice`, bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0}), join(extern("f"), []byte{1, 0})))},
	{"export twice", `export "f" twice`, bin(linked, vec(7, u32ToU32), lift(0, 0, 0),
		vec(11, join(extern("f"), []byte{1, 0, 0}), join(extern("f"), []byte{1, 0, 0})))},
	{"export ascribed another type", "is wanted, given is", bin(linked, vec(7, u32ToU32, []byte{0x40, 0, 1, 0}), lift(0, 0, 0),
		vec(11, join(extern("f"), []byte{1, 0, 1, 1, 1})))},
	{"extern of another sort", "type 0 is not a instance type", bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{5, 0})))},
	{"nested instance import", "instances within imported instances are not supported", bin(
		vec(7, join([]byte{0x42, 2, 1, 0x42, 0, 4}, extern("i"), []byte{5, 0})), vec(10, join(extern("a"), []byte{5, 0})))},
	{"alias of no export", `instance has no export "x"`, bin(vec(7, []byte{0x42, 0}), vec(10, join(extern("a"), []byte{5, 0})),
		vec(6, join([]byte{1, 0, 0}, text("x"))))},
	{"alias of another sort", `export "f" is a function, not a type`, bin(
		vec(7, join([]byte{0x42, 2, 1}, u32ToU32, []byte{4}, extern("f"), []byte{1, 0})), vec(10, join(extern("a"), []byte{5, 0})),
		vec(6, join([]byte{3, 0, 0}, text("f"))))},
	{"alias of another core sort", "alias of a core function of an instance", bin(
		identity, vec(5, join([]byte{1, 1}, extern("m"), []byte{0, 0x11, 0})), vec(6, join([]byte{0, 0, 0, 0}, text("m"))))},
	{"outer alias too far", "outer alias goes up 1 scopes", bin(vec(6, []byte{3, 2, 1, 0}))},
	{"outer alias of a function", "outer alias of a function", bin(vec(6, []byte{1, 2, 0, 0}))},
	{"outer alias index", "outer alias: type 0 of 0", bin(vec(6, []byte{3, 2, 0, 0}))},
	{"nested component wrong", "type 7 of 0", bin(section(4, bin(vec(7, []byte{0x70, 7}))))},
	{"nested import not given", `import "f" isn't given`, bin(
		section(4, bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0})))), vec(5, []byte{0, 0, 0}))},
	{"nested import of another type", "is wanted, given is", bin(
		section(4, bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0})))),
		linked, vec(7, []byte{0x40, 0, 1, 0}), lift(1, 0, 0), vec(5, join([]byte{0, 0, 1}, text("f"), []byte{1, 0})))},
	{"nested import of another sort", "a function is wanted, given is a type", bin(
		section(4, bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0})))),
		vec(7, u32ToU32), vec(5, join([]byte{0, 0, 1}, text("f"), []byte{3, 0})))},
}

func long(n int) []byte { return join(leb(n), bytes.Repeat([]byte{'a'}, n)) }

func manyLabels(n int) (labels []byte) {
	for i := range n {
		labels = append(labels, 2, 'a'+byte(i/26), 'a'+byte(i%26))
	}
	return labels
}

func TestRefusedByName(t *testing.T) {
	for _, c := range refusedComponents {
		t.Run(c.name, func(t *testing.T) {
			_, err := component.Decode(c.binary)
			require.Error(t, err)
			requireRefused(t, err, len(c.binary))
			require.ErrorContains(t, err, c.message)
		})
	}
}

// TestHandWrittenComponent shows that what the cases above are changed from is right.
func TestHandWrittenComponent(t *testing.T) {
	ctx := context.Background()
	inner := bin(vec(7, u32ToU32), vec(10, join(extern("f"), []byte{1, 0})), vec(11, join(extern("g"), []byte{1, 0, 0})))
	binary := bin(linked, vec(7, u32ToU32, []byte{0x40, 0, 1, 0}), lift(0, 0, 0), lift(1, 1, 0), section(4, inner),
		vec(5, join([]byte{0, 0, 1}, text("f"), []byte{1, 0})),
		vec(11, join(extern("a:b/c"), []byte{5, 0, 0}), join(extern("nothing"), []byte{1, 1, 1, 1, 1})), section(0, text("custom")))
	c, err := component.Decode(binary)
	require.NoError(t, err)
	require.Len(t, c.Exports(), 2)
	require.Equal(t, "a:b/c#g: func(a: u32) -> u32", c.Exports()[0].String())
	require.Equal(t, "nothing: func()", c.Exports()[1].String())
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	compiled, err := rt.Compile(ctx, c)
	require.NoError(t, err)
	i, err := compiled.Instantiate(ctx, nil, component.Config{})
	require.NoError(t, err)
	g := function(t, i, "a:b/c", "g").NewCall()
	g.SetU32(0, 77)
	require.NoError(t, g.Invoke(ctx))
	require.Equal(t, uint32(77), g.Result().U32())
	require.NoError(t, g.Done(ctx))
}

// TestUnfoldingIsBounded has components that instantiate one another twice each, and types of each other twice each.
func TestUnfoldingIsBounded(t *testing.T) {
	level := bin()
	for range 40 {
		level = bin(section2(4, level), vec(5, []byte{0, 0, 0}, []byte{0, 0, 0}))
	}
	_, err := component.Decode(level)
	requireRefused(t, err, len(level))
	require.ErrorContains(t, err, "too much work")

	types := [][]byte{{0x6f, 2, 0x79, 0x79}}
	for n := range byte(60) {
		types = append(types, []byte{0x6f, 2, n, n})
	}
	binary := bin(vec(7, types...))
	_, err = component.Decode(binary)
	requireRefused(t, err, len(binary))
	require.ErrorContains(t, err, "types in one")

	many := make([][]byte, 0, 100)
	for range 100 {
		many = append(many, []byte{0, 0, 0})
	}
	binary = bin(identity)
	for range 11 {
		binary = join(binary, vec2(2, many...))
	}
	_, err = component.Decode(binary)
	requireRefused(t, err, len(binary))
	require.ErrorContains(t, err, "too many core modules")

	deep := bin()
	for range 60 {
		deep = bin(section2(4, deep))
	}
	_, err = component.Decode(deep)
	requireRefused(t, err, len(deep))
	require.ErrorContains(t, err, "nested deeper")
}

func TestTrappingStartFunction(t *testing.T) {
	ctx := context.Background()
	binary := bin(coreModule(vec(1, []byte{0x60, 0, 0}), vec(3, []byte{0}), section(8, []byte{0}), vec(10, []byte{3, 0, 0, 0x0b})), instantiated)
	c, err := component.Decode(binary)
	require.NoError(t, err)
	rt, err := component.NewRuntime(ctx, component.RuntimeConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	compiled, err := rt.Compile(ctx, c)
	require.NoError(t, err)
	_, err = compiled.Instantiate(ctx, nil, component.Config{})
	var trap *component.TrapError
	require.True(t, errors.As(err, &trap), "%v", err)
	require.ErrorContains(t, err, "while instantiating")

	beyond := bin(coreModule(vec(1, []byte{0x60, 0, 0}), vec(3, []byte{0}), vec(5, []byte{0, 0}), section(8, []byte{0}),
		vec(10, []byte{2, 0, 0x0b}), vec(11, []byte{0, 0x41, 0, 0x0b, 1, 'x'})), instantiated)
	c, err = component.Decode(beyond)
	require.NoError(t, err)
	compiled, err = rt.Compile(ctx, c)
	require.NoError(t, err)
	_, err = compiled.Instantiate(ctx, nil, component.Config{})
	require.ErrorContains(t, err, "linking core module 0")
	require.NotErrorIs(t, err, component.ErrTrapped, "its start function did not run")

	wrong := bin(coreModule(vec(1, []byte{0x60, 0, 0}), vec(3, []byte{0}), vec(10, []byte{3, 0, 0x6a, 0x0b})), instantiated)
	c, err = component.Decode(wrong)
	require.NoError(t, err)
	_, err = rt.Compile(ctx, c)
	require.ErrorContains(t, err, "core module at offset 0xa")
}
