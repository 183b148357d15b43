// Package component links WebAssembly components on stock wazero. It knows nothing of what a component is for.
//
// [Decode] reads and validates the binary, [Runtime.Compile] compiles its core modules once a process,
// [Compiled.Instantiate] type-checks the offered [Imports] and links the modules. An exported function is looked up
// once with [Instance.Func] and called in one of two ways:
//
//   - [Func.Call] takes and gives dynamic values ([wit.Value]) of any supported type and allocates.
//   - [Func.NewCall] gives a reusable [Call] whose setters, Invoke and result views allocate nothing.
//
// Supported are all synchronous value types. Resources, async, map, fixed-length lists, other string encodings than
// UTF-8, component start functions and component values are refused by name ([UnsupportedError]).
//
// An [Instance] is used by one goroutine at a time. A call that traps poisons its instance; nothing a component does
// ends the process, except that a loop that never ends can't be stopped (see RATIONALE.md).
package component
